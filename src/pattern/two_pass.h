// Matching in two passes with one bit an item: exact for every regular pattern of up to 62 items, whatever it is.
//
// The property relied on: in a chain "item k can still lead to a match from here" is one bit, and one machine word
// holds all of them; going through the subject from its end to its beginning, each word follows from the one after it
// by shifts and masks, and runs of items that can be left out are flooded by the carries of an addition. Then a walk
// from the leftmost position at which item 0 can lead to a match, choosing greedily or lazily at each item by one bit
// of the next word, never has to go back, and passes every capture's boundary on its way.
//   a..........$   2^10 states as an automaton, 12 bits here
// Cost: the subject is read twice, 8 bytes of memory for each of its bytes, about 10 operations a byte; 8 KiB of
// tables. Behind the limits of dfa.h and tdfa.h only, because of that memory.
//
// Reference: Navarro and Raffinot 2001, extended shift-and, for the carries; run backwards it tells of the future.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "pattern/chain.h"

namespace perilune::pattern {

struct TwoPass {
  static constexpr uint32_t kMostItems = 62;
  /// Item k (the steps that are no marks, in order) is bit items - k; bit 0: the match is complete.
  uint32_t items = 0;
  std::array<uint64_t, 256> advance{};  // by byte: items that may take it and be done
  std::array<uint64_t, 256> stay{};     // by byte: items that may take it and go on
  std::array<uint64_t, 256> inside{};   // by byte: %f whose set has it
  uint64_t frontiers = 0;               // items that are %f
  uint64_t optional = 0;                // items that may be left out
  bool to_end = false;

  [[nodiscard]] uint64_t start_bit() const { return uint64_t{1} << items; }
};

/// Nothing is returned when there are too many items.
[[nodiscard]] std::optional<TwoPass> make_two_pass(const Chain& chain);

/// The match in subject[init..], or nothing. For tests: the compiled form is in src/compiler.
[[nodiscard]] std::optional<Match> run(const TwoPass& machine, const Chain& chain, std::string_view subject,
                                       size_t init);

}  // namespace perilune::pattern
