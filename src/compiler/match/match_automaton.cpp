// A plain automaton at packet time: two bytes of the subject for each access to its table.
//
// The property relied on: of a step, the only thing that has to wait for the step before is the access to the table at
// row + pair. So rows are numbers of bytes (nothing to multiply), pairs of byte classes come from two small tables off
// the critical path, and the two states that never change again (yes, no) are the last rows, looked for once in eight
// bytes. The subject's end is one more class, which leads to yes or no, so that there is no other end of the table's
// use.
//
//   C:  while (p + 8 <= end) { row = T[row + (c1[p[0]] + c2[p[1]])]; ... 4 times; if (row >= NO) break; p += 8; }
//       the last 0 to 7 bytes in steps of 4, 2, 1, then the end
//
// Where pairs make the table larger than 64 KiB, one byte a step with 32-bit rows.
//
// The verifier: a row comes out of memory as any 16-bit number, so with a pair below 64 KiB it stays below the mask
// 0x1ffff and no instruction masks it; the pool keeps that many bytes readable. May_goto stands once in eight bytes.
#include <algorithm>
#include <bit>

#include "compiler/match/match_rows.h"
#include "compiler/match/match_ways.h"

namespace perilune::compiler {
namespace {

using ir::BlockId;
using ir::Condition;
using ir::Edge;
using ir::Op;
using ir::Value;
using pattern::Dfa;

/// The automaton with its sinks as the last two states, `no` and `yes`, and the end as one more class.
struct Completed {
  explicit Completed(const Dfa& dfa)
      : states(dfa.first_sink + 2), classes(dfa.classes.count() + 1), no(dfa.first_sink), yes(no + 1) {
    const auto renamed = [&](uint32_t state) { return state < dfa.first_sink ? state : dfa.accepts[state] ? yes : no; };
    next.resize(size_t{states} * classes);
    for (uint32_t state = 0; state < states; ++state) {
      for (uint32_t c = 0; c < classes; ++c) {
        uint32_t& cell = next[size_t{state} * classes + c];
        if (state >= no) {
          cell = state;
        } else if (c == classes - 1) {
          cell = dfa.accepts[state] ? yes : no;
        } else {
          cell = renamed(dfa.next[size_t{state} * (classes - 1) + c]);
        }
      }
    }
    start = renamed(dfa.start);
    for (const uint32_t state : dfa.start_after)
      start_after.push_back(renamed(state));
  }

  [[nodiscard]] uint32_t step(uint32_t state, uint32_t c) const { return next[size_t{state} * classes + c]; }

  uint32_t states;
  uint32_t classes;
  uint32_t no;
  uint32_t yes;
  std::vector<uint32_t> next;
  uint32_t start = 0;
  std::vector<uint32_t> start_after;
};

class Automaton {
 public:
  Automaton(const MatchEmitter& emitter, const Dfa& dfa, BlockId no)
      : emitter_(emitter), b_(emitter.builder()), dfa_(dfa), all_(dfa), no_(no) {
    const uint32_t pairs = all_.classes * all_.classes;
    two_ = size_t{all_.states} * pairs * 2 <= 0x10000;
    row_bytes_ = two_ ? pairs * 2 : all_.classes * 4;
  }

  void run(const pattern::Facts& facts, Candidate candidate) {
    make_table();
    Value row = ir::kNoValue;
    Value from = candidate.position;
    const std::optional<uint32_t> behind = candidate.prefix ? state_behind(facts.prefix) : std::nullopt;
    if (behind && *behind >= all_.no) {  // the prefix alone decides
      if (*behind == all_.no) b_.jump(no_);
      if (*behind == all_.no) b_.switch_to(b_.new_block());
      return;
    }
    if (behind) {
      row = row_of(*behind);
      from = b_.add(from, static_cast<int64_t>(facts.prefix.size()));
    } else {
      row = start_row(emitter_, dfa_.classes, all_.start, all_.start_after, row_bytes_, from);
    }
    const BlockId done = b_.new_block(1);
    scan(from, row, done);
    b_.switch_to(done);
    emitter_.require(Condition::kEq, b_.parameters(done)[0], row_of(all_.yes), Edge{no_, {}});
  }

 private:
  static constexpr int32_t kSecond = 512;  // where the classes of second bytes stand: 2 bytes each
  static constexpr int32_t kRows = 1024;   // and the rows
  [[nodiscard]] Value row_of(uint32_t state) { return b_.constant(int64_t{state} * row_bytes_); }

  void make_table() {
    std::vector<uint8_t> bytes;
    for (unsigned c = 0; c < 256; ++c)
      append(bytes, dfa_.classes.of[c] * (two_ ? all_.classes * 2 : 4), 2);
    for (unsigned c = 0; c < 256 && two_; ++c)
      append(bytes, dfa_.classes.of[c] * 2U, 2);
    bytes.resize(kRows);
    for (uint32_t state = 0; state < all_.states; ++state) {
      for (uint32_t first = 0; first < all_.classes; ++first) {
        const uint32_t middle = all_.step(state, first);
        if (!two_) append(bytes, middle * row_bytes_, 4);
        for (uint32_t second = 0; second < all_.classes && two_; ++second)
          append(bytes, all_.step(middle, second) * row_bytes_, 2);
      }
    }
    const size_t rows = size_t{all_.states} * row_bytes_;
    mask_ = two_ ? 0x1ffff : static_cast<int64_t>(std::bit_ceil(rows)) - 1;
    table_ = emitter_.table(bytes, kRows + static_cast<size_t>(mask_) + 1 + 8);
    pair_mask_ = static_cast<int64_t>(std::bit_ceil(row_bytes_)) - 1;
  }

  /// The state after bytes that begin a match, when it is the same whichever of the masked bytes they are and whatever
  /// stands in front.
  [[nodiscard]] std::optional<uint32_t> state_behind(const std::vector<pattern::MaskedByte>& prefix) const {
    uint32_t state = all_.start;
    for (const uint32_t other : all_.start_after) {
      if (other != state) return std::nullopt;
    }
    for (const pattern::MaskedByte& byte : prefix) {
      const uint32_t next = all_.step(state, dfa_.classes.of[byte.value]);
      const uint32_t other = all_.step(state, dfa_.classes.of[static_cast<uint8_t>(byte.value | ~byte.mask)]);
      if (next != other) return std::nullopt;
      state = next;
    }
    return state;
  }

  /// The class of a byte, times what makes it an offset in a row.
  Value first_class(Value memory, int32_t at) {
    const Value byte = b_.load(1, memory, at);
    return b_.load(2, b_.offset(table_, b_.binary(Op::kShl, byte, 1), 511), 0);
  }
  Value second_class(Value memory, int32_t at) {
    const Value byte = b_.load(1, memory, at);
    return b_.load(2, b_.offset(table_, b_.binary(Op::kShl, byte, 1), 511), kSecond);
  }
  Value step(Value row, Value in_row) {
    const Value index = b_.add(row, in_row);
    return b_.load(two_ ? 2 : 4, b_.offset(table_, index, mask_), kRows);
  }
  /// Two bytes at memory + at.
  Value step_two(Value row, Value memory, int32_t at) {
    if (two_) {
      const Value pair = b_.add(first_class(memory, at), second_class(memory, at + 1));
      return step(row, b_.binary(Op::kAnd, pair, pair_mask_));
    }
    return step(step(row, first_class(memory, at)), first_class(memory, at + 1));
  }

  void scan(Value from, Value row, BlockId done) {
    const Value last = b_.add(emitter_.end(), -8);
    const BlockId header = emitter_.loop(2);
    const BlockId eight = b_.new_block();
    const BlockId next = b_.new_block();
    const BlockId tail = b_.new_block();
    b_.jump(header, {from, row});
    b_.switch_to(header);
    const Value p = b_.parameters(header)[0];
    const Value at_p = b_.parameters(header)[1];
    b_.branch(Condition::kUle, p, last, eight, tail);
    b_.switch_to(eight);
    const Value memory = pointer_at(p);
    Value now = at_p;
    for (int32_t at = 0; at < 8; at += 2)
      now = step_two(now, memory, at);
    b_.branch(Condition::kUge, now, row_of(all_.no), Edge{done, {now}}, Edge{next, {}});
    b_.switch_to(next);
    b_.jump(header, {b_.add(p, 8), now});

    b_.switch_to(tail);
    finish(p, at_p, done);
  }

  /// The last bytes, fewer than eight, and the end.
  void finish(Value p, Value row, BlockId done) {
    const Value left = b_.sub(emitter_.end(), p);
    for (const int32_t count : {4, 2}) {
      const BlockId some = b_.new_block();
      const BlockId join = b_.new_block(2);
      b_.branch(Condition::kNe, b_.binary(Op::kAnd, left, count), b_.constant(0), Edge{some, {}}, Edge{join, {p, row}});
      b_.switch_to(some);
      const Value memory = pointer_at(p);
      Value now = row;
      for (int32_t at = 0; at < count; at += 2)
        now = step_two(now, memory, at);
      b_.jump(join, {b_.add(p, count), now});
      b_.switch_to(join);
      p = b_.parameters(join)[0];
      row = b_.parameters(join)[1];
    }
    const BlockId one = b_.new_block();
    const BlockId none = b_.new_block();
    b_.branch(Condition::kNe, b_.binary(Op::kAnd, left, 1), b_.constant(0), Edge{one, {}}, Edge{none, {}});
    const auto end_class = static_cast<int64_t>(all_.classes - 1);
    b_.switch_to(one);
    const Value first = first_class(pointer_at(p), 0);
    if (two_) {
      b_.jump(done, {step(row, b_.binary(Op::kAnd, b_.add(first, end_class * 2), pair_mask_))});
    } else {
      b_.jump(done, {step(step(row, first), b_.constant(end_class * 4))});
    }
    b_.switch_to(none);
    const int64_t twice = end_class * (all_.classes + 1) * 2;
    b_.jump(done, {step(row, b_.constant(two_ ? twice : end_class * 4))});
  }

  Value pointer_at(Value position) { return emitter_.pointer(position); }

  const MatchEmitter& emitter_;
  ir::Builder& b_;
  const Dfa& dfa_;
  Completed all_;
  BlockId no_;
  bool two_ = false;
  uint32_t row_bytes_ = 0;
  Value table_ = ir::kNoValue;
  int64_t mask_ = 0;
  int64_t pair_mask_ = 0;
};

}  // namespace

void match_automaton(const MatchEmitter& emitter, const Dfa& dfa, const pattern::Facts& facts, Candidate candidate,
                     BlockId no) {
  Automaton(emitter, dfa, no).run(facts, candidate);
}

}  // namespace perilune::compiler
