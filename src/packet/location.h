// Where a packet's headers are. Found once per packet, without reading anything twice and without allocating.
//
// Offsets are bytes from the start of the frame. All of them are <= captured length, whatever the packet claims:
//
//   0 ........ network ........ transport ........ payload ........ end ........ captured
//     link header   IP header(s)    TCP/UDP/...        data            padding
//
// What is decided here, and why:
// - Malformed and truncated are different things. A length is held against what was on the wire: beyond it, it lies.
//   Cut within the IP header it is malformed, too: it cannot be judged. What
//   else was on the wire but is not in the capture is truncated, and what can be known from the rest is still found.
// - IPv4 total length 0 (IPv6 payload length 0) with TCP means "to the end of the frame": Linux writes that when
// segmentation
//   is left to the device. With any other protocol it is malformed, but for more than 65,535 bytes (jumbograms of RFC
//   2675, UDP tunnels of large TCP packets) and for an IPv6 packet that ends with its headers.
// - A first fragment must have its whole transport header (RFC 1858, RFC 7112), no TCP fragment may begin inside the
// header
//   that the first one must have, a fragment with more to follow must be a multiple of 8 bytes long, and a fragment
//   within a fragment is malformed: receivers disagree about these, which is how filters are evaded.
// - The transport header of ICMP is 8 bytes. ICMPv6 messages have at least 4 (RFC 4443), but all that exist have 8 or
//   more, so the header is 8 bytes, or the whole message where that is shorter.
// - ICMP over IPv6 and ICMPv6 over IPv4 do not exist: they are like any other protocol. So is AH over IPv4.
// - An IPv6 hop-by-hop header is followed wherever it stands, though RFC 8200 wants it first: a script must see what is
// after.
//
// Sources: IEEE 802.1Q/802.1ad, RFC 2516 (PPPoE), RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 792, RFC 4443, RFC 9260,
// the tcpdump group's link-layer header types (LINKTYPE_ values).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace perilune::packet {

/// How a frame begins; the values are the LINKTYPE_ numbers of capture files.
enum class LinkType : uint16_t {
  kNull = 0,  // BSD loopback, host byte order of the writer
  kEthernet = 1,
  kRawOld = 12,      // raw IP as some systems number it
  kRawOpenBsd = 14,  // and as OpenBSD does
  kRaw = 101,        // raw IPv4 or IPv6
  kLoop = 108,       // OpenBSD loopback, network byte order
  kLinuxSll = 113,   // Linux cooked v1
  kIpv4 = 228,
  kIpv6 = 229,
  kLinuxSll2 = 276,  // Linux cooked v2
};

/// Is this one of the types above (by the number in a capture file)?
[[nodiscard]] bool is_supported_link_type(uint16_t number);
/// "Ethernet", "Linux cooked v1", ...; "unsupported link type" for a number that is none of them.
[[nodiscard]] std::string_view link_type_name(LinkType type);

/// What is wrong with a packet's own description of itself.
enum class Malformed : uint8_t {
  kNone,
  kLinkHeader,       // shorter than its link header, or VLAN/PPPoE tags without end
  kIpVersion,        // the version nibble contradicts the EtherType or is neither 4 nor 6
  kIpHeader,         // IPv4 header length below 20 or beyond the packet; IPv6 shorter than 40
  kIpLength,         // IP length beyond the frame, or shorter than its header (what zero means: see above)
  kExtensionHeader,  // an IPv6 extension header beyond the packet
  kExtensionChain,   // more IPv6 extension headers than anyone sends (limit below)
  kFragment,    // a fragment beyond 65,535 bytes, empty or no multiple of 8 with more to follow, inside the TCP header,
                // or inside another fragment
  kTcpHeader,   // shorter than 20, data offset below 5 or beyond the packet
  kUdpHeader,   // shorter than 8
  kUdpLength,   // UDP length below 8 or beyond the IP payload
  kIcmpHeader,  // shorter than 8 (ICMP), 4 (ICMPv6)
  kSctpHeader,  // shorter than 12
};
inline constexpr size_t kMalformedKinds = 13;
/// A stable word for reports, such as "ip-length".
[[nodiscard]] std::string_view to_string(Malformed reason);

inline constexpr unsigned kMaxLinkTags = 8;  // VLAN tags in a row
inline constexpr unsigned kMaxExtensionHeaders = 16;

/// IP protocol numbers that the locator knows.
namespace protocol {
inline constexpr uint8_t kHopByHop = 0, kIcmp = 1, kTcp = 6, kUdp = 17, kRouting = 43, kFragment = 44, kEsp = 50,
                         kAh = 51, kIcmpV6 = 58, kNoNext = 59, kDestination = 60, kSctp = 132, kMobility = 135,
                         kHip = 139, kShim6 = 140;
}

/// Ask `malformed` first: what else is set for a malformed packet is what was found before the lie.
struct Location {
  uint32_t network = 0;    // first byte of the IP header; for a frame without IP, first byte after the link header
  uint32_t transport = 0;  // first byte after the IP header(s), extension headers included
  uint32_t payload = 0;    // first byte after the transport header; == transport when the packet has none, == end when
                           // the capture ends inside it
  uint32_t end = 0;        // one past the last byte of the IP packet (or UDP datagram), padding excluded
  uint16_t ethertype = 0;  // the innermost EtherType (0x0800, 0x86dd, 0x0806; 0x8864 for PPPoE); 0 when the link type
                           // has none, and for 802.3 frames without SNAP
  uint16_t vlan = 0;       // TCI of the outermost VLAN tag, when vlan_tags > 0
  uint16_t link_length = 0;  // where the length field of PPPoE or 802.3 is, which counts the bytes after it; 0: none
  uint8_t vlan_tags = 0;
  uint8_t version = 0;    // 4, 6: the fixed 20 or 40 bytes of the IP header are there; 0: not an IP packet (or
                          // `truncated` so early that nothing can be said)
  uint8_t protocol = 0;   // of what stands at `transport`: after IPv6 extension headers, unless the capture ends before
  bool fragment = false;  // a fragment, first or later (an IPv6 atomic fragment counts too)
  bool first_fragment = false;  // the fragment with offset 0: has the transport header
  bool has_transport = false;   // TCP, UDP, ICMP, ICMPv6, SCTP with its header whole
  bool has_ports = false;       // TCP, UDP, SCTP with at least the ports captured
  bool truncated = false;       // the capture was cut by its snap length before where `end` would be
  Malformed malformed = Malformed::kNone;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint16_t fragment_offset = 0;  // bytes
};

/// Finds the headers. `captured` is what there is of the frame, `wire_length` how long it was (>= captured.size(),
/// larger when the capture was cut: then what is missing is `truncated`, never malformed).
[[nodiscard]] Location locate(std::span<const uint8_t> captured, size_t wire_length, LinkType link);

}  // namespace perilune::packet
