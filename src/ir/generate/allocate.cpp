// Register allocation: registers in the order of what memory instead would cost, each onto a real register that is free
// over its whole range; what finds none lives in memory (a store after its definition, a load before each use) or is
// computed anew where it is used, and everything is assigned again. A range is a set of bits over the positions of the
// code, so that "free over the whole range" is a few word operations.
//
// Calls destroy r0 to r5. A register that is live across a call gets one of r7 to r9, or one of the others with a save
// and a restore around the call, whichever costs least: a call in an unlikely block does not disturb a loop around it.
//
// Scalars are kept in the slot, from where they come back unknown to the verifier, which lets it merge paths; pointers
// are kept on the stack, where it keeps track of them.
//
// Cost: near linear; a second iteration for functions that need more than the registers, rarely a third.
#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "event/slot.h"
#include "ir/form/fold.h"
#include "ir/generate/live_ranges.h"
#include "ir/generate/low.h"
#include "ir/generate/spill.h"
#include "ir/verifier/cuts.h"

namespace perilune::ir {
namespace {

constexpr std::array<uint8_t, 9> kReal = {1, 2, 3, 4, 5, 0, 9, 8, 7};
constexpr uint8_t kFirstPreserved = 6;
constexpr float kInfinite = std::numeric_limits<float>::infinity();
constexpr int kMostRounds = 30;
// Rounds, before variables go to memory as a whole, and then all that live for long.
constexpr int kPatience = 4;
constexpr int kLastPatience = 8;
constexpr uint32_t kLong = 64;  // positions: 16 instructions

class Bits {
 public:
  explicit Bits(uint32_t size) : words_(size / 64 + 1) {}

  [[nodiscard]] bool any(const Segment& segment) const {
    return with_words(segment, [this](size_t word, uint64_t mask) { return (words_[word] & mask) != 0; });
  }
  void set(const Segment& segment) {
    with_words(segment, [this](size_t word, uint64_t mask) {
      words_[word] |= mask;
      return false;
    });
  }

 private:
  template <typename F>
  static bool with_words(const Segment& segment, F f) {
    const size_t first = segment.begin / 64;
    const size_t last = (segment.end - 1) / 64;
    for (size_t word = first; word <= last; ++word) {
      uint64_t mask = ~uint64_t{0};
      if (word == first) mask &= ~uint64_t{0} << (segment.begin % 64);
      if (word == last) mask &= ~uint64_t{0} >> (63 - (segment.end - 1) % 64);
      if (f(word, mask)) return true;
    }
    return false;
  }
  std::vector<uint64_t> words_;
};

/// One attempt to give each virtual register a real one.
class Round {
 public:
  Round(const LowFunction& function, const std::vector<bool>& tiny)
      : function_(function), tiny_(tiny), ranges_(function), real_(function.registers, Allocation::kNone) {
    taken_.fill(Bits(ranges_.positions()));
  }

  /// The registers that found no place.
  std::vector<Register> run() {
    collect_calls();
    collect_wishes();
    std::vector<std::pair<float, Register>> order;
    for (Register reg = 1; reg < function_.registers; ++reg) {
      if (!ranges_.of(reg).empty()) order.emplace_back(weight(reg), reg);
    }
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::vector<Register> homeless;
    for (const auto& [weight, reg] : order) {
      if (!place(reg)) homeless.push_back(reg);
    }
    return homeless;
  }

  Allocation finish() {
    Allocation allocation;
    std::sort(saves_.begin(), saves_.end(), [](const Allocation::Save& a, const Allocation::Save& b) {
      return a.position != b.position ? a.position < b.position : a.reg < b.reg;
    });
    allocation.saves = std::move(saves_);
    allocation.first = ranges_.first();
    for (size_t b = 0; b < function_.blocks.size(); ++b) {
      const auto end = 4 * (ranges_.first()[b] + 1 + static_cast<uint32_t>(function_.blocks[b].code.size()));
      uint16_t busy = 0;
      for (const uint8_t real : kReal) {
        if (taken_[real].any({end, end + 4})) busy |= static_cast<uint16_t>(1u << real);
      }
      allocation.busy.push_back(busy);
    }
    allocation.real = std::move(real_);
    return allocation;
  }

  [[nodiscard]] const LiveRanges& ranges() const { return ranges_; }

 private:
  struct Call {
    uint32_t number = 0;
    float frequency = 0;
  };
  struct Wish {
    Register other = kNoRegister;
    uint8_t real = Allocation::kNone;  // where there is no other
    float strength = 0;
  };

  void wish(Register reg, Register other, float strength) {
    if (reg == kSlotRegister || other == kSlotRegister || reg == kNoRegister || other == kNoRegister) return;
    found_.push_back({reg, {other, Allocation::kNone, strength}});
    found_.push_back({other, {reg, Allocation::kNone, strength}});
  }
  void wish_real(Register reg, uint8_t real, float strength) {
    if (reg != kNoRegister && reg != kSlotRegister) found_.push_back({reg, {kNoRegister, real, strength}});
  }

  void collect_calls() {
    uint32_t number = 0;
    for (const LowBlock& block : function_.blocks) {
      ++number;
      for (const Low& low : block.code) {
        if (low.kind == Low::Kind::kCall) calls_.push_back({number, block.frequency});
        ++number;
      }
      ++number;
    }
  }

  void collect_wishes() {
    for (const LowBlock& block : function_.blocks) {
      for (const Low& low : block.code) {
        switch (low.kind) {
          case Low::Kind::kBinary:
          case Low::Kind::kSwap:
          case Low::Kind::kShift:
            wish(low.result, low.a.reg, block.frequency);
            if (low.kind == Low::Kind::kBinary && !low.b.is_number() && !low.a.is_number()) {
              wish(low.result, low.b.reg, block.frequency / 2);
            }
            break;
          case Low::Kind::kOffset:
            wish(low.result, low.b.reg, block.frequency);
            break;
          case Low::Kind::kLoad:
            wish(low.result, low.a.reg, block.frequency / 16);
            break;
          case Low::Kind::kCall:
            wish_real(low.result, 0, block.frequency);
            if (takes_number(low.op)) wish_real(low.a.reg, 3, block.frequency);
            break;
          default:
            break;
        }
      }
      if (block.kind == Terminator::Kind::kReturn) wish_real(block.a.reg, 0, block.frequency);
      if (block.kind != Terminator::Kind::kJump) continue;
      const std::vector<Parameter>& parameters = function_.blocks[block.then].parameters;
      for (size_t i = 0; i < block.arguments.size(); ++i) {
        if (parameters[i].cell != kNoCell || block.arguments[i].cell != kNoCell) continue;
        wish(parameters[i].reg, block.arguments[i].value.reg, block.frequency);
      }
    }
    // by register
    wishes_of_.assign(function_.registers + 1, 0);
    for (const auto& [reg, w] : found_)
      ++wishes_of_[reg + 1];
    for (size_t i = 1; i < wishes_of_.size(); ++i)
      wishes_of_[i] += wishes_of_[i - 1];
    wishes_.resize(found_.size());
    std::vector<uint32_t> next(wishes_of_.begin(), wishes_of_.end() - 1);
    for (const auto& [reg, w] : found_)
      wishes_[next[reg]++] = w;
  }

  [[nodiscard]] float cost_of_memory(Register reg) const { return ranges_.reads(reg) + ranges_.writes(reg); }

  [[nodiscard]] float weight(Register reg) const {
    if (tiny_[reg]) return kInfinite;
    return cost_of_memory(reg) / (static_cast<float>(ranges_.length(reg)) + 16);
  }

  template <typename F>
  void for_each_crossed(Register reg, F f) const {
    for (const Segment& segment : ranges_.of(reg)) {
      // calls with begin <= 4n + 1 < end
      auto call = std::lower_bound(calls_.begin(), calls_.end(), segment.begin,
                                   [](const Call& c, uint32_t begin) { return 4 * c.number + 1 < begin; });
      for (; call != calls_.end() && 4 * call->number + 1 < segment.end; ++call)
        f(*call);
    }
  }

  bool place(Register reg) {
    float saves = 0;
    for_each_crossed(reg, [&](const Call& call) { saves += 2 * call.frequency; });
    std::array<float, 10> wanted{};
    for (uint32_t i = wishes_of_[reg]; i < wishes_of_[reg + 1]; ++i) {
      const Wish& w = wishes_[i];
      const uint8_t real = w.other == kNoRegister ? w.real : real_[w.other];
      if (real != Allocation::kNone) wanted[real] += w.strength;
    }
    float best_score = -kInfinite;
    uint8_t best = Allocation::kNone;
    for (const uint8_t real : kReal) {
      const float score = wanted[real] - (real < kFirstPreserved ? saves : saves > 0 ? 0.01F : 0.05F);
      if (score <= best_score) continue;
      const auto range = ranges_.of(reg);
      if (std::any_of(range.begin(), range.end(), [&](const Segment& s) { return taken_[real].any(s); })) continue;
      best_score = score;
      best = real;
    }
    if (best == Allocation::kNone) return false;
    if (best < kFirstPreserved && saves > cost_of_memory(reg) && !tiny_[reg]) return false;
    for (const Segment& segment : ranges_.of(reg))
      taken_[best].set(segment);
    real_[reg] = best;
    if (best < kFirstPreserved) {
      for_each_crossed(reg, [&](const Call& call) { saves_.push_back({call.number, reg}); });
    }
    return true;
  }

  const LowFunction& function_;
  const std::vector<bool>& tiny_;
  LiveRanges ranges_;
  std::vector<uint8_t> real_;
  std::array<Bits, 10> taken_{Bits(0), Bits(0), Bits(0), Bits(0), Bits(0), Bits(0), Bits(0), Bits(0), Bits(0), Bits(0)};
  std::vector<Call> calls_;
  std::vector<std::pair<Register, Wish>> found_;
  std::vector<Wish> wishes_;
  std::vector<uint32_t> wishes_of_;
  std::vector<Allocation::Save> saves_;
};

/// Cells for what this iteration moves to memory; two registers share one when they are never live together.
class Cells {
 public:
  Cells(const LiveRanges& ranges, int32_t& scalars, int32_t& pointers) : ranges_(ranges), next_{&scalars, &pointers} {}

  int32_t give(Register reg, bool pointer) {
    const auto range = ranges_.of(reg);
    for (auto& [cell, bits] : open_[pointer ? 1 : 0]) {
      if (std::any_of(range.begin(), range.end(), [&b = bits](const Segment& s) { return b.any(s); })) continue;
      for (const Segment& segment : range)
        bits.set(segment);
      return cell;
    }
    const int32_t cell = (*next_[pointer ? 1 : 0])++;
    Bits bits(ranges_.positions());
    for (const Segment& segment : range)
      bits.set(segment);
    open_[pointer ? 1 : 0].emplace_back(cell, std::move(bits));
    return cell;
  }

 private:
  const LiveRanges& ranges_;
  std::array<int32_t*, 2> next_;
  std::array<std::vector<std::pair<int32_t, Bits>>, 2> open_;
};

std::vector<Register> kept_in_memory(const LowFunction& function) {
  std::vector<Register> chosen;
  for (Register reg = 1; reg < function.in_memory.size(); ++reg)
    if (function.in_memory[reg] && !function.pointers[reg]) chosen.push_back(reg);
  return chosen;
}

/// With each register the others that hold the same variable: what is handed on to parameters, from place to place. One
/// at a time, each that goes to memory can leave the one before it without a place, pass after pass.
std::vector<Register> whole_variables(const LowFunction& function, const std::vector<Register>& registers,
                                      const std::vector<bool>& tiny) {
  std::vector<Register> root(function.registers);
  for (Register reg = 0; reg < function.registers; ++reg)
    root[reg] = reg;
  const auto find = [&](Register reg) {
    while (root[reg] != reg)
      reg = root[reg] = root[root[reg]];
    return reg;
  };
  const auto counts = [&](Register reg) { return reg != kNoRegister && reg != kSlotRegister && !tiny[reg]; };
  for (const LowBlock& block : function.blocks) {
    if (block.kind != Terminator::Kind::kJump) continue;
    const std::vector<Parameter>& parameters = function.blocks[block.then].parameters;
    for (size_t i = 0; i < block.arguments.size(); ++i) {
      const Argument& argument = block.arguments[i];
      if (parameters[i].cell != kNoCell || argument.cell != kNoCell || argument.value.is_number()) continue;
      const Register from = argument.value.reg;
      const Register to = parameters[i].reg;
      if (counts(from) && counts(to) && function.pointers[from] == function.pointers[to]) root[find(from)] = find(to);
    }
  }
  std::vector<bool> wanted(function.registers);
  for (const Register reg : registers)
    wanted[find(reg)] = true;
  std::vector<Register> all;
  for (Register reg = 1; reg < function.registers; ++reg)
    if (wanted[find(reg)]) all.push_back(reg);
  return all;
}

/// The registers, and all others that live for long.
std::vector<Register> long_lived(const LiveRanges& ranges, std::vector<Register> registers,
                                 const std::vector<bool>& tiny) {
  std::vector<bool> chosen(tiny.size());
  for (const Register reg : registers)
    chosen[reg] = true;
  for (Register reg = 1; reg < tiny.size(); ++reg) {
    if (!chosen[reg] && !tiny[reg] && ranges.length(reg) >= kLong) registers.push_back(reg);
  }
  return registers;
}

}  // namespace

Result<Allocation> allocate(LowFunction& function) {
  std::vector<bool> tiny(function.registers);
  int32_t cells = 0;
  int32_t stack_cells = 0;
  const auto spill = [&](const LiveRanges& ranges, const std::vector<Register>& chosen) {
    Cells free_cells(ranges, cells, stack_cells);
    const Spilling spilling =
        plan_spills(function, chosen, [&](Register reg) { return free_cells.give(reg, function.pointers[reg]); });
    apply_spills(function, spilling);
    // What is new lives for an instruction only and must not be spilled again.
    tiny.resize(function.registers, true);
  };
  if (const std::vector<Register> chosen = kept_in_memory(function); !chosen.empty())
    spill(LiveRanges(function), chosen);
  for (int round_number = 0; round_number < kMostRounds; ++round_number) {
    Round round(function, tiny);
    const std::vector<Register> homeless = round.run();
    if (homeless.empty()) {
      Allocation allocation = round.finish();
      allocation.cells = cells;
      allocation.stack_cells = stack_cells;
      allocation.cuts = choose_cuts(function, round.ranges(), stack_cells);
      if (!allocation.cuts.empty()) {
        allocation.cut_cells = allocation.cells;
        allocation.cells += Allocation::kCutCells;
      }
      return allocation;
    }
    if (round_number < kPatience) {
      spill(round.ranges(), homeless);
    } else if (round_number < kLastPatience) {
      spill(round.ranges(), whole_variables(function, homeless, tiny));
    } else {
      spill(round.ranges(), long_lived(round.ranges(), homeless, tiny));
    }
    if (cells > static_cast<int32_t>((PL_SCRATCH - PL_SPILL) / 8)) break;
  }
  return input_error(fmt::format("the filter keeps too many values at once: {} do not fit into registers", cells),
                     "split the filter, or compute values where they are used");
}

}  // namespace perilune::ir
