#include "pattern/two_pass.h"

#include <vector>

namespace perilune::pattern {

std::optional<TwoPass> make_two_pass(const Chain& chain) {
  TwoPass machine;
  machine.to_end = chain.to_end;
  for (const Step& step : chain.steps)
    machine.items += step.kind != Step::Kind::kMark ? 1 : 0;
  if (machine.items > TwoPass::kMostItems) return std::nullopt;
  uint64_t bit = machine.start_bit();
  for (const Step& step : chain.steps) {
    if (step.kind == Step::Kind::kMark) continue;
    std::array<uint64_t, 256>* table = &machine.advance;
    if (step.kind == Step::Kind::kFrontier) {
      machine.frontiers |= bit;
      table = &machine.inside;
    } else if (step.kind != Step::Kind::kOnce) {
      machine.optional |= bit;
      if (step.kind != Step::Kind::kOptional) table = &machine.stay;
    }
    for (unsigned c = 0; c < 256; ++c) {
      if (step.set.contains(static_cast<uint8_t>(c))) (*table)[c] |= bit;
    }
    bit >>= 1U;
  }
  return machine;
}

std::optional<Match> run(const TwoPass& machine, const Chain& chain, std::string_view subject, size_t init) {
  const size_t length = subject.size();
  std::vector<uint64_t> future(length - init + 1);  // by position
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(subject[i]); };
  uint64_t word = 0;
  std::optional<size_t> start;
  for (size_t i = length + 1; i-- > init;) {
    const uint8_t here = i < length ? byte(i) : 0;
    const uint8_t before = i > 0 ? byte(i - 1) : 0;
    uint64_t next = i == length || !machine.to_end ? 1 : 0;
    if (i < length) next |= ((word << 1U) & machine.advance[here]) | (word & machine.stay[here]);
    const uint64_t skip = machine.optional | (machine.frontiers & ~machine.inside[before] & machine.inside[here]);
    const uint64_t seeds = (next << 1U) & skip;
    next |= skip & (((skip + seeds) ^ skip) | seeds);
    future[i - init] = word = next;
    if ((word & machine.start_bit()) != 0 && (!chain.anchored || i == init)) start = i;
  }
  if (!start) return std::nullopt;

  std::vector<int64_t> marks(chain.marks);
  size_t i = *start;
  uint64_t bit = machine.start_bit();
  for (const Step& step : chain.steps) {
    if (step.kind == Step::Kind::kMark) {
      marks[step.mark] = static_cast<int64_t>(i);
      continue;
    }
    const auto could = [&](size_t position, uint64_t item) { return (future[position - init] & item) != 0; };
    const auto takes = [&] { return i < length && step.set.contains(byte(i)); };
    switch (step.kind) {
      case Step::Kind::kOnce:
        ++i;
        break;
      case Step::Kind::kOptional:
        if (takes() && could(i + 1, bit >> 1U)) ++i;
        break;
      case Step::Kind::kStar:
        while (takes() && could(i + 1, bit))
          ++i;
        break;
      case Step::Kind::kLazy:
        while (!could(i, bit >> 1U))
          ++i;
        break;
      default:
        break;
    }
    bit >>= 1U;
  }
  return resolve(chain, static_cast<int64_t>(init), static_cast<int64_t>(i), marks);
}

}  // namespace perilune::pattern
