// The IP headers and what follows them. Two numbers bound every step: `limit_`, where the packet says (truthfully, as
// far as checked) that it ends on the wire, and the captured size. have() compares with both; a step that lacks bytes
// ends the search.
#include "packet/location.h"

#include <algorithm>
#include <limits>

#include "base/bytes.h"
#include "packet/header_lengths.h"
#include "packet/link_layer.h"

namespace perilune::packet {
namespace {

constexpr size_t kIpv4Header = 20;
constexpr size_t kIpv6Header = 40;
constexpr size_t kTcpHeader = 20;
constexpr size_t kUdpHeader = 8;
constexpr size_t kIcmpHeader = 8;
constexpr size_t kIcmpV6Smallest = 4;
constexpr size_t kSctpHeader = 12;
constexpr size_t kIpMaximum = 65535;
constexpr size_t kExtensionUnit = 8;
/// The jumbo payload option of RFC 2675: type, length, 32-bit payload length.
constexpr uint8_t kJumboOption = 0xc2;
constexpr size_t kJumboOptionLength = 4;

class Locator {
 public:
  /// `location` must be new. It is filled in place: copying so many small fields right after they were written stalls.
  Locator(std::span<const uint8_t> captured, Location& location)
      : data_(captured.data()), captured_(captured.size()), location_(location) {}

  void locate(std::span<const uint8_t> captured, size_t wire, LinkType link) {
    const LinkLayer found = read_link_layer(captured, wire, link);
    limit_ = found.limit;
    location_.ethertype = found.ethertype;
    location_.vlan = found.vlan;
    location_.vlan_tags = found.vlan_tags;
    location_.link_length = found.length_field;
    location_.network = visible(found.network);
    stop(found.network);
    network_ = found.network;
    if (found.malformed) {
      fail(Malformed::kLinkHeader);
    } else if (!found.cut && found.kind != Network::kNotIp) {
      ip(found.kind);
      if (location_.version == 0) fail_unless_failed(Malformed::kIpHeader);
    }
  }

 private:
  [[nodiscard]] uint32_t visible(size_t offset) const { return static_cast<uint32_t>(std::min(offset, captured_)); }
  [[nodiscard]] const uint8_t* at(size_t offset) const { return data_ + offset; }

  /// Headers end at `offset` for all we know; what follows is payload.
  void stop(size_t offset) {
    location_.transport = location_.payload = visible(offset);
    set_end();
  }
  void set_end() {
    location_.end = visible(limit_);
    location_.truncated = limit_ > captured_;
  }
  void fail(Malformed reason) { location_.malformed = reason; }
  void fail_unless_failed(Malformed reason) {
    if (location_.malformed == Malformed::kNone) fail(reason);
  }

  /// Are `length` bytes at `offset` inside the packet and captured? If the packet says it has them and has not:
  /// `reason`.
  bool have(size_t offset, size_t length, Malformed reason) {
    if (length > limit_ - offset) {
      fail(reason);
      return false;
    }
    return offset + length <= captured_;
  }

  void ip(Network kind) {
    if (limit_ == network_) return fail(Malformed::kIpHeader);
    if (network_ >= captured_) return;
    const unsigned nibble = *at(network_) >> 4;
    if ((nibble != 4 && nibble != 6) || (kind == Network::kIpv4 && nibble != 4) ||
        (kind == Network::kIpv6 && nibble != 6)) {
      return fail(Malformed::kIpVersion);
    }
    nibble == 4 ? ipv4() : ipv6();
  }

  void ipv4() {
    if (!have(network_, kIpv4Header, Malformed::kIpHeader)) return;
    const uint8_t* header = at(network_);
    const size_t header_length = ipv4_header_length(header[0]);
    if (header_length < kIpv4Header || header_length > limit_ - network_) return fail(Malformed::kIpHeader);
    location_.version = 4;
    location_.protocol = header[9];

    const size_t total = read_be16(header + 2);
    if (total != 0) {
      if (total < header_length || total > limit_ - network_) return fail(Malformed::kIpLength);
      limit_ = network_ + total;
    } else if (location_.protocol != protocol::kTcp && limit_ - network_ <= kIpMaximum) {
      return fail(Malformed::kIpLength);
    }
    const size_t transport = network_ + header_length;
    stop(transport);

    const uint16_t fragment = read_be16(header + 6);
    constexpr uint16_t kMore = 0x2000;
    constexpr uint16_t kOffset = 0x1fff;
    if ((fragment & (kMore | kOffset)) != 0) {
      const auto offset = static_cast<uint16_t>((fragment & kOffset) * 8);
      if (!is_fragment_sound(transport, offset, (fragment & kMore) != 0, 0)) return fail(Malformed::kFragment);
      if (offset != 0) return;
    }
    if (transport <= captured_) transport_header(transport);
  }

  /// Notes a fragment whose data begin at `data`; `before` is what a reassembled packet has in front of them.
  bool is_fragment_sound(size_t data, uint16_t offset, bool more, size_t before) {
    location_.fragment = true;
    location_.first_fragment = offset == 0;
    location_.fragment_offset = offset;
    more_ = more;
    const size_t length = limit_ - data;
    if (more && (length == 0 || length % 8 != 0)) return false;
    if (before + offset + length > kIpMaximum) return false;
    return !(location_.protocol == protocol::kTcp && offset != 0 && offset < kTcpHeader);
  }

  void ipv6() {
    if (!have(network_, kIpv6Header, Malformed::kIpHeader)) return;
    const uint8_t* header = at(network_);
    location_.version = 6;
    location_.protocol = header[6];
    const size_t start = network_ + kIpv6Header;

    const size_t length = read_be16(header + 4);
    if (length != 0) {
      if (length > limit_ - start) return fail(Malformed::kIpLength);
      limit_ = start + length;
    } else if (location_.protocol == protocol::kHopByHop) {
      stop(start);
      if (!jumbogram(start)) return;
    } else if (location_.protocol != protocol::kTcp && limit_ - start <= kIpMaximum) {
      limit_ = start;
    }
    stop(start);
    extension_headers(start);
  }

  /// A payload length of zero before hop-by-hop options: they must have the jumbo payload option.
  bool jumbogram(size_t options) {
    if (!have(options, kExtensionUnit, Malformed::kExtensionHeader)) return false;
    const size_t options_end = options + extension_length(protocol::kHopByHop, at(options));
    if (!have(options, options_end - options, Malformed::kExtensionHeader)) return false;
    size_t option = options + 2;
    while (option < options_end) {
      const uint8_t type = *at(option);
      if (type == 0) {  // Pad1 is a byte without a length
        ++option;
        continue;
      }
      if (option + 2 > options_end) break;
      const size_t option_length = at(option)[1];
      if (type == kJumboOption && option_length == kJumboOptionLength && option + 2 + option_length <= options_end) {
        const size_t length = read_be32(at(option + 2));
        if (length <= kIpMaximum || length > limit_ - options) break;
        limit_ = options + length;
        jumbo_ = true;
        return true;
      }
      option += 2 + option_length;
    }
    fail(Malformed::kIpLength);
    return false;
  }

  void extension_headers(size_t offset) {
    for (unsigned count = 0;; ++count) {
      switch (location_.protocol) {
        case protocol::kHopByHop:
        case protocol::kRouting:
        case protocol::kDestination:
        case protocol::kMobility:
        case protocol::kHip:
        case protocol::kShim6:
        case protocol::kFragment:
        case protocol::kAh:
          break;
        default:
          return transport_header(offset);
      }
      if (count == kMaxExtensionHeaders) return fail(Malformed::kExtensionChain);
      if (!have(offset, kExtensionUnit, Malformed::kExtensionHeader)) {
        location_.payload = location_.end;
        return;
      }
      const uint8_t* header = at(offset);
      const size_t length = extension_length(location_.protocol, header);
      if (length > limit_ - offset) return fail(Malformed::kExtensionHeader);
      const bool is_fragment = location_.protocol == protocol::kFragment;
      location_.protocol = header[0];
      stop(offset + length);
      if (is_fragment && !ipv6_fragment(offset)) return;
      offset += length;
      if (offset > captured_) return;
    }
  }

  /// False when the search ends here: a later fragment, or a malformed one.
  bool ipv6_fragment(size_t header) {
    const uint16_t field = read_be16(at(header + 2));
    const auto offset = static_cast<uint16_t>(field & 0xfff8U);
    const size_t before = header - network_ - kIpv6Header;
    const bool nested = location_.fragment;
    if (!is_fragment_sound(header + kExtensionUnit, offset, (field & 1U) != 0, before) || nested || jumbo_) {
      fail(Malformed::kFragment);
      return false;
    }
    return offset == 0;
  }

  void transport_header(size_t offset) {
    switch (location_.protocol) {
      case protocol::kTcp:
        return tcp(offset);
      case protocol::kUdp:
        return udp(offset);
      case protocol::kSctp:
        ports(offset);
        return fixed_header(offset, kSctpHeader, Malformed::kSctpHeader);
      case protocol::kIcmp:
        if (location_.version == 4) fixed_header(offset, kIcmpHeader, Malformed::kIcmpHeader);
        return;
      case protocol::kIcmpV6:
        if (location_.version == 6) {
          const size_t length = std::clamp(limit_ - offset, kIcmpV6Smallest, kIcmpHeader);
          fixed_header(offset, length, Malformed::kIcmpHeader);
        }
        return;
      default:
        return;
    }
  }

  void ports(size_t offset) {
    if (limit_ - offset < 4 || captured_ < offset + 4) return;
    location_.source_port = read_be16(at(offset));
    location_.destination_port = read_be16(at(offset + 2));
    location_.has_ports = true;
  }

  void fixed_header(size_t offset, size_t length, Malformed reason) {
    location_.payload = location_.end;
    if (have(offset, length, reason)) whole_header(offset + length);
  }
  void whole_header(size_t payload) {
    location_.has_transport = true;
    location_.payload = static_cast<uint32_t>(payload);
  }

  void tcp(size_t offset) {
    ports(offset);
    location_.payload = location_.end;
    if (!have(offset, kTcpHeader, Malformed::kTcpHeader)) return;
    const size_t length = tcp_header_length(at(offset)[12]);
    if (length < kTcpHeader) return fail(Malformed::kTcpHeader);
    if (have(offset, length, Malformed::kTcpHeader)) whole_header(offset + length);
  }

  void udp(size_t offset) {
    ports(offset);
    location_.payload = location_.end;
    if (!have(offset, kUdpHeader, Malformed::kUdpHeader)) return;
    const size_t length = read_be16(at(offset + 4));
    const size_t room = limit_ - offset;
    // In a fragment the length is that of the whole datagram, whose other parts are elsewhere.
    const bool parts_elsewhere = more_ && length > room;
    // No 16-bit length says how long this is: 0 (RFC 2675, and Linux), or what is left of it in 16 bits (older Linux).
    const bool too_long_to_say = room > kIpMaximum && (length == 0 || length == (room & kIpMaximum));
    if (!(length == 0 && jumbo_) && !too_long_to_say && !parts_elsewhere) {
      if (length < kUdpHeader || length > room) return fail(Malformed::kUdpLength);
      limit_ = offset + length;
      set_end();
    }
    whole_header(offset + kUdpHeader);
  }

  const uint8_t* data_;
  size_t captured_;
  size_t limit_ = 0;
  size_t network_ = 0;
  bool jumbo_ = false;
  bool more_ = false;  // a fragment that is not the last
  Location& location_;
};

}  // namespace

bool is_supported_link_type(uint16_t number) {
  switch (static_cast<LinkType>(number)) {
    case LinkType::kNull:
    case LinkType::kEthernet:
    case LinkType::kRawOld:
    case LinkType::kRawOpenBsd:
    case LinkType::kRaw:
    case LinkType::kLoop:
    case LinkType::kLinuxSll:
    case LinkType::kIpv4:
    case LinkType::kIpv6:
    case LinkType::kLinuxSll2:
      return true;
  }
  return false;
}

std::string_view link_type_name(LinkType type) {
  switch (type) {
    case LinkType::kNull:
      return "BSD loopback";
    case LinkType::kEthernet:
      return "Ethernet";
    case LinkType::kRawOld:
    case LinkType::kRawOpenBsd:
    case LinkType::kRaw:
      return "raw IP";
    case LinkType::kLoop:
      return "OpenBSD loopback";
    case LinkType::kLinuxSll:
      return "Linux cooked v1";
    case LinkType::kIpv4:
      return "raw IPv4";
    case LinkType::kIpv6:
      return "raw IPv6";
    case LinkType::kLinuxSll2:
      return "Linux cooked v2";
  }
  return "unsupported link type";
}

std::string_view to_string(Malformed reason) {
  switch (reason) {
    case Malformed::kNone:
      return "none";
    case Malformed::kLinkHeader:
      return "link-header";
    case Malformed::kIpVersion:
      return "ip-version";
    case Malformed::kIpHeader:
      return "ip-header";
    case Malformed::kIpLength:
      return "ip-length";
    case Malformed::kExtensionHeader:
      return "extension-header";
    case Malformed::kExtensionChain:
      return "extension-chain";
    case Malformed::kFragment:
      return "fragment";
    case Malformed::kTcpHeader:
      return "tcp-header";
    case Malformed::kUdpHeader:
      return "udp-header";
    case Malformed::kUdpLength:
      return "udp-length";
    case Malformed::kIcmpHeader:
      return "icmp-header";
    case Malformed::kSctpHeader:
      return "sctp-header";
  }
  return "none";
}

Location locate(std::span<const uint8_t> captured, size_t wire_length, LinkType link) {
  // Offsets are 32 bits wide; no frame comes near.
  constexpr size_t kLargest = std::numeric_limits<uint32_t>::max();
  captured = captured.first(std::min(captured.size(), kLargest));
  Location location;
  Locator(captured, location).locate(captured, std::clamp(wire_length, captured.size(), kLargest), link);
  return location;
}

}  // namespace perilune::packet
