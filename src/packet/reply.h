// The answer to a rejected packet: TCP RST (RFC 9293, 3.10.7) or ICMP/ICMPv6 destination unreachable (RFC 792, RFC 4443).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "packet/location.h"

namespace perilune::packet {

/// Builds the IP packet (no link header) to send back to the source, checksums right. Empty when nothing may be sent:
/// a RST is never answered; no ICMP error about an ICMP error, a later fragment, or a multicast or broadcast address (RFC 1122, 3.2.2).
[[nodiscard]] std::vector<uint8_t> reject_reply(std::span<const uint8_t> packet, const Location& location);

}  // namespace perilune::packet
