// A match of a Lua pattern at packet time, as IR.
//
// Which way is taken, the cheapest first that can do what is asked:
//   straight  match_straight.cpp  each byte decides: comparisons and scans, no automaton
//   automaton match_automaton.cpp a yes or no, or a comparison with a constant: two bytes a table access
//   tagged    match_tagged.cpp    captures: a byte a table access, operations on registers in the slot
//   two-pass  match_two_pass.cpp  captures, or anything, where automata become too large; limited subjects
// In front of the automata stands a scan for what every match begins with, or contains (match_emitter.h).
// All are exact, and linear in the subject's length for every subject.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "event/slot.h"
#include "ir/form/ir.h"
#include "ir/generate/table_pool.h"
#include "pattern/pattern.h"

namespace perilune::compiler {

/// Where code goes and what it may use.
struct MatchContext {
  ir::Builder* builder = nullptr;
  ir::TablePool* tables = nullptr;
  /// Where to when the kernel has no more patience with a loop; no parameters.
  ir::BlockId exhausted = 0;
  /// kMatchScratch bytes of the slot that nothing else uses, a multiple of 8. Holds nothing that is needed afterwards.
  int32_t scratch = PL_SCRATCH;
  /// Memory of the slot for the two-pass method, 8 bytes a byte of the subject; the subject must not stand in it.
  int32_t workspace = PL_STRINGS;
  uint32_t workspace_size = PL_STRINGS_SIZE;
};
inline constexpr uint32_t kMatchScratch = 1024;

/// Bytes [offset, offset + length) of the slot. They stand at PL_CONSTANTS or after, with 64 bytes after them that
/// may be read. `most`: a bound of the length that is known now.
struct Subject {
  ir::Value offset = ir::kNoValue;
  ir::Value length = ir::kNoValue;
  int64_t most = PL_FRAME_MAX;
};

/// What is needed beyond whether there is a match. Less is cheaper.
struct MatchNeeds {
  bool bounds = false;
  bool captures = false;
  /// Asked is whether the first capture (without captures: the whole match) is this text. A position never is.
  std::optional<std::string> equals;
};

/// Offsets from the subject's beginning, from 0. The bounds of the whole match are there when they were asked for;
/// captures likewise. `position`: `()`, whose value in Lua is start + 1.
struct CaptureValues {
  ir::Value start = ir::kNoValue;
  ir::Value length = ir::kNoValue;
  bool position = false;
};
struct MatchBlocks {
  ir::BlockId yes = 0;  // the builder stands in it; the values are defined
  ir::BlockId no = 0;   // empty so far
  ir::Value start = ir::kNoValue;
  ir::Value end = ir::kNoValue;  // exclusive
  std::vector<CaptureValues> captures;
};

/// Appends a match of `pattern` in the subject from `init` on (0-based, at most its length). An error is the reason, in
/// words, why it cannot be done: the pattern is not regular, or too large.
[[nodiscard]] tl::expected<MatchBlocks, std::string> lower_match(const MatchContext& context,
                                                                 const pattern::Pattern& pattern,
                                                                 const Subject& subject, ir::Value init,
                                                                 const MatchNeeds& needs);

/// string.find(subject, literal, init, true), and of a literal that is no pattern (pattern::is_plain()).
[[nodiscard]] MatchBlocks lower_find_plain(const MatchContext& context, std::string_view literal,
                                           const Subject& subject, ir::Value init);

}  // namespace perilune::compiler
