// Scans in front of an automaton: for what every match begins with, or else contains.
//
// The property relied on: the leftmost match cannot begin before the first place of the literal that all matches begin
// with, and an automaton started there in its start state finds what it would have found from the beginning. Where only
// a literal inside is known, its absence is enough to say no, and its distance from the match's beginning, if fixed, is
// where to start.
//   SSH%-[%w%p]+..        starts at the first "SSH-": unrelated data costs a fifth of an operation a byte
//   [Uu]ser%-[Aa]gent     the same: bytes that differ in one bit are one comparison
//   %d+ items?            " item" must be there; the automaton starts at the beginning
// Cost: a scan of 16 bytes an iteration; the automaton never goes back to scanning, so hostile subjects cost both,
// once.
#include "compiler/match/match_ways.h"

namespace perilune::compiler {

Candidate find_candidate(const MatchEmitter& emitter, const pattern::Chain& chain, const pattern::Facts& facts,
                         ir::Value from, ir::BlockId no) {
  ir::Builder& b = emitter.builder();
  const ir::Edge none{no, {}};
  if (facts.least > 0) {
    emitter.require(ir::Condition::kUle, b.add(from, static_cast<int64_t>(facts.least)), emitter.end(), none);
  }
  if (chain.anchored) {
    if (facts.prefix.empty()) return {from, false};
    emitter.compare(facts.prefix, from, 0, none);
    return {from, true};
  }
  const bool by_prefix = !facts.prefix.empty() && (facts.prefix.size() > 1 || facts.factor.size() < 2);
  if (!by_prefix && facts.factor.size() < 2) return {from, false};
  const ir::BlockId found = b.new_block(1);
  const ir::BlockId header = emitter.search(by_prefix ? facts.prefix : facts.factor, found, none);
  const bool fixed = by_prefix || facts.factor_at >= 0;
  b.jump(header, {by_prefix || facts.factor_at < 0 ? from : b.add(from, facts.factor_at)});
  b.switch_to(found);
  const ir::Value place = b.parameters(found)[0];
  if (by_prefix) return {place, true};
  return {fixed ? b.add(place, -facts.factor_at) : from, false};
}

}  // namespace perilune::compiler
