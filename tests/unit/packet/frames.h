// Frames put together by hand, byte by byte, for tests that must not trust our own builder.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "packet/location.h"

namespace perilune::packet {

using Bytes = std::vector<uint8_t>;

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline Bytes be16(unsigned value) {
  return {static_cast<uint8_t>(value >> 8U), static_cast<uint8_t>(value)};
}

inline Bytes ethernet(unsigned ethertype) {
  return Bytes{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1} + be16(ethertype);
}

/// A header of 20 bytes for `content` more, from 192.0.2.1 to 198.51.100.2; the checksum is left 0.
inline Bytes ipv4_header(unsigned protocol, size_t content, unsigned fragment = 0, size_t ihl = 5) {
  return Bytes{static_cast<uint8_t>(0x40U | ihl), 0} + be16(static_cast<unsigned>(ihl * 4 + content)) + be16(1) +
         be16(fragment) + Bytes{64, static_cast<uint8_t>(protocol), 0, 0, 192, 0, 2, 1, 198, 51, 100, 2};
}
inline Bytes ipv4(unsigned protocol, const Bytes& content, unsigned fragment = 0) {
  return ipv4_header(protocol, content.size(), fragment) + content;
}

inline Bytes ipv6_header(unsigned next, size_t content) {
  return Bytes{0x60, 0, 0, 0} + be16(static_cast<unsigned>(content)) + Bytes{static_cast<uint8_t>(next), 64} +
         Bytes{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1} +
         Bytes{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
}
inline Bytes ipv6(unsigned next, const Bytes& content) {
  return ipv6_header(next, content.size()) + content;
}

inline Bytes tcp(const Bytes& payload = {}, unsigned data_offset = 5) {
  return be16(1234) + be16(22) + Bytes{0, 0, 0, 1, 0, 0, 0, 2, static_cast<uint8_t>(data_offset << 4U), 0x18} +
         be16(1000) + Bytes{0, 0, 0, 0} + payload;
}
inline Bytes udp(const Bytes& payload = {}) {
  return be16(5353) + be16(53) + be16(static_cast<unsigned>(8 + payload.size())) + Bytes{0, 0} + payload;
}
/// An extension header of `units` times 8 bytes.
inline Bytes extension(unsigned next, size_t units = 1) {
  Bytes header(units * 8);
  header[0] = static_cast<uint8_t>(next);
  header[1] = static_cast<uint8_t>(units - 1);
  return header;
}
inline Bytes fragment_header(unsigned next, unsigned offset, bool more) {
  return Bytes{static_cast<uint8_t>(next), 0} + be16(offset | (more ? 1U : 0U)) + Bytes{0, 0, 0, 9};
}

inline Location locate_whole(const Bytes& frame, LinkType link = LinkType::kEthernet) {
  return locate(frame, frame.size(), link);
}

}  // namespace perilune::packet
