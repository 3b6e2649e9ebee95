// Internet checksums. One's complement addition is addition modulo 65535 with two zeros, 0 and 0xffff, and the traps
// are all in those: a sum is 0 only when every byte is 0, so the complement of a real header's sum is never 0xffff; but
// an update by difference (RFC 1624, equation 3) may give either zero. Hence:
// - "right" means what a receiver does: the sum over everything, checksum included, is 0xffff.
// - A right checksum of a whole packet is replaced by the freshly computed one, so that both zeros come out as a
// sender's.
// - A wrong or unknowable one (fragment, cut capture) is updated by the difference, which keeps its error modulo 65535.
// - An unfinished one (checksum_unfinished()) is neither: it follows the pseudo header alone, because the device will
//   add what is after it.
// - UDP's 0 means none: a computed or updated 0 becomes 0xffff, and a checksum that was none stays none.
// SCTP's CRC is linear over exclusive or: the error of a wrong one is kept by that.
#include "packet/checksum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "packet/crc32c.h"
#include "packet/header_lengths.h"

namespace perilune::packet {
namespace {

constexpr size_t kIpv4ChecksumOffset = 10;
constexpr size_t kIpv4SmallestHeader = 20;
constexpr size_t kIpv6Header = 40;
constexpr size_t kIpMaximum = 65535;
constexpr size_t kSctpChecksumOffset = 8;
constexpr size_t kAddressV6 = 16;

uint16_t fold(uint64_t sum) {
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16U);
  return static_cast<uint16_t>(sum);
}

/// Where the 16-bit checksum of a transport header is, if it has one.
std::optional<size_t> checksum_offset(const Location& location) {
  if (!location.has_transport) return std::nullopt;
  switch (location.protocol) {
    case protocol::kTcp:
      return location.transport + 16;
    case protocol::kUdp:
      return location.transport + 6;
    case protocol::kIcmp:
    case protocol::kIcmpV6:
      return location.transport + 2;
    default:
      return std::nullopt;
  }
}

/// Is everything that the transport checksum covers in the bytes?
bool is_whole(const Location& location) {
  return !location.fragment && !location.truncated;
}

bool has_sctp(const Location& location) {
  return location.has_transport && location.protocol == protocol::kSctp;
}

/// The sum over bytes [begin, end) but the 16-bit field at `hole`, an even number of bytes from `begin`.
uint64_t sum_without(std::span<const uint8_t> packet, size_t begin, size_t hole, size_t end, uint64_t initial) {
  const uint64_t sum = checksum_add(packet.subspan(begin, hole - begin), initial);
  return checksum_add(packet.subspan(hole + 2, end - hole - 2), sum);
}

/// RFC 8200, 8.1: the pseudo header has the final destination, which a routing header with segments left keeps. Known
/// are types 0 (RFC 2460: last address), 2 (RFC 6275: its only address) and 4 (RFC 8754: first of its list, which is
/// backwards).
std::span<const uint8_t> final_destination(std::span<const uint8_t> packet, const Location& location) {
  constexpr size_t kFirstAddress = 8;
  uint8_t type = packet[location.network + 6];
  size_t offset = location.network + kIpv6Header;
  while (offset + kFirstAddress <= location.transport) {
    const uint8_t* header = packet.data() + offset;
    const size_t length = extension_length(type, header);
    if (type == protocol::kRouting && header[3] != 0 && offset + length <= location.transport) {
      const uint8_t kind = header[2];
      size_t address = 0;
      if (kind == 0) address = length - std::min(length, kAddressV6);
      if (kind == 2 || kind == 4) address = kFirstAddress;
      if (address >= kFirstAddress && address + kAddressV6 <= length) {
        return packet.subspan(offset + address, kAddressV6);
      }
    }
    type = header[0];
    offset += length;
  }
  return packet.subspan(location.network + 24, kAddressV6);
}

bool is_right(uint16_t sum, uint16_t checksum) {
  return fold(uint64_t{sum} + checksum) == 0xffff;
}

uint64_t pseudo_header_sum(std::span<const uint8_t> packet, const Location& location) {
  if (location.protocol == protocol::kIcmp) return 0;
  uint64_t sum = location.protocol;
  // UDP's own length, so that a script's change to it counts in a fragment too; what is longer than 16 bits can say is
  // summed with its whole length.
  const bool is_udp = location.protocol == protocol::kUdp;
  const uint16_t udp_length = is_udp ? read_be16(packet.data() + location.transport + 4) : uint16_t{0};
  const size_t length = location.end - location.transport;
  sum += udp_length != 0 && length <= kIpMaximum ? udp_length : length;
  if (location.version == 4) return checksum_add(packet.subspan(location.network + 12, 8), sum);
  sum = checksum_add(packet.subspan(location.network + 8, kAddressV6), sum);
  return checksum_add(final_destination(packet, location), sum);
}

/// Of everything the transport checksum at `field` covers, but the checksum.
uint16_t transport_sum(std::span<const uint8_t> packet, const Location& location, size_t field) {
  return fold(sum_without(packet, location.transport, field, location.end, pseudo_header_sum(packet, location)));
}

/// By the sum over everything but the checksum at `field`.
bool is_unfinished(std::span<const uint8_t> packet, const Location& location, size_t field, uint16_t sum) {
  if (location.protocol == protocol::kIcmp || !is_whole(location)) return false;
  const uint16_t checksum = read_be16(packet.data() + field);
  return checksum == fold(pseudo_header_sum(packet, location)) && !is_right(sum, checksum);
}

size_t ipv4_header_end(std::span<const uint8_t> packet, const Location& location) {
  return location.network + ipv4_header_length(packet[location.network]);
}

/// Of the IPv4 header, as far as it is there, but its checksum.
uint16_t ipv4_sum(std::span<const uint8_t> packet, const Location& location) {
  const size_t end = std::min(ipv4_header_end(packet, location), packet.size());
  return fold(sum_without(packet, location.network, location.network + kIpv4ChecksumOffset, end, 0));
}

uint16_t complement(uint16_t value) {
  return static_cast<uint16_t>(~value);
}

/// The checksum after a change from `before` to `after` (sums without the checksum). `known`: the sums cover
/// everything.
uint16_t update(uint16_t checksum, uint16_t before, uint16_t after, bool known) {
  if (known && is_right(before, checksum)) return complement(after);
  const uint64_t sum = uint64_t{complement(checksum)} + complement(before) + after;
  const uint16_t updated = complement(fold(sum));
  // Only a message of nothing but zeros gets here right: its wrong checksum, 0, differs from the right one in no
  // residue.
  if (known && is_right(after, updated)) return updated ^ 1U;
  return updated;
}

uint16_t without_zero(uint16_t checksum) {
  return checksum == 0 ? 0xffff : checksum;
}

/// The version says that there are 20 bytes; a script may have written a shorter header length.
bool has_ipv4_header(std::span<const uint8_t> packet, const Location& location) {
  return location.version == 4 && ipv4_header_end(packet, location) >= location.network + kIpv4SmallestHeader;
}

void repair_ipv4(std::span<const uint8_t> before, const Location& location_before, std::span<uint8_t> after,
                 const Location& location_after) {
  if (!has_ipv4_header(after, location_after)) return;
  uint8_t* field = after.data() + location_after.network + kIpv4ChecksumOffset;
  const uint16_t sum = ipv4_sum(after, location_after);
  if (!has_ipv4_header(before, location_before)) return write_be16(field, complement(sum));
  const uint16_t old = read_be16(before.data() + location_before.network + kIpv4ChecksumOffset);
  const bool known = ipv4_header_end(before, location_before) <= before.size();
  write_be16(field, update(old, ipv4_sum(before, location_before), sum, known));
}

/// CRC32c of an SCTP packet with a checksum of zero, as RFC 9260 has it.
uint32_t sctp_checksum(std::span<const uint8_t> packet, const Location& location) {
  constexpr std::array<uint8_t, 4> kNoChecksum{};
  const size_t field = location.transport + kSctpChecksumOffset;
  uint32_t state = crc32c_add(packet.subspan(location.transport, kSctpChecksumOffset), kCrc32cStart);
  state = crc32c_add(kNoChecksum, state);
  return crc32c_finish(crc32c_add(packet.subspan(field + 4, location.end - field - 4), state));
}

/// As the packet has it.
uint32_t stored_sctp_checksum(std::span<const uint8_t> packet, const Location& location) {
  return read_le32(packet.data() + location.transport + kSctpChecksumOffset);
}

void write_le32(uint8_t* p, uint32_t value) {
  for (unsigned i = 0; i < 4; ++i)
    p[i] = static_cast<uint8_t>(value >> (8U * i));
}

void repair_sctp(std::span<const uint8_t> before, const Location& location_before, std::span<uint8_t> after,
                 const Location& location_after, ChecksumState state) {
  if (!has_sctp(location_after)) return;
  uint8_t* field = after.data() + location_after.transport + kSctpChecksumOffset;
  if (!has_sctp(location_before) || state == ChecksumState::kPartial) {
    if (is_whole(location_after)) write_le32(field, sctp_checksum(after, location_after));
    return;
  }
  uint32_t checksum = stored_sctp_checksum(before, location_before);
  if (checksum != 0 && is_whole(location_before) && is_whole(location_after)) {
    const uint32_t error = checksum ^ sctp_checksum(before, location_before);
    checksum = sctp_checksum(after, location_after) ^ error;
  }
  write_le32(field, checksum);
}

void repair_transport(std::span<const uint8_t> before, const Location& location_before, std::span<uint8_t> after,
                      const Location& location_after, ChecksumState state) {
  const auto field_after = checksum_offset(location_after);
  if (!field_after) return;
  uint8_t* field = after.data() + *field_after;
  const bool is_udp = location_after.protocol == protocol::kUdp;
  const auto field_before = checksum_offset(location_before);
  const bool same_protocol = field_before && location_before.protocol == location_after.protocol &&
                             location_before.version == location_after.version;
  const bool whole = is_whole(location_before) && is_whole(location_after);
  if (!same_protocol || (state == ChecksumState::kPartial && whole)) {
    if (is_whole(location_after)) write_be16(field, transport_checksum(after, location_after));
    return;
  }

  const uint16_t sum_before = transport_sum(before, location_before, *field_before);
  if (whole && is_unfinished(before, location_before, *field_before, sum_before)) {
    return write_be16(field, fold(pseudo_header_sum(after, location_after)));
  }
  const uint16_t old = read_be16(before.data() + *field_before);
  if (is_udp) {
    const bool was_none = old == 0;
    const bool wants_none = read_be16(field) == 0 && location_after.version == 4;
    if (was_none || wants_none) return write_be16(field, 0);
  }
  const uint16_t updated = update(old, sum_before, transport_sum(after, location_after, *field_after), whole);
  write_be16(field, is_udp ? without_zero(updated) : updated);
}

}  // namespace

uint64_t checksum_add(std::span<const uint8_t> bytes, uint64_t initial) {
  // The sum of 32-bit words in this machine's order is, modulo 65535, that of their 16-bit halves; swapping the bytes
  // of a one's complement sum swaps those of all its words (RFC 1071, 2B).
  uint64_t sum = 0;
  const uint8_t* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 4; p += 4, left -= 4)
    sum += read_host<uint32_t>(p);
  uint16_t folded = fold(sum);
  if constexpr (std::endian::native == std::endian::little)
    folded = static_cast<uint16_t>((folded << 8U) | (folded >> 8U));
  uint64_t total = initial + folded;
  if (left >= 2) {
    total += read_be16(p);
    p += 2;
    left -= 2;
  }
  if (left != 0) total += static_cast<uint64_t>(*p) << 8U;
  return total;
}

uint16_t fold_checksum(uint64_t sum) {
  return complement(fold(sum));
}

uint16_t transport_checksum(std::span<const uint8_t> packet, const Location& location) {
  const auto field = checksum_offset(location);
  if (!field) return 0;
  const uint16_t checksum = complement(transport_sum(packet, location, *field));
  return location.protocol == protocol::kUdp ? without_zero(checksum) : checksum;
}

uint16_t ipv4_checksum(std::span<const uint8_t> packet, const Location& location) {
  return complement(ipv4_sum(packet, location));
}

void write_checksums(std::span<uint8_t> packet, const Location& location) {
  if (location.version == 4) {
    write_be16(packet.data() + location.network + kIpv4ChecksumOffset, ipv4_checksum(packet, location));
  }
  if (const auto field = checksum_offset(location)) {
    write_be16(packet.data() + *field, transport_checksum(packet, location));
  }
}

bool checksums_right(std::span<const uint8_t> packet, const Location& location) {
  if (has_ipv4_header(packet, location) && ipv4_header_end(packet, location) <= packet.size() &&
      !is_right(ipv4_sum(packet, location), read_be16(packet.data() + location.network + kIpv4ChecksumOffset))) {
    return false;
  }
  if (!is_whole(location)) return true;
  if (has_sctp(location)) {
    const uint32_t checksum = stored_sctp_checksum(packet, location);
    return checksum == 0 || checksum == sctp_checksum(packet, location);
  }
  const auto field = checksum_offset(location);
  if (!field) return true;
  const uint16_t checksum = read_be16(packet.data() + *field);
  if (checksum == 0 && location.protocol == protocol::kUdp) return location.version == 4;
  return is_right(transport_sum(packet, location, *field), checksum);
}

bool checksum_unfinished(std::span<const uint8_t> packet, const Location& location) {
  const auto field = checksum_offset(location);
  return field && is_unfinished(packet, location, *field, transport_sum(packet, location, *field));
}

void repair_checksums(std::span<const uint8_t> before, const Location& location_before, std::span<uint8_t> after,
                      const Location& location_after, ChecksumState state) {
  repair_ipv4(before, location_before, after, location_after);
  repair_transport(before, location_before, after, location_after, state);
  repair_sctp(before, location_before, after, location_after, state);
}

}  // namespace perilune::packet
