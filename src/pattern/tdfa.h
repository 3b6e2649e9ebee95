// Where the match and its captures are, in one pass without backtracking: an automaton with registers.
//
// The property relied on: mark s of the thread at step p has a register of its own, (p, s) ("static naming"), because a
// chain has at most one thread at each step. So a state is only the list of its threads' steps by priority, whatever
// the marks are worth, and transitions copy registers between fixed names. Copies between registers that never hold
// different live values at once are then coalesced, and writes that are not read before the next write are dropped
// (which is what keeps `%w+` from noting its end after every byte). The states that remain are minimised.
//   SSH%-[%d.]+%-([^ \r\n]+)    one mark for the match's beginning, one for the capture's: two registers and the end
//   (.-)=(.-)&(.-)=(.*)         every boundary moves on its own: a register each
// Not for: a yes or no (dfa.h is smaller and has no registers).
// Cost: one table access a byte, register operations on few transitions. To make: milliseconds; limits as dfa.h.
//
// Reference: Laurikari 2000 (tagged automata), Trofimovich 2017 (one byte of lookahead), Chaitin 1982 (coalescing).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "pattern/byte_classes.h"
#include "pattern/chain.h"
#include "pattern/dfa.h"

namespace perilune::pattern {

struct Tdfa {
  static constexpr uint32_t kPosition = 0xffffffff;  // as source: the position of the byte that the transition takes
  struct Operation {
    uint32_t destination = 0;                                               // a register
    uint32_t source = 0;                                                    // a register or kPosition
    friend auto operator<=>(const Operation&, const Operation&) = default;  // NOLINT(modernize-use-nullptr)
  };
  /// All sources are read before the first destination is written.
  using Operations = std::vector<Operation>;

  ByteClasses classes;
  uint32_t states = 0;
  uint32_t first_sink = 0;     // states from here on are left by no byte: the rest of the subject need not be read
  std::vector<uint32_t> next;  // state * classes.count() + class
  std::vector<uint32_t> operations;   // likewise: index into lists
  std::vector<Operations> lists;      // the first is empty
  std::vector<bool> matches;          // by state: there is a match when the subject ends there
  std::vector<uint32_t> final_list;   // by state: operations when the subject ends there (position: its length)
  uint32_t start = 0;                 // at the subject's beginning
  std::vector<uint32_t> start_after;  // by class of the byte before `init`, when init > 0
  uint32_t registers = 0;
  std::vector<uint32_t> mark_register;  // by mark: where its final value is
  uint32_t end_register = 0;            // where the match's end is
};

/// Nothing is returned when a limit is passed.
[[nodiscard]] std::optional<Tdfa> make_tdfa(const Chain& chain, Limits limits = {});

/// The match in subject[init..], or nothing. For tests: the compiled form is in src/compiler.
[[nodiscard]] std::optional<Match> run(const Tdfa& tdfa, const Chain& chain, std::string_view subject, size_t init);

}  // namespace perilune::pattern
