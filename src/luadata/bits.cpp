#include "luadata/bits.h"

namespace perilune::luadata {
namespace {

constexpr uint64_t low_bits(unsigned count) {
  return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// The number whose big-endian bits are `value` when they are read as little-endian instead. The bits that fill whole
// groups are swapped, the short last group (the lowest bits of `value`) becomes the top.
uint64_t from_little_endian(uint64_t value, unsigned width) {
  const unsigned rest = width % 8;
  const unsigned whole = width - rest;
  if (whole == 0) return value;
  const uint64_t swapped = __builtin_bswap64(value >> rest) >> (64 - whole);
  return rest == 0 ? swapped : swapped | ((value & low_bits(rest)) << whole);
}

// Its inverse.
uint64_t to_little_endian(uint64_t value, unsigned width) {
  const unsigned rest = width % 8;
  const unsigned whole = width - rest;
  if (whole == 0) return value;
  const uint64_t swapped = __builtin_bswap64(value & low_bits(whole)) >> (64 - whole);
  return rest == 0 ? swapped : (swapped << rest) | (value >> whole);
}

}  // namespace

uint64_t read_bits(const uint8_t* bytes, unsigned first_bit, unsigned width, bool little_endian) {
  const unsigned touched = (first_bit + width + 7) / 8;
  const unsigned after = touched * 8 - first_bit - width;  // bits of the last byte that are not ours
  uint64_t value = bytes[0] & (0xffU >> first_bit);
  // A run of 64 bits that starts inside a byte touches nine: the last one is added after the others were shifted.
  const unsigned full = after == 0 ? touched : touched - 1;
  for (unsigned i = 1; i < full; ++i)
    value = (value << 8) | bytes[i];
  if (after != 0) {
    if (touched == 1)
      value >>= after;
    else
      value = (value << (8 - after)) | (bytes[touched - 1] >> after);
  }
  return little_endian ? from_little_endian(value, width) : value;
}

void write_bits(uint8_t* bytes, unsigned first_bit, unsigned width, bool little_endian, uint64_t value) {
  value &= low_bits(width);
  if (little_endian) value = to_little_endian(value, width);
  const unsigned touched = (first_bit + width + 7) / 8;
  const unsigned after = touched * 8 - first_bit - width;
  const auto first_mask = static_cast<uint8_t>(0xffU >> first_bit);
  const auto last_mask = static_cast<uint8_t>(0xffU << after);
  if (touched == 1) {
    const auto mask = static_cast<uint8_t>(first_mask & last_mask);
    bytes[0] = static_cast<uint8_t>((bytes[0] & ~mask) | ((value << after) & mask));
    return;
  }
  const unsigned in_last = 8 - after;
  const auto low = static_cast<uint8_t>(value << after);
  bytes[touched - 1] = static_cast<uint8_t>((bytes[touched - 1] & ~last_mask) | low);
  value >>= in_last;
  for (unsigned i = touched - 2; i > 0; --i, value >>= 8)
    bytes[i] = static_cast<uint8_t>(value);
  bytes[0] = static_cast<uint8_t>((bytes[0] & ~first_mask) | (value & first_mask));
}

}  // namespace perilune::luadata
