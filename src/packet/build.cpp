#include "packet/build.h"

#include <algorithm>
#include <iterator>

#include <arpa/inet.h>

#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/ip_writer.h"
#include "packet/link_layer.h"

namespace perilune::packet {
namespace {

constexpr size_t kIpMaximum = 65535;
constexpr size_t kMaxOptions = 40;  // of IPv4 and of TCP: a header is at most 15 words of 4 bytes
constexpr size_t kFragmentHeader = 8;
constexpr uint16_t kDontFragment = 0x4000;
constexpr uint16_t kMoreFragments = 0x2000;

size_t padded(size_t length) {
  return (length + 3) / 4 * 4;
}

bool parse_address(int family, const std::string& text, std::array<uint8_t, 16>& address) {
  return inet_pton(family, text.c_str(), address.data()) == 1;
}

Result<AddressPair> parse_addresses(const BuildOptions& options) {
  AddressPair pair;
  const bool source_v4 = parse_address(AF_INET, options.source, pair.source);
  const bool destination_v4 = parse_address(AF_INET, options.destination, pair.destination);
  const bool source_v6 = !source_v4 && parse_address(AF_INET6, options.source, pair.source);
  const bool destination_v6 = !destination_v4 && parse_address(AF_INET6, options.destination, pair.destination);
  if (!source_v4 && !source_v6) {
    return input_error(fmt::format("source '{}' is not an IP address", options.source),
                       "write it as 192.0.2.1 or 2001:db8::1");
  }
  if (!destination_v4 && !destination_v6) {
    return input_error(fmt::format("destination '{}' is not an IP address", options.destination),
                       "write it as 192.0.2.1 or 2001:db8::1");
  }
  if (source_v4 != destination_v4) {
    return input_error(
        fmt::format("source {} and destination {} are of different IP versions", options.source, options.destination));
  }
  pair.version = source_v4 ? 4 : 6;
  return pair;
}

bool is_fragment(const BuildOptions& options) {
  return options.more_fragments || options.fragment_offset != 0;
}

/// Of the transport header that `protocol` gets; none in a later fragment.
size_t transport_length(const BuildOptions& options) {
  if (options.bare || options.fragment_offset != 0) return 0;
  switch (options.protocol) {
    case protocol::kTcp:
      return 20 + padded(options.tcp_options.size());
    case protocol::kUdp:
    case protocol::kIcmp:
    case protocol::kIcmpV6:
      return 8;
    default:
      return 0;
  }
}

/// Everything that the fields cannot express; the message says which field.
Result<void> check(const BuildOptions& options, uint8_t version) {
  if (options.ip_options.size() > kMaxOptions) {
    return input_error(fmt::format("{} bytes of IP options, at most 40 fit", options.ip_options.size()));
  }
  if (version == 6 && !options.ip_options.empty()) return input_error("IP options exist in IPv4 only");
  if (options.tcp_options.size() > kMaxOptions) {
    return input_error(fmt::format("{} bytes of TCP options, at most 40 fit", options.tcp_options.size()));
  }
  if (options.vlans.size() > kMaxLinkTags) {
    return input_error(fmt::format("{} VLAN tags, at most {} are allowed", options.vlans.size(), kMaxLinkTags));
  }
  if (!options.bare && version == 6 && options.protocol == protocol::kIcmp) {
    return input_error("protocol 1 is ICMP, which does not exist over IPv6", "use 58, ICMPv6");
  }
  if (!options.bare && version == 4 && options.protocol == protocol::kIcmpV6) {
    return input_error("protocol 58 is ICMPv6, which does not exist over IPv4", "use 1, ICMP");
  }
  if (options.fragment_offset % 8 != 0) {
    return input_error(fmt::format("fragment offset {} is not a multiple of 8", options.fragment_offset));
  }
  const size_t length = transport_length(options) + options.payload.size();
  if (options.more_fragments && (length == 0 || length % 8 != 0)) {
    return input_error(fmt::format("a fragment of {} bytes with more to follow", length),
                       "make transport header and payload together a multiple of 8 bytes");
  }
  const size_t before = version == 4 ? kIpv4HeaderLength + padded(options.ip_options.size())
                                     : (is_fragment(options) ? kFragmentHeader : 0);
  if (before + length + options.fragment_offset > kIpMaximum) {
    return input_error(fmt::format("a payload of {} bytes does not fit", options.payload.size()),
                       "an IP packet has at most 65,535 bytes");
  }
  return {};
}

void append_link_header(const BuildOptions& options, uint8_t version, std::vector<uint8_t>& frame) {
  if (!options.ethernet) return;
  const auto append16 = [&](uint16_t value) {
    frame.push_back(static_cast<uint8_t>(value >> 8U));
    frame.push_back(static_cast<uint8_t>(value));
  };
  std::copy(options.destination_mac.begin(), options.destination_mac.end(), std::back_inserter(frame));
  std::copy(options.source_mac.begin(), options.source_mac.end(), std::back_inserter(frame));
  for (size_t i = 0; i < options.vlans.size(); ++i) {
    // 802.1ad: all but the innermost tag are service tags.
    append16(i + 1 < options.vlans.size() ? ethertype::kProviderVlan : ethertype::kVlan);
    append16(options.vlans[i]);
  }
  append16(version == 4 ? ethertype::kIpv4 : ethertype::kIpv6);
}

void write_transport(const BuildOptions& options, std::span<uint8_t> header, size_t length) {
  uint8_t* p = header.data();
  switch (options.protocol) {
    case protocol::kTcp:
      write_be16(p, options.source_port);
      write_be16(p + 2, options.destination_port);
      write_be32(p + 4, options.sequence);
      write_be32(p + 8, options.acknowledgement);
      p[12] = static_cast<uint8_t>((header.size() / 4) << 4U);
      p[13] = options.tcp_flags;
      write_be16(p + 14, options.window);
      std::copy(options.tcp_options.begin(), options.tcp_options.end(), p + 20);
      break;
    case protocol::kUdp:
      write_be16(p, options.source_port);
      write_be16(p + 2, options.destination_port);
      write_be16(p + 4, static_cast<uint16_t>(length));
      break;
    default:
      p[0] = options.icmp_type;
      p[1] = options.icmp_code;
      write_be32(p + 4, options.icmp_rest);
      break;
  }
}

}  // namespace

Result<std::vector<uint8_t>> build(const BuildOptions& options) {
  const Result<AddressPair> addresses = parse_addresses(options);
  if (!addresses) return tl::make_unexpected(addresses.error());
  const uint8_t version = addresses->version;
  if (const Result<void> checked = check(options, version); !checked) return tl::make_unexpected(checked.error());

  IpFields fields{.addresses = *addresses,
                  .protocol = options.protocol,
                  .ttl = options.ttl,
                  .tos = options.tos,
                  .identification = options.identification,
                  .options_length = padded(options.ip_options.size())};
  size_t ip_headers = addresses->header_length() + fields.options_length;
  const bool fragment_header = version == 6 && is_fragment(options);
  const auto more_or_offset = static_cast<uint16_t>(options.fragment_offset / 8);
  if (fragment_header) {
    fields.protocol = protocol::kFragment;
    ip_headers += kFragmentHeader;
  } else if (is_fragment(options)) {
    fields.flags_and_offset = more_or_offset | (options.more_fragments ? kMoreFragments : uint16_t{0});
  } else {
    fields.flags_and_offset = options.dont_fragment ? kDontFragment : uint16_t{0};
  }

  std::vector<uint8_t> frame;
  append_link_header(options, version, frame);
  const size_t network = frame.size();
  const size_t transport = network + ip_headers;
  const size_t payload = transport + transport_length(options);
  frame.resize(payload + options.payload.size());
  const std::span<uint8_t> all(frame);
  write_ip_header(all.subspan(network), fields);
  std::copy(options.ip_options.begin(), options.ip_options.end(), frame.begin() + network + kIpv4HeaderLength);
  if (fragment_header) {
    uint8_t* p = frame.data() + network + kIpv6HeaderLength;
    p[0] = options.protocol;
    write_be16(p + 2, static_cast<uint16_t>(options.fragment_offset | (options.more_fragments ? 1U : 0U)));
    write_be32(p + 4, options.identification);
  }
  if (payload != transport) {
    write_transport(options, all.subspan(transport, payload - transport), frame.size() - transport);
  }
  std::copy(options.payload.begin(), options.payload.end(), frame.begin() + payload);
  Location location = locate(frame, frame.size(), options.ethernet ? LinkType::kEthernet : LinkType::kRaw);
  if (options.bare) {
    location.version = version;  // also when what follows makes it malformed
    location.network = static_cast<decltype(location.network)>(network);
    location.has_transport = false;
  }
  write_checksums(frame, location);
  return frame;
}

}  // namespace perilune::packet
