#include "compiler/match/match.h"

#include <fmt/format.h>

#include "compiler/match/match_ways.h"

namespace perilune::compiler {
namespace {

using ir::BlockId;
using ir::Edge;
using ir::Value;
using pattern::CapturePlace;
using pattern::Chain;
using pattern::Facts;
using pattern::Place;

/// Does a position capture stand where the text is compared? It never equals one.
bool compares_position(const pattern::Pattern& pattern, const MatchNeeds& needs) {
  return needs.equals && !pattern.captures.empty() && pattern.captures[0];
}

class Matching {
 public:
  Matching(const MatchContext& context, const pattern::Pattern& pattern, const Subject& subject, Value init,
           const MatchNeeds& needs)
      : emitter_(context, subject), b_(*context.builder), pattern_(pattern), needs_(needs) {
    from_ = b_.add(subject.offset, init);
    blocks_.no = b_.new_block();
  }

  tl::expected<MatchBlocks, std::string> run() {
    if (compares_position(pattern_, needs_)) {
      b_.jump(blocks_.no);
      b_.switch_to(b_.new_block());
      chain_ = pattern::make_chain(pattern_, {.bounds = needs_.bounds, .captures = needs_.captures});
      return results({from_, std::vector<Value>(chain_.marks, from_)});
    }
    std::string reason = needs_.bounds || needs_.captures ? with_values() : as_condition();
    if (!reason.empty()) return tl::make_unexpected(std::move(reason));
    return std::move(blocks_);
  }

 private:
  /// Only one bit is asked for.
  std::string as_condition() {
    if (needs_.equals) return compared();
    chain_ = shortened();
    const Facts facts = pattern::facts_of(chain_);
    const Straight straight = look_straight(chain_, facts);
    if (straight.possible && straight.fast) {
      (void)match_straight(emitter_, chain_, facts, from_, blocks_.no);
      return done();
    }
    if (automaton(facts)) return done();
    return with_values();
  }

  std::string compared() {
    // Two ways to compare: fold the text into an automaton, or cut the capture out and look at it.
    chain_ = values_chain();
    const Straight straight = look_straight(chain_, pattern::facts_of(chain_));
    if (straight.possible && straight.fast) return with_values();
    chain_ = pattern::make_chain(pattern_, {});
    if (automaton(pattern::facts_of(chain_))) return done();
    return with_values();
  }

  bool automaton(const Facts& facts) {
    const auto dfa = pattern::make_dfa(chain_, needs_.equals);
    if (!dfa) return false;
    const Candidate candidate = find_candidate(emitter_, chain_, facts, from_, blocks_.no);
    match_automaton(emitter_, *dfa, facts, candidate, blocks_.no);
    return true;
  }

  std::string done() {
    blocks_.yes = b_.current();
    return {};
  }

  /// Of what is asked, what the chain must say.
  [[nodiscard]] Chain values_chain() const {
    return pattern::make_chain(pattern_, {.bounds = needs_.bounds || (needs_.equals && pattern_.captures.empty()),
                                          .captures = needs_.captures || needs_.equals});
  }

  std::string with_values() {
    chain_ = values_chain();
    const Facts facts = pattern::facts_of(chain_);
    if (look_straight(chain_, facts).possible) {
      results(match_straight(emitter_, chain_, facts, from_, blocks_.no));
      return {};
    }
    if (const auto tdfa = pattern::make_tdfa(chain_); tdfa && fits_tagged(*tdfa)) {
      const Candidate candidate = find_candidate(emitter_, chain_, facts, from_, blocks_.no);
      results(match_tagged(emitter_, *tdfa, facts, candidate, blocks_.no));
      return {};
    }
    const auto machine = pattern::make_two_pass(chain_);
    if (!machine) {
      return fmt::format("its automaton becomes too large, and it has more than {} items",
                         pattern::TwoPass::kMostItems);
    }
    std::string reason = refuse_two_pass(emitter_);
    if (!reason.empty()) return "its automaton becomes too large, and without one " + reason;
    results(match_two_pass(emitter_, chain_, *machine, from_, blocks_.no));
    return {};
  }

  /// Without what may be left out at the end: it never decides whether there is a match.
  [[nodiscard]] Chain shortened() const {
    Chain chain = pattern::make_chain(pattern_, {});
    const auto optional = [](const pattern::Step& step) {
      return step.kind != pattern::Step::Kind::kOnce && step.kind != pattern::Step::Kind::kFrontier;
    };
    while (!chain.to_end && !chain.steps.empty() && optional(chain.steps.back()))
      chain.steps.pop_back();
    return chain;
  }

  Value position_of(const Place& place, const Found& found) {
    switch (place.base) {
      case Place::Base::kInit:
        return b_.add(from_, place.offset);
      case Place::Base::kMark:
        return b_.add(found.marks[place.mark], place.offset);
      case Place::Base::kEnd:
        return b_.add(found.end, place.offset);
    }
    return from_;
  }

  /// From positions to what was asked for.
  MatchBlocks results(const Found& found) {
    const auto offset_of = [&](Value position) { return b_.sub(position, emitter_.begin()); };
    Value start = ir::kNoValue;
    if (chain_.wanted.bounds) start = position_of(chain_.start, found);
    if (needs_.equals && !compares_position(pattern_, needs_)) {
      const bool whole = pattern_.captures.empty();
      const Value from = whole ? start : position_of(chain_.captures[0].start, found);
      const Value to = whole ? found.end : position_of(chain_.captures[0].end, found);
      const auto length = b_.constant(static_cast<int64_t>(needs_.equals->size()));
      emitter_.require(ir::Condition::kEq, b_.sub(to, from), length, Edge{blocks_.no, {}});
      emitter_.compare(*needs_.equals, from, Edge{blocks_.no, {}});
    }
    if (needs_.bounds) {
      blocks_.start = offset_of(start);
      blocks_.end = offset_of(found.end);
    }
    for (size_t i = 0; i < chain_.captures.size() && needs_.captures; ++i) {
      const CapturePlace& place = chain_.captures[i];
      const Value from = position_of(place.start, found);
      CaptureValues values;
      values.start = offset_of(from);
      values.position = place.position;
      values.length = place.position ? b_.constant(0) : b_.sub(position_of(place.end, found), from);
      blocks_.captures.push_back(values);
    }
    blocks_.yes = b_.current();
    return blocks_;
  }

  MatchEmitter emitter_;
  ir::Builder& b_;
  const pattern::Pattern& pattern_;
  const MatchNeeds& needs_;
  Value from_;
  Chain chain_;
  MatchBlocks blocks_;
};

}  // namespace

tl::expected<MatchBlocks, std::string> lower_match(const MatchContext& context, const pattern::Pattern& pattern,
                                                   const Subject& subject, ir::Value init, const MatchNeeds& needs) {
  if (!pattern.not_regular.empty()) return tl::make_unexpected("it has " + pattern.not_regular);
  return Matching(context, pattern, subject, init, needs).run();
}

MatchBlocks lower_find_plain(const MatchContext& context, std::string_view literal, const Subject& subject,
                             ir::Value init) {
  pattern::Pattern pattern;
  pattern.text = literal;
  for (const char c : literal) {
    pattern::Item item;
    item.set.add(static_cast<uint8_t>(c));
    pattern.items.push_back(item);
  }
  // A text without repetitions is always straight.
  const auto blocks =
      Matching(context, pattern, subject, init, {.bounds = true, .captures = false, .equals = {}}).run();
  return blocks ? *blocks : MatchBlocks{};
}

}  // namespace perilune::compiler
