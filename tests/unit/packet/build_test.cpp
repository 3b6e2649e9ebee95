#include "packet/build.h"

#include <gtest/gtest.h>

#include "frames.h"
#include "packet/checksum.h"

namespace perilune::packet {
namespace {

BuildOptions v4(uint8_t protocol = 6) {
  return {.source = "192.0.2.1",
          .destination = "198.51.100.2",
          .protocol = protocol,
          .source_port = 1234,
          .destination_port = 22,
          .payload = {'h', 'i'}};
}
BuildOptions v6(uint8_t protocol = 6) {
  BuildOptions options = v4(protocol);
  options.source = "2001:db8::1";
  options.destination = "2001:db8::2";
  return options;
}

TEST(Build, ExactBytes) {
  BuildOptions options = v4(17);
  options.identification = 1;
  options.dont_fragment = false;
  options.source_port = 5353;
  options.destination_port = 53;
  Bytes expected = ethernet(0x0800) + ipv4(17, udp({'h', 'i'}));
  expected[24] = 0x8e;  // checksums by hand: 0x4500 + 0x1e + 1 + 0x4011 + the addresses, complemented
  expected[25] = 0x83;
  auto built = build(options);
  ASSERT_TRUE(built);
  Bytes without = *built;
  for (const size_t place : {24U, 25U, 40U, 41U})
    without[place] = expected[place] = 0;
  EXPECT_EQ(without, expected);
  EXPECT_TRUE(checksums_right(*built, locate_whole(*built)));
}

TEST(Build, EveryProtocolIsFoundAgain) {
  for (const bool six : {false, true}) {
    for (const uint8_t protocol : Bytes{6, 17, six ? uint8_t{58} : uint8_t{1}, 47, 132}) {
      BuildOptions options = six ? v6(protocol) : v4(protocol);
      options.payload = Bytes(12, 'x');
      const auto built = build(options);
      ASSERT_TRUE(built);
      const Location l = locate_whole(*built);
      EXPECT_EQ(l.malformed, Malformed::kNone);
      EXPECT_EQ(l.version, six ? 6 : 4);
      EXPECT_EQ(l.protocol, protocol);
      EXPECT_EQ(l.end, built->size());
      if (protocol == 6 || protocol == 17) {
        EXPECT_EQ(l.source_port, 1234);
        EXPECT_EQ(l.destination_port, 22);
        EXPECT_EQ(l.end - l.payload, 12U);
      }
      if (protocol != 132) {
        EXPECT_TRUE(checksums_right(*built, l));
      }
    }
  }
}

TEST(Build, HeaderFields) {
  BuildOptions options = v4();
  options.ttl = 7;
  options.tos = 0xb8;
  options.identification = 0xabcd;
  options.ip_options = {1, 1, 1};
  options.tcp_options = {2, 4, 5, 0xb4, 1};
  options.tcp_flags = 0xc2;
  options.sequence = 0x01020304;
  options.acknowledgement = 0x05060708;
  options.window = 0x1122;
  const Bytes frame = *build(options);
  const Location l = locate_whole(frame);
  EXPECT_EQ(frame[l.network], 0x46);
  EXPECT_EQ(frame[l.network + 1], 0xb8);
  EXPECT_EQ(frame[l.network + 4], 0xab);
  EXPECT_EQ(frame[l.network + 6], 0x40);
  EXPECT_EQ(frame[l.network + 8], 7);
  EXPECT_EQ(Bytes(frame.begin() + l.network + 20, frame.begin() + l.network + 24), (Bytes{1, 1, 1, 0}));
  EXPECT_EQ(l.payload - l.transport, 28U);
  EXPECT_EQ(Bytes(frame.begin() + l.transport + 4, frame.begin() + l.transport + 16),
            (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 0x70, 0xc2, 0x11, 0x22}));
  EXPECT_EQ(Bytes(frame.begin() + l.transport + 20, frame.begin() + l.transport + 28),
            (Bytes{2, 4, 5, 0xb4, 1, 0, 0, 0}));
}

TEST(Build, TrafficClassAndHopLimit) {
  BuildOptions options = v6();
  options.tos = 0xb8;
  options.ttl = 1;
  const Bytes frame = *build(options);
  EXPECT_EQ(frame[14], 0x6b);
  EXPECT_EQ(frame[15], 0x80);
  EXPECT_EQ(frame[21], 1);
}

TEST(Build, VlanTags) {
  BuildOptions options = v4();
  options.vlans = {10, 20};
  const Bytes frame = *build(options);
  EXPECT_EQ(Bytes(frame.begin() + 12, frame.begin() + 22),
            be16(0x88a8) + be16(10) + be16(0x8100) + be16(20) + be16(0x0800));
  EXPECT_EQ(locate_whole(frame).vlan_tags, 2);
}

TEST(Build, Fragments) {
  for (const bool six : {false, true}) {
    BuildOptions options = six ? v6(17) : v4(17);
    options.payload = Bytes(16);
    options.more_fragments = true;
    const Location first = locate_whole(*build(options));
    EXPECT_TRUE(first.fragment && first.first_fragment && first.has_transport);
    EXPECT_EQ(first.destination_port, 22);
    options.fragment_offset = 24;
    options.more_fragments = false;
    const Bytes frame = *build(options);
    const Location later = locate_whole(frame);
    EXPECT_TRUE(later.fragment && !later.first_fragment);
    EXPECT_EQ(later.fragment_offset, 24);
    EXPECT_EQ(later.end - later.payload, 16U);
    EXPECT_TRUE(checksums_right(frame, later));
  }
}

TEST(Build, LargestPackets) {
  BuildOptions options = v4(17);
  options.payload = Bytes(65507);
  EXPECT_TRUE(build(options));
  options.payload.push_back(0);
  EXPECT_FALSE(build(options));
  options = v6(17);
  options.payload = Bytes(65527);
  EXPECT_TRUE(build(options));
  options.payload.push_back(0);
  EXPECT_FALSE(build(options));
}

void expect_error(const BuildOptions& options, std::string_view part) {
  const auto built = build(options);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().fault, Fault::kInput);
  EXPECT_NE(built.error().message.find(part), std::string::npos) << built.error().message;
}

TEST(Build, RefusesWhatCannotBeSaid) {
  BuildOptions options = v4();
  options.source = "192.0.2";
  expect_error(options, "source '192.0.2' is not an IP address");
  options = v4();
  options.destination = "";
  expect_error(options, "destination '' is not an IP address");
  options = v4();
  options.destination = "::1";
  expect_error(options, "different IP versions");
  options = v4();
  options.ip_options = Bytes(41);
  expect_error(options, "41 bytes of IP options");
  options = v6();
  options.ip_options = Bytes(4);
  expect_error(options, "IPv4 only");
  options = v4();
  options.tcp_options = Bytes(41);
  expect_error(options, "41 bytes of TCP options");
  options = v4();
  options.vlans = std::vector<uint16_t>(9);
  expect_error(options, "9 VLAN tags");
  expect_error(v6(1), "does not exist over IPv6");
  expect_error(v4(58), "does not exist over IPv4");
  options = v4();
  options.fragment_offset = 12;
  expect_error(options, "not a multiple of 8");
  options = v4(17);
  options.more_fragments = true;
  expect_error(options, "a fragment of 10 bytes");
  options = v4(17);
  options.fragment_offset = 65528;
  expect_error(options, "does not fit");
}

}  // namespace
}  // namespace perilune::packet
