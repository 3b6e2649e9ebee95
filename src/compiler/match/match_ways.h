// The ways of matching, one a file (match.h says which is for what). Each appends to the builder's current block, goes
// on in a block in which there is a match, and leaves to `no` when there is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/match/match_emitter.h"
#include "pattern/chain.h"
#include "pattern/dfa.h"
#include "pattern/facts.h"
#include "pattern/tdfa.h"
#include "pattern/two_pass.h"

namespace perilune::compiler {

/// Where a match is, in positions.
struct Found {
  ir::Value end = ir::kNoValue;
  std::vector<ir::Value> marks;
};

/// Can the chain be matched without looking back: is each choice decided by the next byte, and is the work linear?
/// `fast`: also without going byte by byte.
struct Straight {
  bool possible = false;
  bool fast = false;
};
[[nodiscard]] Straight look_straight(const pattern::Chain& chain, const pattern::Facts& facts);
[[nodiscard]] Found match_straight(const MatchEmitter& emitter, const pattern::Chain& chain,
                                   const pattern::Facts& facts, ir::Value from, ir::BlockId no);

/// A position from which on an automaton has to look, after scans for what a match must have. `prefix`: the bytes of
/// facts.prefix that are known to stand there.
struct Candidate {
  ir::Value position = ir::kNoValue;
  bool prefix = false;
};
[[nodiscard]] Candidate find_candidate(const MatchEmitter& emitter, const pattern::Chain& chain,
                                       const pattern::Facts& facts, ir::Value from, ir::BlockId no);

void match_automaton(const MatchEmitter& emitter, const pattern::Dfa& dfa, const pattern::Facts& facts,
                     Candidate candidate, ir::BlockId no);

/// Has the tagged automaton few enough registers and operations for the form it is compiled to?
[[nodiscard]] bool fits_tagged(const pattern::Tdfa& tdfa);
[[nodiscard]] Found match_tagged(const MatchEmitter& emitter, const pattern::Tdfa& tdfa, const pattern::Facts& facts,
                                 Candidate candidate, ir::BlockId no);

/// Why the two-pass method cannot do it; empty: it can.
[[nodiscard]] std::string refuse_two_pass(const MatchEmitter& emitter);
[[nodiscard]] Found match_two_pass(const MatchEmitter& emitter, const pattern::Chain& chain,
                                   const pattern::TwoPass& machine, ir::Value from, ir::BlockId no);

}  // namespace perilune::compiler
