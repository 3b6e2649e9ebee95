// The two-pass method at packet time (pattern/two_pass.h): a word for each position of the subject, from its end to
// where the match may begin, then the walk.
//
//   C:  for (p = end; ; p--) {
//         next = (p == end) | ((word << 1) & advance[*p]) | (word & stay[*p]);      (| 1 without `$`)
//         skip = optional | (frontiers & ~inside[p[-1]] & inside[*p]);
//         seeds = (next << 1) & skip;
//         V[p] = word = next | (skip & (((skip + seeds) ^ skip) | seeds));
//         start = word & START ? p : start;
//         if (p == from) break;
//       }
//
// The verifier: `start` is chosen by arithmetic, since a branch in the body would double its work with every byte. V
// stands in the slot at a masked index like everything else.
// Cost: about 30 operations a byte, 8 bytes of memory a byte: for what no automaton can do.
#include "compiler/match/match_rows.h"
#include "compiler/match/match_ways.h"

namespace perilune::compiler {
namespace {

using ir::BlockId;
using ir::Condition;
using ir::Edge;
using ir::Op;
using ir::Value;
using pattern::Chain;
using pattern::Step;
using pattern::TwoPass;
using Kind = Step::Kind;

class TwoPasses {
 public:
  TwoPasses(const MatchEmitter& emitter, const Chain& chain, const TwoPass& machine, Value from, BlockId no)
      : emitter_(emitter), b_(emitter.builder()), chain_(chain), machine_(machine), from_(from), no_(no) {}

  Found run() {
    make_table();
    // V[p] is at 8 * p + this
    shift_ = b_.sub(b_.constant(emitter_.context().workspace), b_.binary(Op::kShl, from_, 3));
    Value at = backward();
    Found found;
    found.marks.resize(chain_.marks);
    uint64_t bit = machine_.start_bit();
    for (const Step& step : chain_.steps) {
      if (step.kind == Kind::kMark) {
        found.marks[step.mark] = at;
        continue;
      }
      at = walk(step, bit, at);
      bit >>= 1U;
    }
    found.end = at;
    return found;
  }

 private:
  static constexpr int32_t kStay = 2048;
  static constexpr int32_t kInside = 4096;

  void make_table() {
    std::vector<uint8_t> bytes;
    for (const auto* part : {&machine_.advance, &machine_.stay, &machine_.inside}) {
      if (part == &machine_.inside && machine_.frontiers == 0) break;
      for (const uint64_t word : *part) {
        append(bytes, static_cast<uint32_t>(word), 4);
        append(bytes, static_cast<uint32_t>(word >> 32U), 4);
      }
    }
    table_ = emitter_.table(bytes, 3 * 2048 + 8);
  }

  Value entry(Value byte) { return b_.offset(table_, b_.binary(Op::kShl, byte, 3), 2047); }
  Value future(Value position) { return b_.load(8, future_pointer(position), 0); }
  Value future_pointer(Value position) { return emitter_.pointer(b_.add(b_.binary(Op::kShl, position, 3), shift_)); }
  Value constant(uint64_t number) { return b_.constant(static_cast<int64_t>(number)); }

  /// Items that may be left out at a position whose byte has `inside` (0 at the end: the end counts as a zero byte).
  Value skips(Value position, Value inside) {
    if (machine_.frontiers == 0) return constant(machine_.optional);
    // the byte in front; at the subject's beginning there is a zero byte
    const BlockId join = b_.new_block(1);
    emitter_.require(Condition::kNe, position, emitter_.begin(), Edge{join, {b_.constant(0)}});
    b_.jump(join, {b_.load(1, emitter_.pointer(b_.add(position, -1)), 0)});
    b_.switch_to(join);
    const Value before = b_.load(8, entry(b_.parameters(join)[0]), kInside);
    const Value crossing = b_.binary(Op::kAnd, b_.binary(Op::kXor, before, -1), inside);
    const Value frontiers = b_.binary(Op::kAnd, crossing, constant(machine_.frontiers));
    return b_.binary(Op::kOr, frontiers, constant(machine_.optional));
  }

  Value flooded(Value next, Value skip) {
    const Value seeds = b_.binary(Op::kAnd, b_.binary(Op::kShl, next, 1), skip);
    const Value carried = b_.binary(Op::kXor, b_.add(skip, seeds), skip);
    const Value flood = b_.binary(Op::kAnd, skip, b_.binary(Op::kOr, carried, seeds));
    return b_.binary(Op::kOr, next, flood);
  }

  /// First pass. Returns where the match begins.
  Value backward() {
    // A start that is none: after the end.
    const Value none = b_.add(emitter_.end(), 1);
    const Value end_inside = b_.constant(static_cast<int64_t>(machine_.inside[0]));
    const Value at_end = flooded(b_.constant(1), skips(emitter_.end(), end_inside));
    b_.store(8, future_pointer(emitter_.end()), 0, at_end);
    const Value first_start = chosen(at_end, emitter_.end(), none);

    const BlockId header = emitter_.loop(3);  // position after, its word, start
    const BlockId body = b_.new_block();
    const BlockId done = b_.new_block();
    b_.jump(header, {emitter_.end(), at_end, first_start});
    b_.switch_to(header);
    const Value behind = b_.parameters(header)[0];
    const Value word = b_.parameters(header)[1];
    const Value start = b_.parameters(header)[2];
    b_.branch(Condition::kUgt, behind, from_, body, done);
    b_.switch_to(body);
    const Value p = b_.add(behind, -1);
    const Value here = entry(b_.load(1, emitter_.pointer(p), 0));
    const Value advance = b_.binary(Op::kAnd, b_.binary(Op::kShl, word, 1), b_.load(8, here, 0));
    const Value stay = b_.binary(Op::kAnd, word, b_.load(8, here, kStay));
    Value next = b_.binary(Op::kOr, advance, stay);
    if (!machine_.to_end) next = b_.binary(Op::kOr, next, 1);
    const Value inside = machine_.frontiers == 0 ? b_.constant(0) : b_.load(8, here, kInside);
    next = flooded(next, skips(p, inside));
    b_.store(8, future_pointer(p), 0, next);
    b_.jump(header, {p, next, chosen(next, p, start)});

    b_.switch_to(done);
    if (chain_.anchored) {
      emitter_.require(Condition::kEq, start, from_, Edge{no_, {}});
      return from_;
    }
    emitter_.require(Condition::kUle, start, emitter_.end(), Edge{no_, {}});
    return start;
  }

  /// `position` when the word has the start bit, else `otherwise`.
  Value chosen(Value word, Value position, Value otherwise) {
    const Value bit = b_.binary(Op::kAnd, b_.binary(Op::kLshr, word, int64_t{machine_.items}), 1);
    const Value difference = b_.sub(position, otherwise);
    return b_.add(otherwise, b_.binary(Op::kMul, difference, bit));
  }

  /// Goes on when V[position] has the bit, else to `otherwise`.
  void require_future(Value position, uint64_t bit, const Edge& otherwise) {
    const Value word = b_.binary(Op::kAnd, future(position), constant(bit));
    emitter_.require(Condition::kNe, word, b_.constant(0), otherwise);
  }

  /// Second pass: one item from `at` on. Returns where the next begins.
  Value walk(const Step& step, uint64_t bit, Value at) {
    switch (step.kind) {
      case Kind::kOnce:
        return b_.add(at, 1);
      case Kind::kOptional: {
        const BlockId join = b_.new_block(1);
        const Edge without{join, {at}};
        emitter_.require(Condition::kUlt, at, emitter_.end(), without);
        emitter_.compare(step.set, at, 0, without);
        require_future(b_.add(at, 1), bit >> 1U, without);
        b_.jump(join, {b_.add(at, 1)});
        b_.switch_to(join);
        return b_.parameters(join)[0];
      }
      case Kind::kStar:
      case Kind::kLazy: {
        const BlockId header = emitter_.loop(1);
        const BlockId join = b_.new_block(1);
        b_.jump(header, {at});
        b_.switch_to(header);
        const Value p = b_.parameters(header)[0];
        // Within the subject both loops end by themselves; the comparison is what the verifier can follow.
        const Edge stop{join, {p}};
        emitter_.require(Condition::kUlt, p, emitter_.end(), stop);
        if (step.kind == Kind::kStar) {
          emitter_.compare(step.set, p, 0, stop);
          require_future(b_.add(p, 1), bit, stop);
        } else {
          const BlockId on = b_.new_block();
          require_future(p, bit >> 1U, Edge{on, {}});
          b_.jump(join, {p});
          b_.switch_to(on);
        }
        b_.jump(header, {b_.add(p, 1)});
        b_.switch_to(join);
        return b_.parameters(join)[0];
      }
      default:
        return at;
    }
  }

  const MatchEmitter& emitter_;
  ir::Builder& b_;
  const Chain& chain_;
  const TwoPass& machine_;
  Value from_;
  BlockId no_;
  Value table_ = ir::kNoValue;
  Value shift_ = ir::kNoValue;
};

}  // namespace

std::string refuse_two_pass(const MatchEmitter& emitter) {
  const int64_t most = (static_cast<int64_t>(emitter.context().workspace_size) - 512) / 8 / 100 * 100;
  if (emitter.most() <= most) return {};
  return "it needs a subject of at most " + std::to_string(most) + " bytes";
}

Found match_two_pass(const MatchEmitter& emitter, const Chain& chain, const TwoPass& machine, Value from, BlockId no) {
  return TwoPasses(emitter, chain, machine, from, no).run();
}

}  // namespace perilune::compiler
