#include "pattern/byte_classes.h"

#include <algorithm>

namespace perilune::pattern {

ByteClasses partition(std::span<const ByteSet> sets) {
  std::array<uint32_t, 256> of{};
  uint32_t count = 1;
  for (const ByteSet& set : sets) {
    // Splits every class into its bytes inside and outside the set; what is wholly inside keeps its number.
    std::array<int, 256> inside{};
    std::array<int, 256> all{};
    for (unsigned c = 0; c < 256; ++c) {
      ++all[of[c]];
      if (set.contains(static_cast<uint8_t>(c))) ++inside[of[c]];
    }
    std::array<uint32_t, 256> renamed{};
    for (uint32_t old = 0, before = count; old < before; ++old) {
      renamed[old] = inside[old] == 0 || inside[old] == all[old] ? old : count++;
    }
    for (unsigned c = 0; c < 256; ++c) {
      if (set.contains(static_cast<uint8_t>(c))) of[c] = renamed[of[c]];
    }
  }
  ByteClasses result;
  result.representative.resize(count);
  for (unsigned c = 256; c-- > 0;) {
    result.of[c] = static_cast<uint8_t>(of[c]);
    result.representative[of[c]] = static_cast<uint8_t>(c);
  }
  return result;
}

ByteClasses merge(const ByteClasses& classes, std::span<const uint32_t> new_class) {
  ByteClasses result;
  result.representative.resize(*std::max_element(new_class.begin(), new_class.end()) + 1);
  for (unsigned c = 256; c-- > 0;) {
    result.of[c] = static_cast<uint8_t>(new_class[classes.of[c]]);
    result.representative[result.of[c]] = static_cast<uint8_t>(c);
  }
  return result;
}

}  // namespace perilune::pattern
