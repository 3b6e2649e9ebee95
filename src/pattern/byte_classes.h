// Bytes that no set of a pattern tells apart, as one class: automata have a column for each class instead of each byte.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "pattern/byte_set.h"

namespace perilune::pattern {

struct ByteClasses {
  std::array<uint8_t, 256> of{};
  std::vector<uint8_t> representative;  // one byte of each class

  [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(representative.size()); }
};

/// The coarsest partition that every one of the sets is a union of.
[[nodiscard]] ByteClasses partition(std::span<const ByteSet> sets);

/// Numbers the classes anew: class c becomes new_class[c]; classes with the same number become one. Numbers begin at 0
/// and leave none out.
[[nodiscard]] ByteClasses merge(const ByteClasses& classes, std::span<const uint32_t> new_class);

}  // namespace perilune::pattern
