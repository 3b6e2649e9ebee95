// Numbers of 1 to 64 bits anywhere in memory, in either byte order.
//
// Bits are counted as RFCs draw them: bit 0 is the top bit of byte 0. A little-endian number is the same run of bits
// cut into groups of eight from its first bit on, the first group being the least significant; when the width is not a
// multiple of eight, the last group is the short one and the most significant. So {0, 12, little} over the bytes 34 50
// is 0x534, and a little-endian number of up to eight bits is the same as a big-endian one. The original of 2014 read
// it that way.
#pragma once

#include <cstdint>

namespace perilune::luadata {

/// The number of `width` (1 to 64) bits that starts `first_bit` (0 to 7) bits after the top of `bytes[0]`. Reads
/// exactly the (first_bit + width + 7) / 8 bytes it touches.
[[nodiscard]] uint64_t read_bits(const uint8_t* bytes, unsigned first_bit, unsigned width, bool little_endian);

/// Writes the low `width` bits of `value` there; every other bit keeps its value.
void write_bits(uint8_t* bytes, unsigned first_bit, unsigned width, bool little_endian, uint64_t value);

/// The low `width` (1 to 64) bits of `value` as a two's complement number.
[[nodiscard]] constexpr int64_t sign_extend(uint64_t value, unsigned width) {
  const unsigned shift = 64 - width;
  return static_cast<int64_t>(value << shift) >> shift;
}

}  // namespace perilune::luadata
