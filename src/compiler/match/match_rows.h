// What the compiled automata share: little-endian tables, and the row to start in.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/match/match_emitter.h"
#include "pattern/byte_classes.h"

namespace perilune::compiler {

inline void append(std::vector<uint8_t>& bytes, uint32_t number, unsigned size) {
  for (unsigned i = 0; i < size; ++i)
    bytes.push_back(static_cast<uint8_t>(number >> (8 * i)));
}

/// The row of the start state at position `from`: which one may depend on the byte in front (%f).
[[nodiscard]] ir::Value start_row(const MatchEmitter& emitter, const pattern::ByteClasses& classes, uint32_t start,
                                  std::span<const uint32_t> start_after, uint32_t row_bytes, ir::Value from);

}  // namespace perilune::compiler
