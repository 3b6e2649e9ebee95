#include "packet/location.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "frames.h"

namespace perilune::packet {
namespace {

const Bytes kHello{'h', 'e', 'l', 'l', 'o'};

/// A frame with TCP to port 22 and "hello" in it, IP at `network`.
void expect_tcp_hello(const Bytes& frame, LinkType link, size_t network, uint8_t version = 4) {
  const Location l = locate_whole(frame, link);
  const size_t ip_header = version == 4 ? 20 : 40;
  EXPECT_EQ(to_string(l.malformed), "none");
  EXPECT_EQ(l.version, version);
  EXPECT_EQ(l.protocol, protocol::kTcp);
  EXPECT_EQ(l.network, network);
  EXPECT_EQ(l.transport, network + ip_header);
  EXPECT_EQ(l.payload, network + ip_header + 20);
  EXPECT_EQ(l.end, network + ip_header + 25);
  EXPECT_TRUE(l.has_transport);
  EXPECT_TRUE(l.has_ports);
  EXPECT_EQ(l.source_port, 1234);
  EXPECT_EQ(l.destination_port, 22);
  EXPECT_FALSE(l.truncated);
  EXPECT_FALSE(l.fragment);
}

const Bytes kTcp4 = ipv4(6, tcp(kHello));
const Bytes kTcp6 = ipv6(6, tcp(kHello));
const Bytes kPadding{0xde, 0xad, 0xbe, 0xef};

// ---- link layers ----

TEST(LinkLayer, Ethernet) {
  expect_tcp_hello(ethernet(0x0800) + kTcp4, LinkType::kEthernet, 14);
  expect_tcp_hello(ethernet(0x86dd) + kTcp6, LinkType::kEthernet, 14, 6);
  EXPECT_EQ(locate_whole(ethernet(0x0800) + kTcp4).ethertype, 0x0800);
}

TEST(LinkLayer, PaddingIsNotPayload) {
  expect_tcp_hello(ethernet(0x0800) + kTcp4 + kPadding, LinkType::kEthernet, 14);
  expect_tcp_hello(ethernet(0x86dd) + kTcp6 + kPadding, LinkType::kEthernet, 14, 6);
}

TEST(LinkLayer, VlanTags) {
  for (const unsigned type : {0x8100U, 0x88a8U, 0x9100U}) {
    const Bytes frame = ethernet(type) + be16(0x6123) + be16(0x0800) + kTcp4;
    expect_tcp_hello(frame, LinkType::kEthernet, 18);
    const Location l = locate_whole(frame);
    EXPECT_EQ(l.vlan_tags, 1);
    EXPECT_EQ(l.vlan, 0x6123);
    EXPECT_EQ(l.ethertype, 0x0800);
  }
}

TEST(LinkLayer, StackedVlanTagsKeepTheOutermost) {
  const Bytes frame = ethernet(0x88a8) + be16(10) + be16(0x8100) + be16(20) + be16(0x86dd) + kTcp6;
  expect_tcp_hello(frame, LinkType::kEthernet, 22, 6);
  EXPECT_EQ(locate_whole(frame).vlan, 10);
  EXPECT_EQ(locate_whole(frame).vlan_tags, 2);
}

TEST(LinkLayer, VlanTagsWithoutEnd) {
  Bytes frame = ethernet(0x8100);
  for (unsigned i = 1; i < kMaxLinkTags; ++i)
    frame = frame + be16(i) + be16(0x8100);
  expect_tcp_hello(frame + be16(8) + be16(0x0800) + kTcp4, LinkType::kEthernet, 14 + 4 * kMaxLinkTags);
  frame = frame + be16(8) + be16(0x8100) + be16(9) + be16(0x0800) + kTcp4;
  EXPECT_EQ(locate_whole(frame).malformed, Malformed::kLinkHeader);
}

TEST(LinkLayer, Pppoe) {
  const Bytes session{0x11, 0, 0, 1};
  const Bytes frame = ethernet(0x8864) + session + be16(47) + be16(0x0021) + kTcp4 + kPadding;
  expect_tcp_hello(frame, LinkType::kEthernet, 22);
  EXPECT_EQ(locate_whole(frame).ethertype, 0x8864);
  EXPECT_EQ(locate_whole(frame).link_length, 18);
  expect_tcp_hello(ethernet(0x8864) + session + be16(67) + be16(0x0057) + kTcp6, LinkType::kEthernet, 22, 6);
  const Bytes tag = ethernet(0x8100) + be16(5) + be16(0x8864);
  expect_tcp_hello(tag + session + be16(47) + be16(0x0021) + kTcp4, LinkType::kEthernet, 26);
}

TEST(LinkLayer, PppoeWithCompressedProtocolField) {
  const Bytes session{0x11, 0, 0, 1};
  expect_tcp_hello(ethernet(0x8864) + session + be16(46) + Bytes{0x21} + kTcp4, LinkType::kEthernet, 21);
  expect_tcp_hello(ethernet(0x8864) + session + be16(66) + Bytes{0x57} + kTcp6, LinkType::kEthernet, 21, 6);
}

TEST(LinkLayer, PppoeOtherProtocolsAreNotIp) {
  const Bytes lcp = ethernet(0x8864) + Bytes{0x11, 0, 0, 1} + be16(6) + be16(0xc021) + Bytes{1, 1, 0, 4};
  EXPECT_EQ(locate_whole(lcp).version, 0);
  EXPECT_EQ(locate_whole(lcp).malformed, Malformed::kNone);
  EXPECT_EQ(locate_whole(ethernet(0x8863) + Bytes(20)).version, 0);  // discovery
}

TEST(LinkLayer, PppoeLengthsThatLie) {
  const Bytes session{0x11, 0, 0, 1};
  const auto reason = [&](unsigned length) {
    return locate_whole(ethernet(0x8864) + session + be16(length) + be16(0x0021) + kTcp4).malformed;
  };
  EXPECT_EQ(reason(47), Malformed::kNone);
  EXPECT_EQ(reason(48), Malformed::kLinkHeader);  // beyond the frame
  EXPECT_EQ(reason(46), Malformed::kIpLength);    // the IP packet is longer than the session's frame
  EXPECT_EQ(reason(0), Malformed::kLinkHeader);   // no room for the protocol
  EXPECT_EQ(reason(1), Malformed::kLinkHeader);
  EXPECT_EQ(reason(2), Malformed::kIpHeader);
}

TEST(LinkLayer, Ieee8023WithSnap) {
  const Bytes snap{0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00};
  const Bytes frame = ethernet(8 + 45) + snap + kTcp4 + kPadding;
  expect_tcp_hello(frame, LinkType::kEthernet, 22);
  EXPECT_EQ(locate_whole(frame).ethertype, 0x0800);
  EXPECT_EQ(locate_whole(frame).link_length, 12);
  expect_tcp_hello(ethernet(8 + 45) + Bytes{0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0} + kTcp4, LinkType::kEthernet, 22);
  EXPECT_EQ(locate_whole(ethernet(8 + 46) + snap + kTcp4).malformed, Malformed::kLinkHeader);
  EXPECT_EQ(locate_whole(ethernet(7) + snap + kTcp4).malformed, Malformed::kLinkHeader);
  EXPECT_EQ(locate_whole(ethernet(8 + 44) + snap + kTcp4).malformed, Malformed::kIpLength);
}

TEST(LinkLayer, PppoeInsideSnapIsNotFollowed) {
  const Bytes session = Bytes{0x11, 0, 0, 1} + be16(47) + be16(0x0021) + kTcp4;
  const Location l = locate_whole(ethernet(8 + 53) + Bytes{0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x64} + session);
  EXPECT_EQ(l.version, 0);
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_EQ(l.ethertype, 0x8864);
}

TEST(LinkLayer, OtherLlcIsNotIp) {
  for (unsigned length = 0; length < 20; ++length) {
    const Bytes frame = ethernet(length) + Bytes(10, 0x42);
    EXPECT_EQ(locate_whole(frame).end, length <= 10 ? 14 + length : 24U) << length;  // a length beyond it says nothing
  }
  const Location stp = locate_whole(ethernet(7) + Bytes{0x42, 0x42, 3, 0, 0, 0, 0, 1, 2, 3});
  EXPECT_EQ(stp.version, 0);
  EXPECT_EQ(stp.malformed, Malformed::kNone);
  EXPECT_EQ(stp.ethertype, 0);
  EXPECT_EQ(stp.network, 14U);
  const Location cdp = locate_whole(ethernet(12) + Bytes{0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 1, 2, 3, 4});
  EXPECT_EQ(cdp.version, 0);
  EXPECT_EQ(cdp.malformed, Malformed::kNone);
  EXPECT_EQ(locate_whole(ethernet(1500) + Bytes{0xe0, 0xe0, 3}).malformed, Malformed::kNone);  // not ours to judge
}

TEST(LinkLayer, ArpIsNotIp) {
  const Bytes arp = Bytes{0, 1, 8, 0, 6, 4, 0, 1} + Bytes(20);
  EXPECT_EQ(locate_whole(ethernet(0x8035) + arp + kPadding).end, 42U);
  EXPECT_EQ(locate_whole(ethernet(0x8100) + be16(5) + be16(0x0806) + arp + kPadding).end, 46U);
  EXPECT_EQ(locate_whole(ethernet(0x0806) + Bytes{0, 1, 8, 0, 255, 255, 0, 1} + Bytes(20)).end, 42U);  // not so long
  EXPECT_EQ(locate_whole(ethernet(0x0806) + Bytes{0, 1, 8, 0, 6, 4, 0}).end, 21U);
  const Location l = locate_whole(ethernet(0x0806) + arp + kPadding);
  EXPECT_EQ(l.version, 0);
  EXPECT_EQ(l.ethertype, 0x0806);
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_EQ(l.network, 14U);
  EXPECT_EQ(l.end, 42U);
}

TEST(LinkLayer, LinuxCooked) {
  const Bytes v1 = Bytes{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0};
  expect_tcp_hello(v1 + be16(0x0800) + kTcp4, LinkType::kLinuxSll, 16);
  expect_tcp_hello(v1 + be16(0x86dd) + kTcp6, LinkType::kLinuxSll, 16, 6);
  expect_tcp_hello(v1 + be16(0x8100) + be16(7) + be16(0x0800) + kTcp4, LinkType::kLinuxSll, 20);
  const Bytes snap{0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00};
  expect_tcp_hello(v1 + be16(4) + snap + kTcp4, LinkType::kLinuxSll, 24);
  EXPECT_EQ(locate_whole(v1 + be16(0x0806) + Bytes(28), LinkType::kLinuxSll).version, 0);
  EXPECT_EQ(locate_whole(v1 + be16(4) + Bytes(3), LinkType::kLinuxSll).malformed, Malformed::kNone);
  const Bytes v2 = Bytes(18);
  expect_tcp_hello(be16(0x0800) + v2 + kTcp4, LinkType::kLinuxSll2, 20);
  expect_tcp_hello(be16(0x86dd) + v2 + kTcp6, LinkType::kLinuxSll2, 20, 6);
}

TEST(LinkLayer, BsdLoopbackInBothByteOrders) {
  expect_tcp_hello(Bytes{2, 0, 0, 0} + kTcp4, LinkType::kNull, 4);
  expect_tcp_hello(Bytes{0, 0, 0, 2} + kTcp4, LinkType::kNull, 4);
  expect_tcp_hello(Bytes{0, 0, 0, 2} + kTcp4, LinkType::kLoop, 4);
  for (const uint8_t family : Bytes{10, 23, 24, 28, 30}) {
    expect_tcp_hello(Bytes{family, 0, 0, 0} + kTcp6, LinkType::kNull, 4, 6);
    expect_tcp_hello(Bytes{0, 0, 0, family} + kTcp6, LinkType::kLoop, 4, 6);
  }
  EXPECT_EQ(locate_whole(Bytes{2, 0, 0, 0} + kTcp4, LinkType::kLoop).version, 0);
  EXPECT_EQ(locate_whole(Bytes{7, 0, 0, 0} + kTcp4, LinkType::kNull).version, 0);
  EXPECT_EQ(locate_whole(Bytes{2, 0, 0, 0} + kTcp6, LinkType::kNull).malformed, Malformed::kIpVersion);
}

TEST(LinkLayer, RawIp) {
  for (const unsigned number : {12U, 14U, 101U}) {
    expect_tcp_hello(kTcp4, static_cast<LinkType>(number), 0);
    expect_tcp_hello(kTcp6, static_cast<LinkType>(number), 0, 6);
  }
  expect_tcp_hello(kTcp4, LinkType::kIpv4, 0);
  expect_tcp_hello(kTcp6, LinkType::kIpv6, 0, 6);
  EXPECT_EQ(locate_whole(kTcp6, LinkType::kIpv4).malformed, Malformed::kIpVersion);
  EXPECT_EQ(locate_whole(kTcp4, LinkType::kIpv6).malformed, Malformed::kIpVersion);
  EXPECT_EQ(locate_whole(Bytes{0x50, 0, 0, 0}, LinkType::kRaw).malformed, Malformed::kIpVersion);
  EXPECT_EQ(locate_whole({}, LinkType::kRaw).malformed, Malformed::kIpHeader);
}

TEST(LinkLayer, ShorterThanItsHeader) {
  EXPECT_EQ(locate_whole(Bytes(13)).malformed, Malformed::kLinkHeader);
  EXPECT_EQ(locate_whole({}).malformed, Malformed::kLinkHeader);
  EXPECT_EQ(locate_whole(ethernet(0x8100) + Bytes{0, 1, 8}).malformed, Malformed::kLinkHeader);
  EXPECT_EQ(locate_whole(Bytes(15), LinkType::kLinuxSll).malformed, Malformed::kLinkHeader);
  EXPECT_EQ(locate_whole(Bytes(19), LinkType::kLinuxSll2).malformed, Malformed::kLinkHeader);
  EXPECT_EQ(locate_whole(Bytes(3), LinkType::kNull).malformed, Malformed::kLinkHeader);
  EXPECT_EQ(locate_whole(ethernet(0x8864) + Bytes(5)).malformed, Malformed::kLinkHeader);
}

TEST(LinkLayer, Names) {
  for (const unsigned number : {0U, 1U, 12U, 14U, 101U, 108U, 113U, 228U, 229U, 276U}) {
    EXPECT_TRUE(is_supported_link_type(static_cast<uint16_t>(number))) << number;
    EXPECT_NE(link_type_name(static_cast<LinkType>(number)), "unsupported link type") << number;
  }
  for (const unsigned number : {2U, 105U, 127U, 147U, 192U, 65535U}) {
    EXPECT_FALSE(is_supported_link_type(static_cast<uint16_t>(number))) << number;
    EXPECT_EQ(link_type_name(static_cast<LinkType>(number)), "unsupported link type");
    EXPECT_EQ(locate_whole(kTcp4, static_cast<LinkType>(number)).version, 0);
  }
}

// ---- IPv4 ----

Location locate4(const Bytes& packet) {
  return locate_whole(packet, LinkType::kRaw);
}

TEST(Ipv4, VersionContradictsEtherType) {
  EXPECT_EQ(locate_whole(ethernet(0x0800) + kTcp6).malformed, Malformed::kIpVersion);
  EXPECT_EQ(locate_whole(ethernet(0x86dd) + kTcp4).malformed, Malformed::kIpVersion);
  EXPECT_EQ(locate_whole(ethernet(0x0800) + Bytes(40)).malformed, Malformed::kIpVersion);
}

TEST(Ipv4, Options) {
  const Bytes packet = ipv4_header(6, 25, 0, 7) + Bytes(8, 1) + tcp(kHello);
  const Location l = locate4(packet);
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_EQ(l.transport, 28U);
  EXPECT_EQ(l.payload, 48U);
  EXPECT_EQ(l.end, 53U);
}

TEST(Ipv4, HeaderLengthsThatLie) {
  for (const unsigned ihl : {0U, 1U, 4U}) {
    EXPECT_EQ(locate4(ipv4_header(6, 25, 0, ihl) + tcp(kHello)).malformed, Malformed::kIpHeader) << ihl;
  }
  EXPECT_EQ(locate4(ipv4_header(6, 0, 0, 6)).malformed, Malformed::kIpHeader);
  EXPECT_EQ(locate4(Bytes(kTcp4.begin(), kTcp4.begin() + 19)).malformed, Malformed::kIpHeader);
  EXPECT_EQ(locate_whole(ethernet(0x0800)).malformed, Malformed::kIpHeader);
}

TEST(Ipv4, TotalLengthsThatLie) {
  EXPECT_EQ(locate4(ipv4_header(6, 26) + tcp(kHello)).malformed, Malformed::kIpLength);
  Bytes packet = kTcp4;
  packet[3] = 19;
  EXPECT_EQ(locate4(packet).malformed, Malformed::kIpLength);
  packet = ipv4_header(6, 25, 0, 7) + Bytes(8, 1) + tcp(kHello);
  packet[3] = 27;  // inside the options
  EXPECT_EQ(locate4(packet).malformed, Malformed::kIpLength);
  EXPECT_EQ(locate4(ipv4(17, udp())).malformed, Malformed::kNone);
}

TEST(Ipv4, TotalLengthZeroIsOffloadedTcp) {
  Bytes packet = kTcp4;
  packet[3] = 0;
  const Location l = locate4(packet);
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_EQ(l.payload, 40U);
  EXPECT_EQ(l.end, 45U);
  packet = ipv4(17, udp(kHello));
  packet[3] = 0;
  EXPECT_EQ(locate4(packet).malformed, Malformed::kIpLength);
}

// What no 16-bit length can say, segmentation offload (BIG TCP) says by 0, for tunnels in UDP, too; older Linux writes
// the low 16 bits of a tunnel's length.
TEST(Location, LengthsThatDoNotFitIntoTheirFields) {
  for (const size_t size : {65'535U, 65'536U, 66'559U, 66'560U, 70'000U, 180'000U}) {
    const bool fits = size <= 65'535;
    const auto zeroed = [](Bytes packet, std::initializer_list<size_t> fields) {
      for (const size_t field : fields)
        packet[field] = packet[field + 1] = 0;
      return packet;
    };
    const auto expect = [&](const Bytes& packet, size_t payload, bool sound, size_t end) {
      const Location l = locate_whole(packet, LinkType::kRaw);
      EXPECT_EQ(l.malformed == Malformed::kNone, sound) << size << " " << to_string(l.malformed);
      if (!sound) return;
      EXPECT_EQ(l.payload, payload) << size;
      EXPECT_EQ(l.end, end) << size;
      EXPECT_TRUE(l.has_transport) << size;
    };
    expect(zeroed(ipv4(6, tcp(Bytes(size - 40))), {2}), 40, true, size);
    expect(zeroed(ipv4(17, udp(Bytes(size - 28))), {2, 24}), 28, size - 20 > 65'535, size);
    expect(zeroed(ipv6(6, tcp(Bytes(size - 20))), {4}), 60, true, 40 + size);
    expect(zeroed(ipv6(17, udp(Bytes(size - 8))), {4, 44}), 48, !fits, 40 + size);
    expect(zeroed(ipv4(17, udp(Bytes(size))), {2}), 28, true, 28 + size);  // the length's low 16 bits
    expect(zeroed(ipv4(1, Bytes(size)), {2}), 28, true, 20 + size);
  }
}

constexpr unsigned kMore = 0x2000;

TEST(Ipv4, FirstFragment) {
  const Location l = locate4(ipv4(17, udp(Bytes(16)), kMore));
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_TRUE(l.fragment);
  EXPECT_TRUE(l.first_fragment);
  EXPECT_TRUE(l.has_transport);
  EXPECT_EQ(l.destination_port, 53);
  EXPECT_EQ(l.payload, 28U);
}

TEST(Ipv4, LaterFragment) {
  const Location l = locate4(ipv4(17, Bytes(16, 'x'), 3));
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_TRUE(l.fragment);
  EXPECT_FALSE(l.first_fragment);
  EXPECT_FALSE(l.has_transport);
  EXPECT_FALSE(l.has_ports);
  EXPECT_EQ(l.fragment_offset, 24);
  EXPECT_EQ(l.protocol, protocol::kUdp);
  EXPECT_EQ(l.transport, 20U);
  EXPECT_EQ(l.payload, 20U);
  EXPECT_EQ(l.end, 36U);
}

TEST(Ipv4, FirstFragmentWithLengthOfTheWholeDatagram) {
  Bytes datagram = udp(Bytes(16));
  datagram[4] = 0x10;  // 4,120 bytes: the rest is in other fragments
  EXPECT_EQ(locate4(ipv4(17, datagram, kMore)).malformed, Malformed::kNone);
  EXPECT_EQ(locate4(ipv4(17, datagram)).malformed, Malformed::kUdpLength);
}

TEST(Ipv4, TinyFirstFragment) {
  EXPECT_EQ(locate4(ipv4(6, Bytes(8), kMore)).malformed, Malformed::kTcpHeader);
  EXPECT_EQ(locate4(ipv4(6, Bytes(16), kMore)).malformed, Malformed::kTcpHeader);
  EXPECT_EQ(locate4(ipv4(6, tcp(Bytes(4), 7), kMore)).malformed, Malformed::kTcpHeader);  // options in the next one
  EXPECT_EQ(locate4(ipv4(6, tcp(Bytes(4)), kMore)).malformed, Malformed::kNone);
  EXPECT_EQ(locate4(ipv4(132, Bytes(8), kMore)).malformed, Malformed::kSctpHeader);
}

TEST(Ipv4, FragmentInsideTheTcpHeader) {
  EXPECT_EQ(locate4(ipv4(6, Bytes(8), 1)).malformed, Malformed::kFragment);
  EXPECT_EQ(locate4(ipv4(6, Bytes(8), 2)).malformed, Malformed::kFragment);
  EXPECT_EQ(locate4(ipv4(6, Bytes(8), 3)).malformed, Malformed::kNone);
  EXPECT_EQ(locate4(ipv4(17, Bytes(8), 1)).malformed, Malformed::kNone);
}

TEST(Ipv4, FragmentsThatCannotBe) {
  EXPECT_EQ(locate4(ipv4(17, {}, kMore | 5)).malformed, Malformed::kFragment);
  EXPECT_EQ(locate4(ipv4(17, Bytes(15), kMore | 5)).malformed, Malformed::kFragment);
  EXPECT_EQ(locate4(ipv4(17, Bytes(15), 5)).malformed, Malformed::kNone);
  EXPECT_EQ(locate4(ipv4(17, Bytes(8), 0x1fff)).malformed, Malformed::kFragment);  // 65,528 + 8
  EXPECT_EQ(locate4(ipv4(17, Bytes(7), 0x1fff)).malformed, Malformed::kNone);
}

// ---- IPv6 ----

TEST(Ipv6, EveryExtensionHeader) {
  for (const unsigned type : {0U, 43U, 60U, 135U, 139U, 140U}) {
    const Location l = locate4(ipv6(type, extension(6, 2) + tcp(kHello)));
    EXPECT_EQ(l.malformed, Malformed::kNone) << type;
    EXPECT_EQ(l.protocol, protocol::kTcp) << type;
    EXPECT_EQ(l.transport, 56U) << type;
    EXPECT_EQ(l.payload, 76U) << type;
  }
}

TEST(Ipv6, AuthenticationHeaderCountsInFours) {
  Bytes ah(24);
  ah[0] = 6;
  ah[1] = 4;
  const Location l = locate4(ipv6(51, ah + tcp(kHello)));
  EXPECT_EQ(l.protocol, protocol::kTcp);
  EXPECT_EQ(l.transport, 64U);
  EXPECT_TRUE(l.has_transport);
}

TEST(Ipv6, ChainOfDifferentHeaders) {
  const Location l = locate4(ipv6(0, extension(43) + extension(60, 3) + extension(17, 2) + udp(kHello)));
  EXPECT_EQ(l.protocol, protocol::kUdp);
  EXPECT_EQ(l.transport, 40U + 8 + 24 + 16);
  EXPECT_EQ(l.destination_port, 53);
}

TEST(Ipv6, ChainsHaveALimit) {
  Bytes chain;
  for (unsigned i = 1; i < kMaxExtensionHeaders; ++i)
    chain = chain + extension(60);
  EXPECT_EQ(locate4(ipv6(60, chain + extension(6) + tcp())).malformed, Malformed::kNone);
  EXPECT_EQ(locate4(ipv6(60, chain + extension(60) + extension(6) + tcp())).malformed, Malformed::kExtensionChain);
}

TEST(Ipv6, ExtensionHeaderBeyondThePacket) {
  Bytes header = extension(6, 2);
  header[1] = 2;
  EXPECT_EQ(locate4(ipv6(60, header)).malformed, Malformed::kExtensionHeader);
  EXPECT_EQ(locate4(ipv6(60, Bytes{6, 0, 0, 0})).malformed, Malformed::kExtensionHeader);
  EXPECT_EQ(locate4(ipv6(43, {})).malformed, Malformed::kExtensionHeader);
  EXPECT_EQ(locate4(ipv6(44, Bytes(7))).malformed, Malformed::kExtensionHeader);
}

TEST(Ipv6, LengthsThatLie) {
  EXPECT_EQ(locate4(ipv6_header(6, 26) + tcp(kHello)).malformed, Malformed::kIpLength);
  EXPECT_EQ(locate4(Bytes(kTcp6.begin(), kTcp6.begin() + 39)).malformed, Malformed::kIpHeader);
}

TEST(Ipv6, PayloadLengthZero) {
  const Location offloaded = locate4(ipv6_header(6, 0) + tcp(kHello));
  EXPECT_EQ(offloaded.malformed, Malformed::kNone);
  EXPECT_EQ(offloaded.end, 65U);
  EXPECT_EQ(locate4(ipv6_header(17, 0) + udp(kHello)).malformed, Malformed::kUdpHeader);
  const Location nothing = locate4(ipv6_header(59, 0) + kPadding);
  EXPECT_EQ(nothing.malformed, Malformed::kNone);
  EXPECT_EQ(nothing.end, 40U);
}

TEST(Ipv6, Jumbogram) {
  constexpr size_t kPayload = 70000;
  Bytes options{6, 0, 0xc2, 4, 0, 0, 0, 0};
  const auto packet = [&](size_t claimed) {
    for (unsigned i = 0; i < 4; ++i)
      options[4 + i] = static_cast<uint8_t>(claimed >> (24 - 8 * i));
    return ipv6_header(0, 0) + options + tcp(Bytes(kPayload));
  };
  const Location l = locate4(packet(8 + 20 + kPayload));
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_EQ(l.transport, 48U);
  EXPECT_EQ(l.end, 68 + kPayload);
  EXPECT_EQ(locate4(packet(8 + 20 + kPayload + 1)).malformed, Malformed::kIpLength);
  EXPECT_EQ(locate4(packet(65535)).malformed, Malformed::kIpLength);
  options[2] = 1;  // another option: then zero is no length
  EXPECT_EQ(locate4(packet(8 + 20 + kPayload)).malformed, Malformed::kIpLength);
  // Options that lie about their own length end the search.
  EXPECT_EQ(locate4(ipv6_header(0, 0) + Bytes{6, 0, 1, 255, 0, 0, 0, 0}).malformed, Malformed::kIpLength);
  EXPECT_EQ(locate4(ipv6_header(0, 0) + Bytes{6, 0, 0, 0, 0, 0, 0, 1}).malformed, Malformed::kIpLength);
  EXPECT_EQ(locate4(ipv6_header(0, 0) + Bytes{6, 9, 0, 0, 0, 0, 0, 1}).malformed, Malformed::kExtensionHeader);
}

TEST(Ipv6, UdpJumbogramHasNoLength) {
  constexpr size_t kPayload = 70000;
  constexpr size_t kClaimed = 8 + 8 + kPayload;
  Bytes datagram = udp(Bytes(kPayload));
  datagram[4] = datagram[5] = 0;
  const Bytes options{17, 0, 0xc2, 4, 0, kClaimed >> 16U, (kClaimed >> 8U) & 0xff, kClaimed & 0xff};
  const Location l = locate4(ipv6_header(0, 0) + options + datagram);
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_EQ(l.end, 40 + kClaimed);
}

TEST(Ipv6, Fragments) {
  const Location first = locate4(ipv6(44, fragment_header(17, 0, true) + udp(Bytes(16))));
  EXPECT_EQ(first.malformed, Malformed::kNone);
  EXPECT_TRUE(first.fragment && first.first_fragment && first.has_transport);
  EXPECT_EQ(first.transport, 48U);

  const Location later = locate4(ipv6(44, fragment_header(17, 1448, false) + Bytes(5)));
  EXPECT_EQ(later.malformed, Malformed::kNone);
  EXPECT_TRUE(later.fragment);
  EXPECT_FALSE(later.first_fragment || later.has_transport || later.has_ports);
  EXPECT_EQ(later.fragment_offset, 1448);
  EXPECT_EQ(later.payload, 48U);
  EXPECT_EQ(later.end, 53U);

  const Location atomic = locate4(ipv6(44, fragment_header(6, 0, false) + tcp(kHello)));
  EXPECT_EQ(atomic.malformed, Malformed::kNone);
  EXPECT_TRUE(atomic.fragment && atomic.first_fragment && atomic.has_transport);
}

TEST(Ipv6, LaterFragmentBeforeMoreExtensionHeadersIsNotFollowed) {
  const Location l = locate4(ipv6(44, fragment_header(60, 800, false) + Bytes(24, 0xff)));
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_EQ(l.protocol, protocol::kDestination);
  EXPECT_EQ(l.payload, 48U);
}

TEST(Ipv6, FragmentsThatCannotBe) {
  EXPECT_EQ(locate4(ipv6(44, fragment_header(17, 80, true))).malformed, Malformed::kFragment);
  EXPECT_EQ(locate4(ipv6(44, fragment_header(17, 80, true) + Bytes(9))).malformed, Malformed::kFragment);
  EXPECT_EQ(locate4(ipv6(44, fragment_header(17, 65528, false) + Bytes(8))).malformed, Malformed::kFragment);
  EXPECT_EQ(locate4(ipv6(60, extension(44) + fragment_header(17, 65528, false) + Bytes(7))).malformed,
            Malformed::kFragment);  // the options before it count
  EXPECT_EQ(locate4(ipv6(44, fragment_header(6, 16, false) + Bytes(8))).malformed, Malformed::kFragment);
  EXPECT_EQ(locate4(ipv6(44, fragment_header(6, 0, true) + Bytes(16))).malformed, Malformed::kTcpHeader);
  EXPECT_EQ(locate4(ipv6(44, fragment_header(60, 0, true) + extension(6))).malformed,
            Malformed::kTcpHeader);  // RFC 7112: the whole chain must be in the first fragment
  EXPECT_EQ(locate4(ipv6(44, fragment_header(44, 0, false) + fragment_header(6, 0, false) + tcp())).malformed,
            Malformed::kFragment);
}

TEST(Ipv6, EspAndNoNextHeaderAreFinal) {
  const Location esp = locate4(ipv6(0, extension(50) + Bytes(24)));
  EXPECT_EQ(esp.protocol, protocol::kEsp);
  EXPECT_EQ(esp.transport, 48U);
  EXPECT_EQ(esp.payload, 48U);
  EXPECT_FALSE(esp.has_transport);
  const Location none = locate4(ipv6(60, extension(59)));
  EXPECT_EQ(none.protocol, protocol::kNoNext);
  EXPECT_EQ(none.payload, none.end);
  EXPECT_EQ(none.malformed, Malformed::kNone);
}

// ---- transport ----

TEST(Transport, Tcp) {
  const Location l = locate4(ipv4(6, tcp(Bytes(12) + kHello, 8)));
  EXPECT_EQ(l.payload, 20U + 32);
  EXPECT_EQ(l.end - l.payload, 5U);
  EXPECT_EQ(locate4(ipv4(6, tcp({}, 4))).malformed, Malformed::kTcpHeader);
  EXPECT_EQ(locate4(ipv4(6, tcp({}, 0))).malformed, Malformed::kTcpHeader);
  EXPECT_EQ(locate4(ipv4(6, tcp(Bytes(3), 6))).malformed, Malformed::kTcpHeader);
  EXPECT_EQ(locate4(ipv4(6, tcp(Bytes(4), 6))).malformed, Malformed::kNone);
  EXPECT_EQ(locate4(ipv4(6, Bytes(19))).malformed, Malformed::kTcpHeader);
  EXPECT_EQ(locate4(ipv4(6, {})).malformed, Malformed::kTcpHeader);
}

TEST(Transport, HeaderInThePaddingIsNoHeader) {
  EXPECT_EQ(locate4(ipv4_header(6, 0) + tcp(kHello)).malformed, Malformed::kTcpHeader);
  EXPECT_EQ(locate4(ipv4_header(17, 4) + udp(kHello)).malformed, Malformed::kUdpHeader);
}

TEST(Transport, UdpLength) {
  const auto with_length = [](unsigned length) {
    Bytes datagram = udp(kHello);
    datagram[4] = static_cast<uint8_t>(length >> 8U);
    datagram[5] = static_cast<uint8_t>(length);
    return locate4(ipv4(17, datagram));
  };
  EXPECT_EQ(with_length(13).malformed, Malformed::kNone);
  EXPECT_EQ(with_length(14).malformed, Malformed::kUdpLength);
  EXPECT_EQ(with_length(65535).malformed, Malformed::kUdpLength);
  EXPECT_EQ(with_length(7).malformed, Malformed::kUdpLength);
  EXPECT_EQ(with_length(0).malformed, Malformed::kUdpLength);
  const Location shorter = with_length(10);
  EXPECT_EQ(shorter.malformed, Malformed::kNone);
  EXPECT_EQ(shorter.payload, 28U);
  EXPECT_EQ(shorter.end, 30U);
  EXPECT_EQ(with_length(8).end, 28U);
  EXPECT_EQ(locate4(ipv4(17, Bytes(7))).malformed, Malformed::kUdpHeader);
}

TEST(Transport, Icmp) {
  const Location echo = locate4(ipv4(1, Bytes{8, 0, 0, 0, 0, 1, 0, 1} + kHello));
  EXPECT_TRUE(echo.has_transport);
  EXPECT_FALSE(echo.has_ports);
  EXPECT_EQ(echo.payload, 28U);
  EXPECT_EQ(locate4(ipv4(1, Bytes(7))).malformed, Malformed::kIcmpHeader);
  const Location v6 = locate4(ipv6(58, Bytes{128, 0, 0, 0, 0, 1, 0, 1} + kHello));
  EXPECT_TRUE(v6.has_transport);
  EXPECT_EQ(v6.payload, 48U);
  for (const size_t length : {4U, 6U, 8U}) {
    const Location shorter = locate4(ipv6(58, Bytes(length)));
    EXPECT_TRUE(shorter.has_transport);
    EXPECT_EQ(shorter.payload, 40 + length);
    EXPECT_EQ(shorter.end, 40 + length);
  }
  EXPECT_EQ(locate4(ipv6(58, Bytes(3))).malformed, Malformed::kIcmpHeader);
}

TEST(Transport, IcmpOfTheOtherVersionIsAnyProtocol) {
  const Location l = locate4(ipv6(1, Bytes(20)));
  EXPECT_FALSE(l.has_transport);
  EXPECT_EQ(l.payload, l.transport);
  EXPECT_FALSE(locate4(ipv4(58, Bytes(2))).has_transport);
  EXPECT_EQ(locate4(ipv4(58, Bytes(2))).malformed, Malformed::kNone);
}

TEST(Transport, Sctp) {
  const Location l = locate4(ipv4(132, be16(7) + be16(9) + Bytes(8) + kHello));
  EXPECT_TRUE(l.has_transport && l.has_ports);
  EXPECT_EQ(l.destination_port, 9);
  EXPECT_EQ(l.payload, 32U);
  EXPECT_EQ(locate4(ipv4(132, Bytes(11))).malformed, Malformed::kSctpHeader);
}

TEST(Transport, EveryOtherProtocolIsPayload) {
  for (const unsigned protocol : {2U, 4U, 41U, 47U, 50U, 51U, 89U, 103U, 255U}) {
    const Location l = locate4(ipv4(protocol, kHello));
    EXPECT_EQ(l.malformed, Malformed::kNone) << protocol;
    EXPECT_EQ(l.protocol, protocol);
    EXPECT_FALSE(l.has_transport);
    EXPECT_EQ(l.transport, 20U);
    EXPECT_EQ(l.payload, 20U);
    EXPECT_EQ(l.end, 25U);
  }
}

// ---- captures cut short ----

TEST(Truncated, EveryPrefixOfATcpPacket) {
  const Bytes frame = ethernet(0x0800) + kTcp4 + kPadding;
  for (size_t length = 0; length < frame.size(); ++length) {
    const Location l = locate(std::span(frame).first(length), frame.size(), LinkType::kEthernet);
    SCOPED_TRACE(length);
    // Nobody can judge what says that it is IP and has no IP header: it must not pass as something that is not IP.
    EXPECT_EQ(l.malformed, length >= 14 && length < 34 ? Malformed::kIpHeader : Malformed::kNone);
    EXPECT_EQ(l.truncated, length < 59);
    EXPECT_EQ(l.version, length < 34 ? 0 : 4);
    EXPECT_EQ(l.has_ports, length >= 38);
    EXPECT_EQ(l.has_transport, length >= 54);
    EXPECT_EQ(l.payload, length < 14 ? 0 : std::min<size_t>(length, length < 34 ? 14 : 54));
    EXPECT_EQ(l.end, std::min<size_t>(length, 59));
  }
}

TEST(Truncated, EveryPrefixOfAnIpv6Header) {
  const Bytes frame = ethernet(0x86dd) + kTcp6;
  for (size_t length = 14; length < 54; ++length) {
    const std::span<const uint8_t> part = std::span(frame).first(length);
    EXPECT_EQ(locate(part, frame.size(), LinkType::kEthernet).malformed, Malformed::kIpHeader) << length;
    EXPECT_EQ(locate(part, length, LinkType::kEthernet).malformed, Malformed::kIpHeader) << length;
    EXPECT_EQ(locate(part.subspan(14), frame.size() - 14, LinkType::kRaw).malformed, Malformed::kIpHeader) << length;
  }
}

TEST(Truncated, LiesInWhatWasCapturedAreStillLies) {
  const Bytes frame = ethernet(0x0800) + ipv4_header(6, 100) + tcp(kHello);
  EXPECT_EQ(locate(frame, frame.size() + 74, LinkType::kEthernet).malformed, Malformed::kIpLength);
  EXPECT_EQ(locate(frame, frame.size() + 75, LinkType::kEthernet).malformed, Malformed::kNone);
  EXPECT_TRUE(locate(frame, frame.size() + 75, LinkType::kEthernet).truncated);
}

TEST(Truncated, InsideAnExtensionHeader) {
  const Bytes packet = ipv6(0, extension(60) + extension(6, 3) + tcp(kHello));
  const Location l = locate(std::span(packet).first(52), packet.size(), LinkType::kRaw);
  EXPECT_TRUE(l.truncated);
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_EQ(l.protocol, protocol::kDestination);
  EXPECT_EQ(l.transport, 48U);
  EXPECT_EQ(l.payload, l.end);
  const Location inside = locate(std::span(packet).first(60), packet.size(), LinkType::kRaw);
  EXPECT_EQ(inside.protocol, protocol::kTcp);
  EXPECT_EQ(inside.transport, 60U);
  EXPECT_EQ(inside.end, 60U);
}

TEST(Truncated, WireLengthBelowTheCapturedOneIsIgnored) {
  const Bytes frame = ethernet(0x0800) + kTcp4;
  EXPECT_EQ(locate(frame, 0, LinkType::kEthernet).end, frame.size());
  EXPECT_FALSE(locate(frame, 0, LinkType::kEthernet).truncated);
}

TEST(Malformed, EveryReasonHasItsOwnWord) {
  std::vector<std::string_view> words;
  for (size_t i = 0; i < kMalformedKinds; ++i) {
    const std::string_view word = to_string(static_cast<Malformed>(i));
    EXPECT_EQ(std::count(words.begin(), words.end(), word), 0) << word;
    EXPECT_FALSE(word.empty());
    words.push_back(word);
  }
}

}  // namespace
}  // namespace perilune::packet
