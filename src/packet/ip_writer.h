// The fixed IP headers of packets that are made here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace perilune::packet {

inline constexpr size_t kIpv4HeaderLength = 20;
inline constexpr size_t kIpv6HeaderLength = 40;

/// Two addresses of one family; IPv4 uses the first four bytes.
struct AddressPair {
  uint8_t version = 4;
  std::array<uint8_t, 16> source{};
  std::array<uint8_t, 16> destination{};

  [[nodiscard]] size_t address_length() const { return version == 4 ? 4 : 16; }
  [[nodiscard]] size_t header_length() const { return version == 4 ? kIpv4HeaderLength : kIpv6HeaderLength; }
};

struct IpFields {
  AddressPair addresses;
  uint8_t protocol = 0;           // or the first next header
  uint8_t ttl = 64;               // or hop limit
  uint8_t tos = 0;                // or traffic class
  uint16_t identification = 0;    // IPv4
  uint16_t flags_and_offset = 0;  // IPv4, as in the header
  size_t options_length = 0;      // IPv4, a multiple of 4; the caller writes the options
};

/// Writes the header of an IP packet that fills `packet`; the IPv4 checksum stays 0. The packet has room for the header
/// and is not longer than IP allows.
void write_ip_header(std::span<uint8_t> packet, const IpFields& fields);

}  // namespace perilune::packet
