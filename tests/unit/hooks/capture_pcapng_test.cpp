// The reader on pcapng files: sections, interfaces, every packet block, options, clocks, and what is wrong with damaged
// ones.
#include <gtest/gtest.h>

#include "capture_files.h"
#include "hooks/capture/time_scale.h"

namespace perilune::hooks::test {
namespace {

using packet::Direction;
using packet::LinkType;

class Pcapng : public testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] static Builder file() { return Builder(GetParam()); }
  [[nodiscard]] static Bytes name(std::string_view text) { return file().option(2, bytes_of(text)).bytes(); }
  [[nodiscard]] static Bytes flags(uint32_t value) { return file().option(2, file().u32(value).bytes()).bytes(); }
};
INSTANTIATE_TEST_SUITE_P(ByteOrders, Pcapng, testing::Bool(),
                         [](const auto& order) { return order.param ? "BigEndian" : "LittleEndian"; });

TEST_P(Pcapng, InterfacesOfDifferentKinds) {
  Builder builder = file();
  builder.section().interface(1, name("eth0")).interface(113).interface(101, name(std::string_view("tun0\0\0", 6)));
  builder.enhanced(2, 3'000001, bytes_of("three"), {}, 70).enhanced(0, 1'000001, bytes_of("one"));
  builder.enhanced(1, 2'000001, bytes_of("four"));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 3U);
  EXPECT_EQ(read.packets[0].bytes, bytes_of("three"));
  EXPECT_EQ(read.packets[0].wire_length, 70U);
  EXPECT_EQ(read.packets[0].interface, "tun0");
  EXPECT_EQ(read.packets[0].link, LinkType::kRaw);
  EXPECT_EQ(read.packets[0].time_ns, 3'000001000U);
  EXPECT_EQ(read.packets[1].interface, "eth0");
  EXPECT_EQ(read.packets[1].link, LinkType::kEthernet);
  EXPECT_EQ(read.packets[2].interface, "");
  EXPECT_EQ(read.packets[2].link, LinkType::kLinuxSll);
  EXPECT_EQ(read.packets[2].number, 3U);
}

TEST_P(Pcapng, DescriptionStandsInForAMissingName) {
  Builder builder = file();
  builder.section().interface(1, file().option(3, bytes_of("Ethernet 2")).bytes());
  builder.interface(1, file().option(3, bytes_of("Ethernet 3")).raw(name("eth3")).bytes());
  builder.enhanced(0, 0, bytes_of("a")).enhanced(1, 0, bytes_of("b"));
  const ReadCapture read = read_bytes(builder.bytes());
  ASSERT_EQ(read.packets.size(), 2U);
  EXPECT_EQ(read.packets[0].interface, "Ethernet 2");
  EXPECT_EQ(read.packets[1].interface, "eth3");
}

TEST_P(Pcapng, DirectionIsInTheFlags) {
  Builder builder = file();
  builder.section().interface(1);
  builder.enhanced(0, 0, bytes_of("abcd"), flags(1)).enhanced(0, 0, bytes_of("abc"), flags(2 | 0x1c));
  builder.enhanced(0, 0, bytes_of(""), flags(0)).enhanced(0, 0, bytes_of("ab"), flags(3)).enhanced(0, 0, bytes_of("a"));
  // Behind a comment, and not behind the end of the options.
  builder.enhanced(0, 0, bytes_of("ab"), file().option(1, bytes_of("hello")).raw(flags(2)).u32(0).bytes());
  builder.enhanced(0, 0, bytes_of("ab"), file().u32(0).raw(flags(2)).bytes());
  builder.obsolete(0, 0, bytes_of("ab"), flags(2));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 8U);
  EXPECT_EQ(read.packets[0].direction, Direction::kIn);
  EXPECT_EQ(read.packets[1].direction, Direction::kOut);
  EXPECT_EQ(read.packets[2].direction, std::nullopt);
  EXPECT_EQ(read.packets[3].direction, std::nullopt);
  EXPECT_EQ(read.packets[4].direction, std::nullopt);
  EXPECT_EQ(read.packets[5].direction, Direction::kOut);
  EXPECT_EQ(read.packets[6].direction, std::nullopt);
  EXPECT_EQ(read.packets[7].direction, Direction::kOut);
}

TEST_P(Pcapng, SimpleAndObsoletePackets) {
  Builder builder = file();
  builder.section().interface(1, {}, 4).interface(101);
  builder.obsolete(1, 9, bytes_of("old")).simple(3, bytes_of("abc")).simple(9, bytes_of("abcd"));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 3U);
  EXPECT_EQ(read.packets[0].bytes, bytes_of("old"));
  EXPECT_EQ(read.packets[0].link, LinkType::kRaw);
  EXPECT_EQ(read.packets[0].time_ns, 9000U);
  EXPECT_EQ(read.packets[1].bytes, bytes_of("abc"));
  EXPECT_EQ(read.packets[1].link, LinkType::kEthernet);
  EXPECT_EQ(read.packets[1].time_ns, 9000U) << "a packet without a time has that of the one before";
  EXPECT_EQ(read.packets[2].bytes, bytes_of("abcd"));
  EXPECT_EQ(read.packets[2].wire_length, 9U);
}

TEST_P(Pcapng, OtherBlocksAreSteppedOver) {
  Builder builder = file();
  builder.section().block(4, Bytes(8)).interface(1).block(5, Bytes(12)).block(10, Bytes(3));
  builder.block(0xbad, Bytes(700'000))
      .enhanced(0, 1, bytes_of("a"))
      .block(0x40000bad, {})
      .enhanced(0, 1, bytes_of("b"));
  const ReadCapture read = read_bytes(builder.bytes(), 4096);
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 2U);
  EXPECT_EQ(read.packets[1].bytes, bytes_of("b"));
  EXPECT_EQ(read.packets[1].number, 4U) << "Wireshark numbers custom blocks too";
}

TEST_P(Pcapng, EachSectionHasItsOwnOrderAndInterfaces) {
  Builder first = file();
  Builder second(!GetParam());
  first.section().interface(1, name("eth0")).enhanced(0, 1, bytes_of("a"));
  second.section().interface(228, second.nested().option(2, bytes_of("tun9")).bytes()).enhanced(0, 2, bytes_of("b"));
  second.enhanced(1, 2, bytes_of("c"));
  const ReadCapture read = read_bytes(Builder(first).raw(second.bytes()).raw(first.bytes()).bytes());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 3U);
  EXPECT_EQ(read.packets[1].interface, "tun9");
  EXPECT_EQ(read.packets[1].link, LinkType::kIpv4);
  EXPECT_EQ(read.packets[2].interface, "eth0");
  EXPECT_EQ(read.packets[2].number, 4U) << "the packet of an unknown interface counts";
  ASSERT_EQ(read.unreadable.size(), 1U);
  EXPECT_NE(read.unreadable[0].find("packet 3 at byte"), std::string::npos);
  EXPECT_NE(read.unreadable[0].find("it came in on interface 1, but the section describes 1 so far"),
            std::string::npos);
}

TEST_P(Pcapng, ClocksOfInterfaces) {
  const auto resolution = [](uint8_t value) { return file().option(9, Bytes{value}).bytes(); };
  const auto offset = [](int64_t value) {
    return file().option(14, file().u64(static_cast<uint64_t>(value)).bytes()).bytes();
  };
  Builder builder = file();
  builder.section().interface(1, resolution(9)).interface(1, resolution(0)).interface(1, resolution(12));
  builder.interface(1, resolution(0x80 | 10)).interface(1, offset(100)).interface(1, offset(-100));
  builder.enhanced(0, 0x1'0000'0005, bytes_of("a")).enhanced(1, 7, bytes_of("a")).enhanced(2, 1'234'567, bytes_of("a"));
  builder.enhanced(3, 1024 * 3 + 512, bytes_of("a")).enhanced(4, 1, bytes_of("a")).enhanced(5, 1, bytes_of("a"));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "");
  std::vector<uint64_t> times;
  for (const ReadPacket& packet : read.packets)
    times.push_back(packet.time_ns);
  EXPECT_EQ(times, (std::vector<uint64_t>{0x1'0000'0005, 7'000000000, 1234, 3'500000000, 100'000001000, 0}));
}

TEST(TimeScale, Extremes) {
  EXPECT_EQ(TimeScale(0).nanoseconds(UINT64_MAX), uint64_t{INT64_MAX});
  EXPECT_EQ(TimeScale(9).nanoseconds(UINT64_MAX), uint64_t{INT64_MAX});
  EXPECT_EQ(TimeScale(28).nanoseconds(UINT64_MAX), 1U);
  EXPECT_EQ(TimeScale(29).nanoseconds(UINT64_MAX), 0U);
  EXPECT_EQ(TimeScale(127).nanoseconds(UINT64_MAX), 0U);
  EXPECT_EQ(TimeScale(0x80).nanoseconds(3), 3'000000000U);
  EXPECT_EQ(TimeScale(0x80 | 63).nanoseconds(UINT64_C(1) << 63), 1'000000000U);
  EXPECT_EQ(TimeScale(0x80 | 127).nanoseconds(UINT64_MAX), 0U);
  EXPECT_EQ(TimeScale(6, INT64_MAX).nanoseconds(0), uint64_t{INT64_MAX});
  EXPECT_EQ(TimeScale(6, INT64_MIN).nanoseconds(UINT64_MAX), 0U);
}

TEST_P(Pcapng, OnlyPacketsOfAnUnknownLinkTypeAreLeftOut) {
  Builder builder = file();
  builder.section().interface(227, name("can0")).interface(1);
  builder.enhanced(0, 0, bytes_of("a")).enhanced(1, 0, bytes_of("b")).enhanced(0, 0, bytes_of("c"));
  builder.enhanced(1, 0, bytes_of("d"));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 2U);
  EXPECT_EQ(read.packets[0].number, 2U);
  EXPECT_EQ(read.packets[1].number, 4U);
  ASSERT_EQ(read.unreadable.size(), 1U) << "said once";
  EXPECT_NE(read.unreadable[0].find("packet 1 at byte"), std::string::npos);
  EXPECT_NE(
      read.unreadable[0].find("is of link type 227, which cannot be judged; all packets of interface 0 (can0) are"),
      std::string::npos)
      << read.unreadable[0];
  EXPECT_NE(read.hint.find("Ethernet (1)"), std::string::npos);
}

TEST_P(Pcapng, DamageInsideABlockCostsThatPacketOnly) {
  Builder builder = file();
  builder.section().interface(1);
  builder.block(6, Bytes(8));
  builder.block(6, file().u32(0).u32(0).u32(0).u32(500).u32(500).raw(Bytes(20)).bytes());
  builder.enhanced(0, 0, bytes_of("abcd"), file().u16(2).u16(400).bytes());
  builder.enhanced(0, 0, bytes_of("abcd"), Bytes{0, 0, 0, 0});
  builder.block(3, {}).block(2, Bytes(4)).enhanced(0, 0, bytes_of("good"));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 2U);
  EXPECT_EQ(read.packets[0].number, 4U);
  EXPECT_EQ(read.packets[1].number, 7U);
  ASSERT_EQ(read.unreadable.size(), 5U);
  EXPECT_EQ(read.unreadable[0], "x.pcap: packet 1 at byte 48 is damaged: its block is too short for a packet block");
  EXPECT_EQ(read.unreadable[1],
            "x.pcap: packet 2 at byte 68 is damaged: a length of 500 bytes in a block with room for 20");
  EXPECT_EQ(read.unreadable[2], "x.pcap: packet 3 at byte 120 is damaged: an option reaches beyond the block");
}

TEST_P(Pcapng, DamageToABlocksBordersEndsTheFile) {
  const auto after_good = [](const Builder& rest) {
    Builder builder = file();
    builder.section().interface(1).enhanced(0, 0, bytes_of("good")).raw(rest.bytes()).enhanced(0, 0, bytes_of("lost"));
    const ReadCapture read = read_bytes(builder.bytes());
    EXPECT_EQ(read.packets.size(), 1U);
    EXPECT_TRUE(read.unreadable.empty());
    return read.error;
  };
  EXPECT_EQ(
      after_good(file().u32(6).u32(8).u32(8)),
      "x.pcap: packet 2 at byte 84 is damaged: a block length of 8 (12 or more, and a multiple of 4, is possible)");
  EXPECT_EQ(
      after_good(file().u32(5).u32(0)),
      "x.pcap: a block of type 0x5 at byte 84 is damaged: a block length of 0 (12 or more, and a multiple of 4, is "
      "possible)");
  EXPECT_EQ(
      after_good(file().u32(5).u32(15).raw(Bytes(7))),
      "x.pcap: a block of type 0x5 at byte 84 is damaged: a block length of 15 (12 or more, and a multiple of 4, is "
      "possible)");
  EXPECT_EQ(after_good(file().u32(6).u32(0x80000000)),
            "x.pcap: packet 2 at byte 84 is damaged: a block length of 2147483648 bytes, more than any packet has");
  EXPECT_EQ(after_good(file().u32(6).u32(32).raw(Bytes(20)).u32(36)),
            "x.pcap: packet 2 at byte 84 is damaged: its length is 32 at its beginning and 36 at its end");
  EXPECT_EQ(after_good(file().u32(77).u32(32).raw(Bytes(20)).u32(36)),
            "x.pcap: a block of type 0x4d at byte 84 is damaged: its length is 32 at its beginning and 36 at its end");
  EXPECT_EQ(after_good(file().u32(77).u32(0xfffffff0)),
            "x.pcap: cut in the middle of a block of type 0x4d at byte 84: the file is incomplete");
  EXPECT_EQ(after_good(file().u32(0x0a0d0d0a).u32(28).u32(0x11223344)),
            "x.pcap: a section header at byte 84 is damaged: " + std::string(GetParam() ? "0x11223344" : "0x44332211") +
                " is no byte-order mark");
  EXPECT_EQ(after_good(file().u32(0x0a0d0d0a).u32(16).u32(0x1a2b3c4d).u32(16)),
            "x.pcap: a section header at byte 84 is damaged: a block length of 16 (28 is the least)");
  EXPECT_EQ(after_good(file().section(2)),
            "x.pcap: version 2.0 of the pcapng format, at byte 84, is not known (1.0 is)");
  EXPECT_EQ(after_good(file().block(1, Bytes(4))),
            "x.pcap: an interface description at byte 84 is damaged: shorter than 20 bytes");
  EXPECT_EQ(after_good(file().interface(1, file().u16(2).u16(9).bytes())),
            "x.pcap: an interface description at byte 84 is damaged: an option reaches beyond the block");
}

TEST_P(Pcapng, InterfacesWithoutEndAreRefused) {
  Builder builder = file();
  builder.section();
  for (int i = 0; i <= 65536; ++i)
    builder.interface(1);
  EXPECT_NE(read_bytes(builder.bytes()).error.find("more than 65536 interfaces"), std::string::npos);
}

TEST_P(Pcapng, CutAnywhere) {
  Builder builder = file();
  std::vector<size_t> ends;  // of blocks
  std::vector<bool> is_packet;
  const auto block = [&](bool packet) {
    ends.push_back(builder.size());
    is_packet.push_back(packet);
  };
  builder.section(), block(false);
  builder.interface(1, name("eth0")), block(false);
  builder.enhanced(0, 1, bytes_of("first"), flags(1)), block(true);
  builder.block(5, Bytes(20)), block(false);
  builder.simple(3, bytes_of("abc")), block(true);
  builder.obsolete(0, 1, bytes_of("old")), block(true);
  builder.section(), block(false);
  builder.interface(113), block(false);
  builder.enhanced(0, 1, bytes_of("last")), block(true);
  for (size_t cut = 4; cut <= builder.size(); ++cut) {
    for (const size_t piece : {size_t{1}, size_t{5}, SIZE_MAX}) {
      const ReadCapture read = read_bytes(std::span(builder.bytes()).first(cut), piece);
      size_t packets = 0;
      size_t start = 0;
      for (size_t i = 0; i < ends.size() && ends[i] <= cut; ++i) {
        packets += is_packet[i] ? 1 : 0;
        start = ends[i];
      }
      EXPECT_EQ(read.packets.size(), packets) << cut;
      EXPECT_TRUE(read.unreadable.empty());
      if (start == cut) {
        EXPECT_EQ(read.error, "") << cut;
      } else {
        EXPECT_NE(read.error.find("x.pcap: cut in the middle of "), std::string::npos) << cut << read.error;
        EXPECT_NE(read.error.find(fmt::format(" at byte {}: the file is incomplete", start)), std::string::npos) << cut;
      }
    }
  }
}

}  // namespace
}  // namespace perilune::hooks::test
