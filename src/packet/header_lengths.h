// How long headers say they are. What they say may be a lie: compare with what is there.
#pragma once

#include <cstddef>
#include <cstdint>

#include "packet/location.h"

namespace perilune::packet {

[[nodiscard]] inline size_t ipv4_header_length(uint8_t first_byte) {
  return size_t{first_byte & 0x0fU} * 4;
}

/// By byte 12 of the header, in whose upper half the data offset is.
[[nodiscard]] inline size_t tcp_header_length(uint8_t data_offset) {
  return size_t{data_offset} / 16 * 4;
}

/// Of the IPv6 extension header of this type that begins at `header` (two bytes are read).
[[nodiscard]] inline size_t extension_length(uint8_t type, const uint8_t* header) {
  if (type == protocol::kFragment) return 8;
  if (type == protocol::kAh) return (size_t{header[1]} + 2) * 4;
  return (size_t{header[1]} + 1) * 8;
}

}  // namespace perilune::packet
