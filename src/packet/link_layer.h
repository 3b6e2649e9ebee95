// What stands before the IP header: link headers, VLAN tags, PPPoE, LLC/SNAP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/location.h"

namespace perilune::packet {

namespace ethertype {
inline constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kVlan = 0x8100, kProviderVlan = 0x88a8,
                          kOldProviderVlan = 0x9100, kPppoeSession = 0x8864, kArp = 0x0806, kReverseArp = 0x8035;
/// Smaller values are the length of an 802.3 frame.
inline constexpr uint16_t kSmallest = 0x0600;
}  // namespace ethertype

/// What the link layer says about the bytes after it.
enum class Network : uint8_t { kNotIp, kIpv4, kIpv6, kByNibble };

struct LinkLayer {
  size_t network = 0;  // first byte after the link header; may lie beyond the captured bytes when `cut`
  size_t limit = 0;    // the frame's end on the wire, or where a PPPoE, 802.3 or ARP length says its content ends
  Network kind = Network::kNotIp;
  bool cut = false;        // the capture ends inside the link header
  bool malformed = false;  // the frame on the wire ends inside the link header, or one of its lengths lies
  uint16_t ethertype = 0;  // as in Location
  uint16_t vlan = 0;
  uint8_t vlan_tags = 0;
  uint16_t length_field = 0;  // as Location::link_length
};

/// Reads the link header of a frame that was `wire` bytes long (>= captured.size()).
[[nodiscard]] LinkLayer read_link_layer(std::span<const uint8_t> captured, size_t wire, LinkType link);

}  // namespace perilune::packet
