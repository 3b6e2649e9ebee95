#include "compiler/match/match_emitter.h"

#include <algorithm>
#include <array>

namespace perilune::compiler {
namespace {

using ir::BlockId;
using ir::Condition;
using ir::Edge;
using ir::Op;
using ir::Value;
using pattern::ByteSet;
using pattern::MaskedByte;

constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kHighs = 0x8080808080808080;

/// How often a byte comes in what filters look at, roughly: the rarer of two is the better to scan for.
uint32_t frequency(MaskedByte byte) {
  uint32_t sum = 0;
  for (unsigned c = 0; c < 256; ++c) {
    if ((c & byte.mask) != byte.value) continue;
    const std::string_view common = "etaoinsrhldcumfp";
    if (c == 0) {
      sum += 120;
    } else if (common.find(static_cast<char>(c)) != std::string_view::npos) {
      sum += 40;
    } else if (c == ' ' || c == '\n' || c == '\r' || c == '.' || c == '/' || c == '-') {
      sum += 30;
    } else if (c >= 'a' && c <= 'z') {
      sum += 16;
    } else if ((c >= '0' && c <= '9') || c == 0xff || c == 1) {
      sum += 14;
    } else {
      sum += 6;
    }
  }
  return sum;
}

/// The index of the literal's byte that, with the one after it, is the rarest pair.
size_t rarest(Literal literal) {
  size_t best = 0;
  uint64_t least = UINT64_MAX;
  for (size_t i = 0; i + 1 < literal.size(); ++i) {
    const uint64_t product = uint64_t{frequency(literal[i])} * frequency(literal[i + 1]);
    if (product < least) {
      least = product;
      best = i;
    }
  }
  return best;
}

}  // namespace

std::vector<MaskedByte> literal_of(std::string_view text) {
  std::vector<MaskedByte> literal;
  for (const char c : text)
    literal.push_back({static_cast<uint8_t>(c), 0xff});
  return literal;
}

MatchEmitter::MatchEmitter(const MatchContext& context, const Subject& subject)
    : context_(context),
      begin_(subject.offset),
      end_(context.builder->add(subject.offset, subject.length)),
      most_(subject.most) {}

Value MatchEmitter::pointer(Value position) const {
  ir::Builder& b = builder();
  return b.offset(b.slot(), position, PL_SLOT_MASK);
}

BlockId MatchEmitter::loop(size_t parameters) const {
  const BlockId header = builder().new_block(parameters);
  ir::Block& block = builder().function().blocks[header];
  block.loop_header = true;
  block.exhausted = context_.exhausted;
  return header;
}

void MatchEmitter::require(Condition condition, Value a, Value b, const Edge& otherwise) const {
  const BlockId next = builder().new_block();
  builder().branch(condition, a, b, Edge{next, {}}, otherwise);
  builder().switch_to(next);
}

Value MatchEmitter::zero_lanes(Value word) const {
  ir::Builder& b = builder();
  const Value below = b.sub(word, b.constant(static_cast<int64_t>(kOnes)));
  const Value inverse = b.binary(Op::kXor, word, -1);
  return b.binary(Op::kAnd, b.binary(Op::kAnd, below, inverse), static_cast<int64_t>(kHighs));
}

/// Zero in the lanes where the byte stands.
Value MatchEmitter::differences(Value word, MaskedByte byte) const {
  ir::Builder& b = builder();
  if (byte.mask != 0xff) word = b.binary(Op::kAnd, word, static_cast<int64_t>(byte.mask * kOnes));
  return b.binary(Op::kXor, word, static_cast<int64_t>(byte.value * kOnes));
}

/// The number of the lowest lane whose high bit is set: (lanes - 1) & ~lanes has all bits below it.
Value MatchEmitter::first_lane(Value lanes) const {
  ir::Builder& b = builder();
  const Value below = b.binary(Op::kAnd, b.add(lanes, -1), b.binary(Op::kXor, lanes, -1));
  const Value ones = b.binary(Op::kAnd, below, static_cast<int64_t>(kOnes));
  const Value count = b.binary(Op::kLshr, b.binary(Op::kMul, ones, static_cast<int64_t>(kOnes)), 56);
  return b.add(count, -1);
}

BlockId MatchEmitter::search(Literal literal, BlockId found, const Edge& none) const {
  ir::Builder& b = builder();
  const BlockId before = b.current();
  const auto length = static_cast<int64_t>(literal.size());
  const Value last = b.sub(end_, b.constant(length));  // where it can stand at the latest
  const BlockId header = loop(1);
  const BlockId next = b.new_block();
  const BlockId hit = b.new_block();
  const BlockId second = b.new_block();
  const BlockId located = b.new_block(2);  // of eight bytes: their position, the lanes
  const BlockId inside = b.new_block();

  // for (; p <= last; p += 16) two words of candidates
  const size_t at = rarest(literal);
  const auto at_disp = static_cast<int32_t>(at);
  b.switch_to(header);
  const Value p = b.parameters(header)[0];
  const BlockId scan = b.new_block();
  b.branch(Condition::kSle, p, last, Edge{scan, {}}, none);
  b.switch_to(scan);
  const Value memory = pointer(p);
  std::array<Value, 2> lanes{};
  for (int32_t half = 0; half < 2; ++half) {
    Value difference = differences(b.load(8, memory, at_disp + 8 * half), literal[at]);
    if (at + 1 < literal.size()) {
      // the pair: where both bytes stand
      const Value other = differences(b.load(8, memory, at_disp + 8 * half + 1), literal[at + 1]);
      difference = b.binary(Op::kOr, difference, other);
    }
    lanes[static_cast<size_t>(half)] = zero_lanes(difference);
  }
  b.branch(Condition::kNe, b.binary(Op::kOr, lanes[0], lanes[1]), 0, hit, next);
  b.switch_to(next);
  b.jump(header, {b.add(p, 16)});
  b.switch_to(hit);
  b.branch(Condition::kNe, lanes[0], b.constant(0), Edge{located, {p, lanes[0]}}, Edge{second, {}});
  b.switch_to(second);
  b.jump(located, {b.add(p, 8), lanes[1]});

  b.switch_to(located);
  const Value base = b.parameters(located)[0];
  const Value candidate = b.add(base, first_lane(b.parameters(located)[1]));
  b.branch(Condition::kSle, candidate, last, Edge{inside, {}}, none);
  b.switch_to(inside);
  if (literal.size() > 2) {
    const BlockId again = b.new_block();
    compare(literal, candidate, 0, Edge{again, {}});
    b.jump(found, {candidate});
    b.switch_to(again);
    b.jump(header, {b.add(candidate, 1)});
  } else {
    b.jump(found, {candidate});
  }
  b.switch_to(before);
  return header;
}

void MatchEmitter::compare(Literal literal, Value position, int32_t at, const Edge& otherwise) const {
  ir::Builder& b = builder();
  while (!literal.empty()) {
    const size_t left = literal.size();
    // 3 bytes are read as 4, 5 to 7 as 8: there are bytes after every subject
    const unsigned width = left == 1 ? 1 : left == 2 ? 2 : left <= 4 ? 4 : 8;
    const size_t count = std::min<size_t>(left, width);
    uint64_t mask = 0;
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      mask |= uint64_t{literal[i].mask} << (8 * i);
      value |= uint64_t{literal[i].value} << (8 * i);
    }
    Value word = b.load(width, pointer(position), at);
    const uint64_t all = width == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * width)) - 1;
    if (mask != all) word = b.binary(Op::kAnd, word, static_cast<int64_t>(mask));
    require(Condition::kEq, word, b.constant(static_cast<int64_t>(value)), otherwise);
    literal = literal.subspan(count);
    at += static_cast<int32_t>(count);
    if (at > 0x4000) {
      position = b.add(position, at);
      at = 0;
    }
  }
}

void MatchEmitter::compare(const ByteSet& set, Value position, int32_t at, const Edge& otherwise) const {
  ir::Builder& b = builder();
  if (set.all()) return;
  if (const auto byte = pattern::masked_byte(set)) return compare(Literal(&*byte, 1), position, at, otherwise);
  std::array<uint8_t, 256> members{};
  for (unsigned c = 0; c < 256; ++c)
    members[c] = set.contains(static_cast<uint8_t>(c)) ? 1 : 0;
  const Value byte = b.load(1, pointer(position), at);
  const Value member = b.load(1, b.offset(table(members, 256), byte, 255), 0);
  require(Condition::kNe, member, b.constant(0), otherwise);
}

void MatchEmitter::compare(std::string_view text, Value position, const Edge& otherwise) const {
  compare(literal_of(text), position, 0, otherwise);
}

/// What stands outside of the set, when it is few masked bytes.
std::vector<MaskedByte> MatchEmitter::excluded(const ByteSet& set) {
  ByteSet rest = set;
  rest.invert();
  if (rest.size() > 4) return {};
  std::vector<MaskedByte> bytes;
  while (rest.size() > 0) {
    ByteSet pair = ByteSet::of(static_cast<uint8_t>(rest.first()));
    for (unsigned bit = 0; bit < 8; ++bit) {  // two that differ in a bit cost as much as one
      const auto other = static_cast<uint8_t>(rest.first() ^ (1 << bit));
      if (rest.contains(other)) {
        pair.add(other);
        break;
      }
    }
    bytes.push_back(*pattern::masked_byte(pair));
    for (size_t i = 0; i < rest.words.size(); ++i)
      rest.words[i] &= ~pair.words[i];
  }
  return bytes;
}

bool MatchEmitter::is_fast(const ByteSet& set) {
  const size_t few = excluded(set).size();
  return set.all() || (few > 0 && few <= 3);
}

Value MatchEmitter::span(const ByteSet& set, Value from) const {
  ir::Builder& b = builder();
  if (set.all()) return end_;
  if (set.size() == 0) return from;
  const std::vector<MaskedByte> stops = excluded(set);
  const bool fast = is_fast(set);
  Value members = ir::kNoValue;
  if (!fast) {
    std::array<uint8_t, 256> bytes{};
    for (unsigned c = 0; c < 256; ++c)
      bytes[c] = set.contains(static_cast<uint8_t>(c)) ? 1 : 0;
    members = table(bytes, 256);
  }
  const BlockId done = b.new_block(1);
  const BlockId header = loop(1);
  const BlockId next = b.new_block();
  const BlockId look = b.new_block();
  b.jump(header, {from});
  b.switch_to(header);
  const Value p = b.parameters(header)[0];
  b.branch(Condition::kUlt, p, end_, Edge{look, {}}, Edge{done, {end_}});
  b.switch_to(look);
  if (fast) {
    const Value word = b.load(8, pointer(p), 0);
    Value lanes = ir::kNoValue;
    for (const MaskedByte& stop : stops) {
      const Value found = zero_lanes(differences(word, stop));
      lanes = lanes == ir::kNoValue ? found : b.binary(Op::kOr, lanes, found);
    }
    const BlockId stopped = b.new_block();
    b.branch(Condition::kEq, lanes, 0, next, stopped);
    b.switch_to(stopped);
    const Value at = b.add(p, first_lane(lanes));
    b.branch(Condition::kUlt, at, end_, Edge{done, {at}}, Edge{done, {end_}});
    b.switch_to(next);
    b.jump(header, {b.add(p, 8)});
  } else {
    const Value byte = b.load(1, pointer(p), 0);
    const Value member = b.load(1, b.offset(members, byte, 255), 0);
    b.branch(Condition::kNe, member, b.constant(0), Edge{next, {}}, Edge{done, {p}});
    b.switch_to(next);
    b.jump(header, {b.add(p, 1)});
  }
  b.switch_to(done);
  return b.parameters(done)[0];
}

Value MatchEmitter::table(std::span<const uint8_t> bytes, size_t reach) const {
  return builder().tables(context_.tables->add(bytes, 16, reach));
}

}  // namespace perilune::compiler
