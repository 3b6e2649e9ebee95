// Whether a subject matches, or whether what the match captured is a given text, as a plain automaton.
//
// The property relied on: of `subject:match(p) == 'text'` only one bit is wanted, so the capture need not be kept: each
// thread carries how far its capture agrees with the text so far (a number, or "no more"), which is a function of the
// path, and two threads at the same step are still ranked by priority alone. Minimised, the whole Lua expression is one
// deterministic automaton without registers.
//   SSH%-[%d.]+%-([%w._]+) == 'OpenSSH_6.4'    64 states, 16 classes, two of the states sinks
//   find(p) as a condition                     the same without a text; the first match already is a sink
// Not for: the capture's value or position (tdfa.h).
// Cost: one table access a byte to run. To make: states x classes x threads; unanchored patterns with k counted dots
// after a letter (`a....`) need 2^k states, hence the cap, after which two_pass.h takes over.
//
// Reference: Laurikari 2000; the folding is our own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pattern/byte_classes.h"
#include "pattern/chain.h"

namespace perilune::pattern {

struct Limits {
  uint32_t states = 4096;
  uint32_t cells = 1U << 18U;  // states x classes
};

struct Dfa {
  ByteClasses classes;
  uint32_t states = 0;
  uint32_t first_sink = 0;            // states from here on never change any more
  std::vector<uint32_t> next;         // state * classes.count() + class
  std::vector<bool> accepts;          // by state: the answer when the subject ends there
  uint32_t start = 0;                 // at the subject's beginning
  std::vector<uint32_t> start_after;  // by class of the byte before `init`, when init > 0
};

/// `equals`: the text that capture chain.wanted.compared (or the whole match) is compared with; nothing: whether there
/// is a match. Nothing is returned when a limit is passed.
[[nodiscard]] std::optional<Dfa> make_dfa(const Chain& chain, const std::optional<std::string>& equals,
                                          Limits limits = {});

/// The answer for subject[init..]. For tests: the compiled form is in src/compiler.
[[nodiscard]] bool run(const Dfa& dfa, std::string_view subject, size_t init);

}  // namespace perilune::pattern
