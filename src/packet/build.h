// Whole packets from a few fields, lengths and checksums right: for tests of scripts and our own.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "packet/location.h"

namespace perilune::packet {

struct BuildOptions {
  std::string source{};  // IPv4 or IPv6 text; both addresses of one family
  std::string destination{};
  uint8_t protocol = protocol::kTcp;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  std::vector<uint8_t> payload{};
  bool bare = false;            // no transport header: `payload` is all after the IP header, as it is
  uint8_t ttl = 64;             // or hop limit
  uint8_t tos = 0;              // or traffic class
  uint16_t identification = 0;  // IPv4
  bool dont_fragment = true;    // IPv4
  bool more_fragments = false;
  uint16_t fragment_offset =
      0;  // bytes, a multiple of 8; IPv6 gets a fragment header when this or more_fragments is set
  std::vector<uint8_t> ip_options{};   // IPv4, padded to 4
  std::vector<uint8_t> tcp_options{};  // padded to 4
  uint8_t tcp_flags = 0x18;            // FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128
  uint32_t sequence = 1;
  uint32_t acknowledgement = 0;
  uint16_t window = 65535;
  uint8_t icmp_type = 8;  // ICMPv6: 128 is the echo request
  uint8_t icmp_code = 0;
  uint32_t icmp_rest = 0;         // bytes 4..7 of the ICMP header
  bool ethernet = true;           // false: a raw IP packet
  std::vector<uint16_t> vlans{};  // outermost first
  std::array<uint8_t, 6> source_mac{2, 0, 0, 0, 0, 1};
  std::array<uint8_t, 6> destination_mac{2, 0, 0, 0, 0, 2};
};

/// Any protocol other than TCP, UDP, ICMP, ICMPv6 gets the payload right after the IP header, as does a fragment with
/// an offset, and any protocol with `bare`: then only the IP header's checksum is made. A first fragment's lengths and
/// checksum are those of the part it has. Of several VLAN tags all but the last are 802.1ad's. Fails when a field
/// cannot be expressed (message and hint say which), never by making a malformed packet.
[[nodiscard]] Result<std::vector<uint8_t>> build(const BuildOptions& options);

}  // namespace perilune::packet
