// Unaligned reads and writes with the byte order in the name. No bounds checks: the caller has made them.
#pragma once

#include <cstdint>
#include <cstring>

namespace perilune {

[[nodiscard]] inline uint16_t read_be16(const uint8_t* p) {
  return static_cast<uint16_t>((p[0] << 8) | p[1]);
}
[[nodiscard]] inline uint32_t read_be32(const uint8_t* p) {
  return (static_cast<uint32_t>(p[0]) << 24) | (static_cast<uint32_t>(p[1]) << 16) |
         (static_cast<uint32_t>(p[2]) << 8) | p[3];
}
[[nodiscard]] inline uint16_t read_le16(const uint8_t* p) {
  return static_cast<uint16_t>((p[1] << 8) | p[0]);
}
[[nodiscard]] inline uint32_t read_le32(const uint8_t* p) {
  return (static_cast<uint32_t>(p[3]) << 24) | (static_cast<uint32_t>(p[2]) << 16) |
         (static_cast<uint32_t>(p[1]) << 8) | p[0];
}
/// In this machine's own byte order.
template <typename T>
[[nodiscard]] T read_host(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

template <typename T>
void write_host(uint8_t* p, T value) {
  std::memcpy(p, &value, sizeof value);
}

inline void write_be16(uint8_t* p, uint16_t value) {
  p[0] = static_cast<uint8_t>(value >> 8);
  p[1] = static_cast<uint8_t>(value);
}
inline void write_be32(uint8_t* p, uint32_t value) {
  p[0] = static_cast<uint8_t>(value >> 24);
  p[1] = static_cast<uint8_t>(value >> 16);
  p[2] = static_cast<uint8_t>(value >> 8);
  p[3] = static_cast<uint8_t>(value);
}

}  // namespace perilune
