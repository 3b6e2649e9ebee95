// Internet checksums (RFC 1071) and their repair after a script wrote to a packet (RFC 1624).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/location.h"
#include "packet/packet.h"

namespace perilune::packet {

/// One's complement sum of `bytes` as big-endian 16-bit words (odd last byte padded with zero), added to `initial`.
/// Not folded below 32 bits of content: pass it on as `initial`, or to fold_checksum().
[[nodiscard]] uint64_t checksum_add(std::span<const uint8_t> bytes, uint64_t initial = 0);
/// Folds a sum to the 16-bit value that goes into a header (already complemented).
[[nodiscard]] uint16_t fold_checksum(uint64_t sum);

/// The right transport checksum of the packet at `location` (pseudo header included where the protocol has one); for
/// UDP a computed zero is returned as 0xffff. The packet must have_transport, be whole, unfragmented, and be TCP, UDP,
/// ICMP or ICMPv6.
[[nodiscard]] uint16_t transport_checksum(std::span<const uint8_t> packet, const Location& location);
/// The right IPv4 header checksum.
[[nodiscard]] uint16_t ipv4_checksum(std::span<const uint8_t> packet, const Location& location);
/// Writes both into the packet, for one that was just made. (A first fragment's is computed as if it were all.)
void write_checksums(std::span<uint8_t> packet, const Location& location);
/// Are the checksums of this packet right? (Absent ones are; those of fragments and cut packets can't be known: true.)
[[nodiscard]] bool checksums_right(std::span<const uint8_t> packet, const Location& location);

/// Is the transport checksum one that the sender left to its device, the pseudo header's sum and no more? So packets
/// look that were captured, or that XDP sees, on their way out of the machine or between its namespaces. A right
/// checksum that happens to be that sum, one of 65,535, is right and not unfinished.
[[nodiscard]] bool checksum_unfinished(std::span<const uint8_t> packet, const Location& location);

/// Puts the checksums of `after` right, given what the packet was before. Both are whole frames located by
/// `location_before` and `location_after` (they differ when the length changed or the script changed header lengths or
/// protocol). IPv4 header, TCP, UDP, ICMP, ICMPv6 checksums are updated by the difference, so a right one stays right,
/// a wrong one stays wrong, also in fragments; what the script itself wrote into a checksum field is overridden, except
/// a zero UDP checksum over IPv4 (none). A UDP checksum that was zero (none; over IPv6 as RFC 6935 allows for tunnels)
/// stays zero. An unfinished one becomes the sum of the pseudo header as it is then, for the device to finish. With
/// ChecksumState::kPartial the transport checksum is computed whole, as it is when the script made
/// another protocol of the packet.
/// SCTP's CRC32c likewise: right stays right, wrong stays wrong; zero (none, RFC 9653) stays zero, and what cannot be
/// known (a fragment, a cut capture) keeps its value. Data changed in a later fragment would need the first fragment's
/// checksum, which is in another packet: it stays.
void repair_checksums(std::span<const uint8_t> before, const Location& location_before, std::span<uint8_t> after,
                      const Location& location_after, ChecksumState state);

}  // namespace perilune::packet
