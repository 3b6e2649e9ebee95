// CRC32c (Castagnoli), SCTP's checksum: RFC 9260, appendix A.
#pragma once

#include <cstdint>
#include <span>

namespace perilune::packet {

/// Running CRC of `bytes` appended to what `state` has seen; start with kCrc32cStart, end with crc32c_finish().
inline constexpr uint32_t kCrc32cStart = 0xffffffff;
[[nodiscard]] uint32_t crc32c_add(std::span<const uint8_t> bytes, uint32_t state);
/// The value that goes into a header, least significant byte first.
[[nodiscard]] constexpr uint32_t crc32c_finish(uint32_t state) {
  return ~state;
}

}  // namespace perilune::packet
