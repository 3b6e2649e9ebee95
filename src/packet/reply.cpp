#include "packet/reply.h"

#include <algorithm>

#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/ip_writer.h"

namespace perilune::packet {
namespace {

constexpr size_t kTcpHeader = 20;
constexpr size_t kIcmpHeader = 8;
constexpr size_t kLargestIcmp = 576;     // RFC 1812, 4.3.2.3
constexpr size_t kLargestIcmpV6 = 1280;  // RFC 4443, 2.4 (c)
constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;
constexpr uint16_t kDontFragment = 0x4000;
/// Errors go with the precedence of network control (RFC 1812, 4.3.2.5).
constexpr uint8_t kInternetworkControl = 0xc0;

/// The packet's addresses, turned round.
AddressPair reversed_addresses(std::span<const uint8_t> packet, const Location& location) {
  AddressPair pair;
  pair.version = location.version;
  const uint8_t* ip = packet.data() + location.network;
  const size_t length = pair.address_length();
  const size_t source = location.version == 4 ? 12 : 8;
  std::copy_n(ip + source, length, pair.destination.begin());
  std::copy_n(ip + source + length, length, pair.source.begin());
  return pair;
}

using Address = std::array<uint8_t, 16>;

bool is_loopback(const Address& address, uint8_t version) {
  if (version == 4) return address[0] == 127;
  return address.back() == 1 && std::all_of(address.begin(), address.end() - 1, [](uint8_t byte) { return byte == 0; });
}

/// Does each address stand for one host? (Loopback is one host to itself; a subnet's broadcast address cannot be
/// recognized.)
bool are_hosts(const AddressPair& pair) {
  const auto is_host = [&](const Address& address) {
    // IPv4: neither "this network", multicast nor reserved (RFC 1122, 3.2.1.3), 255.255.255.255 among them.
    if (pair.version == 4) return address[0] != 0 && address[0] < 224;
    // IPv6: neither what begins with 64 zeros (unspecified, IPv4's in disguise), nor multicast.
    const bool is_special = std::all_of(address.begin(), address.begin() + 8, [](uint8_t byte) { return byte == 0; });
    return is_special ? is_loopback(address, 6) : address[0] != 0xff;
  };
  return is_host(pair.source) && is_host(pair.destination) &&
         is_loopback(pair.source, pair.version) == is_loopback(pair.destination, pair.version);
}

/// Is this an ICMP message that asks or answers, so that an error about it is allowed?
bool is_icmp_query(uint8_t version, uint8_t type) {
  if (version == 6) {
    constexpr uint8_t kFirstInformational = 128;
    constexpr uint8_t kRedirect = 137;
    return type >= kFirstInformational && type != kRedirect;
  }
  // Echo, router discovery, timestamp, information, address mask; the errors and everything unknown get none.
  return type == 0 || (type >= 8 && type <= 10) || (type >= 13 && type <= 18);
}

/// Where a checksum is wrong, the addresses may be. (One that was left to the device is not wrong.)
bool has_wrong_checksums(std::span<const uint8_t> packet, const Location& location) {
  if (checksums_right(packet, location)) return false;
  constexpr uint16_t kOtherZero = 0xffff;
  if (location.version == 4 &&
      read_be16(packet.data() + location.network + 10) % kOtherZero != ipv4_checksum(packet, location) % kOtherZero) {
    return true;
  }
  return !checksum_unfinished(packet, location);
}

std::vector<uint8_t> reset(std::span<const uint8_t> packet, const Location& location, const AddressPair& addresses) {
  const uint8_t* segment = packet.data() + location.transport;
  const uint8_t flags = segment[13];
  if ((flags & kRst) != 0) return {};
  std::vector<uint8_t> reply(addresses.header_length() + kTcpHeader);
  write_ip_header(reply, {.addresses = addresses, .protocol = protocol::kTcp, .flags_and_offset = kDontFragment});
  uint8_t* tcp = reply.data() + addresses.header_length();
  write_be16(tcp, location.destination_port);
  write_be16(tcp + 2, location.source_port);
  tcp[12] = (kTcpHeader / 4) << 4U;
  if ((flags & kAck) != 0) {
    std::copy_n(segment + 8, 4, tcp + 4);  // <SEQ=SEG.ACK><CTL=RST>
    tcp[13] = kRst;
  } else {  // <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>; SYN and FIN count as a byte each
    const uint32_t length =
        location.end - location.payload + ((flags & kSyn) != 0 ? 1U : 0U) + ((flags & kFin) != 0 ? 1U : 0U);
    write_be32(tcp + 8, read_be32(segment + 4) + length);
    tcp[13] = kRst | kAck;
  }
  return reply;
}

std::vector<uint8_t> unreachable(std::span<const uint8_t> packet, const Location& location,
                                 const AddressPair& addresses) {
  const bool v4 = location.version == 4;
  const size_t headers = addresses.header_length() + kIcmpHeader;
  const size_t room = (v4 ? kLargestIcmp : kLargestIcmpV6) - headers;
  const std::span<const uint8_t> quoted =
      packet.subspan(location.network, std::min<size_t>(room, location.end - location.network));
  std::vector<uint8_t> reply(headers + quoted.size());
  write_ip_header(reply, {.addresses = addresses,
                          .protocol = v4 ? protocol::kIcmp : protocol::kIcmpV6,
                          .tos = kInternetworkControl,
                          .flags_and_offset = kDontFragment});
  uint8_t* icmp = reply.data() + addresses.header_length();
  icmp[0] = v4 ? 3 : 1;  // destination unreachable
  icmp[1] = v4 ? 3 : 4;  // port unreachable
  std::copy(quoted.begin(), quoted.end(), icmp + kIcmpHeader);
  return reply;
}

}  // namespace

std::vector<uint8_t> reject_reply(std::span<const uint8_t> packet, const Location& location) {
  if (location.version == 0 || location.malformed != Malformed::kNone) return {};
  if (location.fragment && !location.first_fragment) return {};
  const AddressPair addresses = reversed_addresses(packet, location);
  if (!are_hosts(addresses)) return {};

  const bool is_icmp = location.protocol == (location.version == 4 ? protocol::kIcmp : protocol::kIcmpV6);
  const bool is_tcp = location.protocol == protocol::kTcp;
  if ((is_icmp || is_tcp) && !location.has_transport) return {};  // cut too short to know what may be sent
  if (is_icmp && !is_icmp_query(location.version, packet[location.transport])) return {};
  if (has_wrong_checksums(packet, location)) return {};

  std::vector<uint8_t> reply = is_tcp ? reset(packet, location, addresses) : unreachable(packet, location, addresses);
  if (!reply.empty()) write_checksums(reply, locate(reply, reply.size(), LinkType::kRaw));
  return reply;
}

}  // namespace perilune::packet
