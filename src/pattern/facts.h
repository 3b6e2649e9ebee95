// What is sure about every match of a pattern, to turn away subjects and positions before an automaton looks at them.
#pragma once

#include <cstdint>
#include <vector>

#include "pattern/chain.h"

namespace perilune::pattern {

struct Facts {
  uint32_t least = 0;  // bytes of the shortest match
  /// Every match begins with these.
  std::vector<MaskedByte> prefix;
  /// Every match has these somewhere, in a row: the longest such run (the prefix, when it is the longest).
  std::vector<MaskedByte> factor;
  /// Bytes between the match's beginning and the factor when that distance is fixed, else -1.
  int32_t factor_at = -1;
};
[[nodiscard]] Facts facts_of(const Chain& chain);

}  // namespace perilune::pattern
