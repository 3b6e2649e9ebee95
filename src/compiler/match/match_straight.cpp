// Matching without an automaton: comparisons for what is fixed, scans for what repeats, one after the other.
//
// The property relied on: at each item that may be taken more or less often, the next byte decides: it is in the item's
// set, or it can begin what follows, never both. Then there is one way through the pattern from each beginning, and a
// failure is final for that beginning.
//   ^SSH%-[%d.]+%-([^ \r\n]+)   a digit or dot goes on, '-' leaves: straight
//   Host: (.-)\r\n              the first "\r\n" ends it, wherever it is: a scan for a literal
//   ^(%w+)%d                    a digit can be either: not straight
//
// Beginnings are found by scanning for the literal that every match begins with. After a failure the scan goes on, and
// that must not look at bytes again and again. Let d be the longest distance from a match's beginning to its first
// repetition, which ran to e. Whoever begins in between comes to the same e and fails in the same way, so the scan goes
// on at e - d + 1. For later repetitions the pattern must begin with a byte that is not in their sets: then no
// beginning is within what they ran over; so too when items that may be missing (`?`) make d uncertain. A literal that
// a scan does not find is not there for later beginnings either, when those scan for it from later on: there must be no
// `?` and at most one repetition in front.
//   aX[^b]*b[^c]*c   'a' is in [^c]: on "aX.baX.baX.b.." each beginning would scan to the end: not straight
//
// Cost: about 1 operation a byte where few bytes end a repetition (eight at a time), else 10.
#include <algorithm>

#include "compiler/match/match_ways.h"

namespace perilune::compiler {
namespace {

using ir::BlockId;
using ir::Condition;
using ir::Edge;
using ir::Value;
using pattern::ByteSet;
using pattern::Chain;
using pattern::Facts;
using pattern::Step;
using Kind = Step::Kind;

/// What can follow from a step on.
struct Rest {
  ByteSet first;            // bytes that it can begin with
  bool empty = false;       // it can take nothing
  bool infallible = false;  // it matches whatever comes
};

std::vector<Rest> rests_of(const Chain& chain) {
  std::vector<Rest> rests(chain.steps.size() + 1);
  rests.back() = {{}, true, !chain.to_end};
  for (size_t k = chain.steps.size(); k-- > 0;) {
    const Step& step = chain.steps[k];
    Rest rest = rests[k + 1];
    if (step.kind == Kind::kOnce) {
      rest = {step.set, false, false};
    } else if (step.kind != Kind::kMark) {
      rest.first.add(step.set);
    }
    rests[k] = rest;
  }
  return rests;
}

/// How a step is done.
enum class Way : uint8_t { kOnce, kMark, kSpan, kMaybe, kSkip, kUntilLiteral, kToEnd };

struct Plan {
  std::vector<Way> ways;  // by step
  bool possible = false;
  bool fast = true;
  bool at_once = false;        // it can only begin where the search begins, or not at all
  int32_t distance = 0;        // bytes in front of the first repetition, when ..
  bool distance_fixed = true;  // .. that is known
};

/// The bytes of the steps taken once from `first` on (marks between them do not matter) as far as they are a literal.
std::vector<pattern::MaskedByte> literal_at(const Chain& chain, size_t first) {
  std::vector<pattern::MaskedByte> literal;
  for (size_t k = first; k < chain.steps.size(); ++k) {
    if (chain.steps[k].kind == Kind::kMark) continue;
    const auto byte = pattern::masked_byte(chain.steps[k].set);
    if (chain.steps[k].kind != Kind::kOnce || !byte) break;
    literal.push_back(*byte);
  }
  return literal;
}

Plan plan(const Chain& chain, const Facts& facts) {
  const std::vector<Rest> rests = rests_of(chain);
  Plan plan;
  plan.at_once = chain.anchored || rests[0].infallible;
  if (!plan.at_once && facts.prefix.empty()) return plan;
  ByteSet beginning;
  for (unsigned c = 0; c < 256 && !facts.prefix.empty(); ++c) {
    if ((c & facts.prefix[0].mask) == facts.prefix[0].value) beginning.add(static_cast<uint8_t>(c));
  }
  int repetitions = 0;
  bool optional = false;
  for (size_t k = 0; k < chain.steps.size(); ++k) {
    const Step& step = chain.steps[k];
    const Rest& rest = rests[k + 1];
    Way way = Way::kOnce;
    switch (step.kind) {
      case Kind::kMark:
        way = Way::kMark;
        break;
      case Kind::kFrontier:
        return plan;
      case Kind::kOnce:
        if (repetitions == 0) ++plan.distance;
        break;
      case Kind::kOptional:
        if (!step.set.disjoint(rest.first) && !rest.infallible) return plan;
        way = Way::kMaybe;
        optional = true;
        if (repetitions == 0) plan.distance_fixed = false;
        break;
      case Kind::kStar:
      case Kind::kLazy:
        if (step.kind == Kind::kLazy && rest.infallible) {
          way = Way::kSkip;
          break;
        }
        if (step.set.all() && rest.empty && (step.kind == Kind::kStar || rest.first.size() == 0)) {
          // All that is left, and what follows takes nothing.
          way = Way::kToEnd;
          break;
        }
        ++repetitions;
        if (step.set.disjoint(rest.first) || (step.kind == Kind::kStar && rest.infallible)) {
          way = Way::kSpan;
          plan.fast = plan.fast && MatchEmitter::is_fast(step.set);
          const bool again = !plan.at_once && !rest.infallible && (repetitions > 1 || !plan.distance_fixed);
          if (again && !step.set.disjoint(beginning)) return plan;
          break;
        }
        if (step.kind == Kind::kLazy && step.set.all()) {
          const size_t length = literal_at(chain, k + 1).size();
          size_t behind = k + 1;
          for (size_t taken = 0; taken < length; ++behind)
            taken += chain.steps[behind].kind == Kind::kOnce ? 1 : 0;
          const bool monotonous = plan.at_once || (repetitions <= 2 && !optional);
          if (length > 0 && rests[behind].infallible && monotonous) {
            way = Way::kUntilLiteral;
            break;
          }
        }
        return plan;
    }
    plan.ways.push_back(way);
  }
  plan.possible = true;
  return plan;
}

class Straightener {
 public:
  Straightener(const MatchEmitter& emitter, const Chain& chain, const Facts& facts, BlockId no)
      : emitter_(emitter), b_(emitter.builder()), chain_(chain), facts_(facts), plan_(plan(chain, facts)), no_(no) {
    found_.marks.resize(chain.marks);
  }

  Found run(Value from) {
    position_ = from;
    size_t known = 0;  // steps whose bytes are known to stand there
    if (!plan_.at_once) {
      const BlockId candidate = b_.new_block(1);
      again_ = emitter_.search(facts_.prefix, candidate, Edge{no_, {}});
      b_.jump(again_, {from});
      b_.switch_to(candidate);
      beginning_ = position_ = b_.parameters(candidate)[0];
      known = facts_.prefix.size();
    }
    for (size_t k = 0; k < chain_.steps.size();) {
      k = fixed(k, known);
      known = 0;
      if (k < chain_.steps.size()) variable(k++);
    }
    if (chain_.to_end && !at_end_) emitter_.require(Condition::kEq, position_, emitter_.end(), fail());
    found_.end = position_;
    return std::move(found_);
  }

 private:
  /// Where a failure here goes.
  Edge fail() {
    if (plan_.at_once) return {no_, {}};
    if (resume_ == ir::kNoValue) resume_ = b_.add(beginning_, 1);
    return {again_, {resume_}};
  }

  /// Steps of fixed length from `k` on, the first `known` bytes of which need no look. Returns the first other step.
  size_t fixed(size_t k, size_t known) {
    size_t behind = k;
    int32_t length = 0;
    const auto is_fixed = [&](size_t i) { return plan_.ways[i] == Way::kOnce || plan_.ways[i] == Way::kMark; };
    for (; behind < chain_.steps.size() && is_fixed(behind); ++behind)
      length += plan_.ways[behind] == Way::kOnce ? 1 : 0;
    if (static_cast<size_t>(length) > known) {
      emitter_.require(Condition::kUle, b_.add(position_, length), emitter_.end(), fail());
    }
    std::vector<pattern::MaskedByte> literal;
    int32_t at = 0;
    const auto compare_literal = [&] {
      const auto count = static_cast<int32_t>(literal.size());
      if (count > 0) emitter_.compare(literal, position_, at - count, fail());
      literal.clear();
    };
    for (; k < behind; ++k) {
      if (plan_.ways[k] == Way::kMark) continue;
      const auto byte = pattern::masked_byte(chain_.steps[k].set);
      if (static_cast<size_t>(at) < known) {
        // nothing to do
      } else if (byte) {
        literal.push_back(*byte);
      } else {
        compare_literal();
        emitter_.compare(chain_.steps[k].set, position_, at, fail());
      }
      ++at;
    }
    compare_literal();
    // Marks stand right in front of what varies.
    position_ = b_.add(position_, length);
    for (size_t i = behind; i-- > 0 && plan_.ways[i] == Way::kMark;)
      found_.marks[chain_.steps[i].mark] = position_;
    return behind;
  }

  void variable(size_t k) {
    const ByteSet& set = chain_.steps[k].set;
    switch (plan_.ways[k]) {
      case Way::kSkip:
        break;
      case Way::kToEnd:
        position_ = emitter_.end();
        at_end_ = true;
        break;
      case Way::kMaybe:
        maybe(set);
        break;
      case Way::kSpan:
        position_ = emitter_.span(set, position_);
        ran(position_);
        break;
      case Way::kUntilLiteral: {
        const std::vector<pattern::MaskedByte> literal = literal_at(chain_, k + 1);
        const BlockId there = b_.new_block(1);
        const BlockId header = emitter_.search(literal, there, Edge{no_, {}});
        b_.jump(header, {position_});
        b_.switch_to(there);
        position_ = b_.parameters(there)[0];
        break;  // what follows compares it again: a few instructions once
      }
      case Way::kOnce:
      case Way::kMark:
        break;
    }
  }

  void maybe(const ByteSet& set) {
    const BlockId join = b_.new_block(1);
    const Edge without{join, {position_}};
    emitter_.require(Condition::kUlt, position_, emitter_.end(), without);
    emitter_.compare(set, position_, 0, without);
    b_.jump(join, {b_.add(position_, 1)});
    b_.switch_to(join);
    position_ = b_.parameters(join)[0];
  }

  /// The first repetition ran to `stop`: where to go on after a failure, see above.
  void ran(Value stop) {
    if (plan_.at_once || first_ran_) return;
    first_ran_ = true;
    if (plan_.distance_fixed) resume_ = b_.add(stop, 1 - plan_.distance);
  }

  const MatchEmitter& emitter_;
  ir::Builder& b_;
  const Chain& chain_;
  const Facts& facts_;
  Plan plan_;
  BlockId no_;
  BlockId again_ = 0;
  Value beginning_ = ir::kNoValue;
  Value position_ = ir::kNoValue;
  Value resume_ = ir::kNoValue;
  bool first_ran_ = false;
  bool at_end_ = false;
  Found found_;
};

}  // namespace

Straight look_straight(const Chain& chain, const Facts& facts) {
  const Plan made = plan(chain, facts);
  return {made.possible, made.fast};
}

Found match_straight(const MatchEmitter& emitter, const Chain& chain, const Facts& facts, Value from, BlockId no) {
  return Straightener(emitter, chain, facts, no).run(from);
}

}  // namespace perilune::compiler
