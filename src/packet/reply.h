// The answer to a rejected packet: TCP RST (RFC 9293, 3.10.7) or ICMP/ICMPv6 destination unreachable (RFC 792, RFC
// 4443).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "packet/location.h"

namespace perilune::packet {

/// TCP gets a RST as 3.10.7.1 of RFC 9293 has it: with the sequence number the sender awaits, or acknowledging all it
/// sent. Everything else gets "port unreachable" (type 3 code 3; ICMPv6 type 1 code 4), as `reject` means in nftables,
/// with as much of the packet as fits in 576 bytes (RFC 1812) or 1,280 (RFC 4443). The reply's source is the address
/// the packet was for. Builds the IP packet (no link header) to send back to the source, checksums right. Empty when
/// nothing may be sent: a RST is never answered; no ICMP error about an ICMP error, a later fragment, or a multicast,
/// broadcast, reserved or unspecified address (RFC 1122, 3.2.2), no reply to a malformed packet or one whose checksums
/// are wrong.
[[nodiscard]] std::vector<uint8_t> reject_reply(std::span<const uint8_t> packet, const Location& location);

}  // namespace perilune::packet
