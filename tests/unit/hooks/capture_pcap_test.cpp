// The reader on classic pcap files: every variant and byte order, and what is wrong with damaged ones.
#include <gtest/gtest.h>

#include "capture_files.h"

namespace perilune::hooks::test {
namespace {

using packet::LinkType;

constexpr uint32_t kMicro = 0xa1b2c3d4, kNano = 0xa1b23c4d, kExtended = 0xa1b2cd34;

class Pcap : public testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] static Builder file() { return Builder(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(ByteOrders, Pcap, testing::Bool(),
                         [](const auto& order) { return order.param ? "BigEndian" : "LittleEndian"; });

TEST_P(Pcap, Microseconds) {
  Builder builder = file();
  builder.pcap_header(kMicro, 1).pcap_record(1, 2, bytes_of("abc")).pcap_record(0xffffffff, 999999, bytes_of("d"), 90);
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 2U);
  EXPECT_EQ(read.packets[0].bytes, bytes_of("abc"));
  EXPECT_EQ(read.packets[0].wire_length, 3U);
  EXPECT_EQ(read.packets[0].time_ns, 1'000'002'000U);
  EXPECT_EQ(read.packets[0].number, 1U);
  EXPECT_EQ(read.packets[0].link, LinkType::kEthernet);
  EXPECT_FALSE(read.packets[0].direction.has_value());
  EXPECT_EQ(read.packets[0].interface, "");
  EXPECT_EQ(read.packets[1].bytes, bytes_of("d"));
  EXPECT_EQ(read.packets[1].wire_length, 90U);
  EXPECT_EQ(read.packets[1].time_ns, 4294967295'999999000U);
  EXPECT_EQ(read.packets[1].number, 2U);
}

TEST_P(Pcap, Nanoseconds) {
  Builder builder = file();
  builder.pcap_header(kNano, 101).pcap_record(7, 123456789, bytes_of("x"));
  const ReadCapture read = read_bytes(builder.bytes());
  ASSERT_EQ(read.packets.size(), 1U);
  EXPECT_EQ(read.packets[0].time_ns, 7'123456789U);
  EXPECT_EQ(read.packets[0].link, LinkType::kRaw);
}

TEST_P(Pcap, LongRecordHeaders) {
  Builder builder = file();
  builder.pcap_header(kExtended, 1);
  builder.u32(5).u32(6).u32(2).u32(2).u32(3).u16(8).raw(Bytes{4, 0}).raw(bytes_of("hi"));
  builder.u32(5).u32(6).u32(2).u32(2).u32(9).u16(8).raw(Bytes{0, 0}).raw(bytes_of("ho"));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 2U);
  EXPECT_EQ(read.packets[0].bytes, bytes_of("hi"));
  EXPECT_EQ(read.packets[0].ifindex, 3U);
  EXPECT_EQ(read.packets[0].direction, packet::Direction::kOut);
  EXPECT_EQ(read.packets[1].ifindex, 9U);
  EXPECT_EQ(read.packets[1].direction, packet::Direction::kIn);
}

TEST_P(Pcap, FrameCheckSequenceBitsAreNotTheLinkType) {
  Builder builder = file();
  builder.pcap_header(kMicro, 0x24000001).pcap_record(1, 2, bytes_of("abc"));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.packets.size(), 1U);
  EXPECT_EQ(read.packets[0].link, LinkType::kEthernet);
}

TEST_P(Pcap, EveryRawIpNumberIsRawIp) {
  for (const uint32_t number : {12U, 14U, 101U}) {
    Builder builder = file();
    builder.pcap_header(kMicro, number).pcap_record(1, 2, bytes_of("abc"));
    const ReadCapture read = read_bytes(builder.bytes());
    ASSERT_EQ(read.packets.size(), 1U) << number;
    EXPECT_EQ(read.packets[0].link, LinkType::kRaw);
  }
}

TEST_P(Pcap, OldVersionsHadTheLengthsSwapped) {
  for (const unsigned minor : {2U, 3U}) {
    Builder builder = file();
    builder.pcap_header(kMicro, 1, 65535, minor).u32(1).u32(0).u32(60).u32(2).raw(bytes_of("ab"));
    const ReadCapture read = read_bytes(builder.bytes());
    EXPECT_EQ(read.error, "");
    ASSERT_EQ(read.packets.size(), 1U) << minor;
    EXPECT_EQ(read.packets[0].bytes, bytes_of("ab"));
    EXPECT_EQ(read.packets[0].wire_length, 60U);
  }
}

TEST_P(Pcap, CapturedMoreThanThereWasMeansAsMuchAsThereIs) {
  Builder builder = file();
  builder.pcap_header(kMicro, 1).pcap_record(1, 2, bytes_of("abcdef"), 3);
  const ReadCapture read = read_bytes(builder.bytes());
  ASSERT_EQ(read.packets.size(), 1U);
  EXPECT_EQ(read.packets[0].bytes.size(), 6U);
  EXPECT_EQ(read.packets[0].wire_length, 6U);
}

TEST_P(Pcap, AnEmptyPacketIsAPacket) {
  Builder builder = file();
  builder.pcap_header(kMicro, 1).u32(1).u32(0).u32(0).u32(60).pcap_record(1, 2, bytes_of("abc"));
  const ReadCapture read = read_bytes(builder.bytes());
  ASSERT_EQ(read.packets.size(), 2U);
  EXPECT_TRUE(read.packets[0].bytes.empty());
  EXPECT_EQ(read.packets[0].wire_length, 60U);
}

TEST_P(Pcap, AnAbsurdLengthEndsTheFileAndSaysWhere) {
  Builder builder = file();
  builder.pcap_header(kMicro, 1)
      .pcap_record(1, 2, bytes_of("abc"))
      .u32(1)
      .u32(2)
      .u32(0x7fffffff)
      .u32(60)
      .raw(Bytes(90));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.packets.size(), 1U);
  EXPECT_EQ(read.error,
            "x.pcap: packet 2 at byte 43 is damaged: a length of 2147483647 bytes, but no packet of this file has more "
            "than 262144");
}

TEST_P(Pcap, FilesThrownTogetherAreRecognised) {
  Builder builder = file();
  builder.pcap_header(kMicro, 1).pcap_record(1, 2, bytes_of("abc"));
  const ReadCapture read = read_bytes(Builder(builder).raw(builder.bytes()).bytes());
  EXPECT_EQ(read.packets.size(), 1U);
  EXPECT_EQ(read.error, "x.pcap: another capture file begins at byte 43");
  EXPECT_NE(read.hint.find("mergecap"), std::string::npos) << read.hint;
}

TEST_P(Pcap, LongPacketsNeedASnapLengthThatAnnouncesThem) {
  const Bytes large(kMaxPacketLength + 1, 'x');
  for (const bool announced : {false, true}) {
    Builder builder = file();
    builder.pcap_header(kMicro, 1, announced ? 0x7fffffff : 65535).pcap_record(1, 2, large).pcap_record(1, 3, large);
    const ReadCapture read = read_bytes(builder.bytes());
    EXPECT_EQ(read.packets.size(), announced ? 2U : 0U);
    EXPECT_EQ(read.error.empty(), announced);
    if (announced) {
      EXPECT_EQ(read.packets[1].bytes, large);
    }
  }
}

TEST_P(Pcap, UnknownLinkTypeNamesItAndTheKnownOnes) {
  Builder builder = file();
  builder.pcap_header(kMicro, 227).pcap_record(1, 2, bytes_of("abc"));
  const ReadCapture read = read_bytes(builder.bytes());
  EXPECT_EQ(read.error, "x.pcap: its packets are of link type 227, which cannot be judged");
  EXPECT_NE(read.hint.find("Ethernet (1)"), std::string::npos) << read.hint;
  EXPECT_NE(read.hint.find("(276)"), std::string::npos) << read.hint;
}

TEST_P(Pcap, UnknownVersion) {
  Builder builder = file();
  builder.pcap_header(kMicro, 1, 65535, 9).pcap_record(1, 2, bytes_of("abc"));
  EXPECT_EQ(read_bytes(builder.bytes()).error, "x.pcap: version 2.9 of the pcap format is not known (2.4 is the last)");
}

TEST_P(Pcap, CutAnywhere) {
  Builder builder = file();
  std::vector<size_t> starts;
  builder.pcap_header(kMicro, 1);
  for (const std::string_view text : {"first packet", "", "third", "and a fourth one"}) {
    starts.push_back(builder.size());
    builder.u32(1).u32(2).u32(text.size()).u32(60).raw(bytes_of(text));
  }
  starts.push_back(builder.size());
  for (size_t cut = 0; cut <= builder.size(); ++cut) {
    for (const size_t piece : {size_t{1}, size_t{7}, SIZE_MAX}) {
      const ReadCapture read = read_bytes(std::span(builder.bytes()).first(cut), piece);
      size_t whole = 0;
      while (whole + 1 < starts.size() && starts[whole + 1] <= cut)
        ++whole;
      EXPECT_EQ(read.packets.size(), whole) << cut;
      if (cut == 0) {
        EXPECT_EQ(read.error, "x.pcap is empty: not even a capture file's header");
      } else if (cut < 4) {
        EXPECT_NE(read.error.find("is not a capture file: it has only"), std::string::npos) << read.error;
      } else if (cut < 24) {
        EXPECT_EQ(read.error, "x.pcap: cut in the middle of the header at byte 0: the file is incomplete");
      } else if (cut == starts[whole]) {
        EXPECT_EQ(read.error, "");
      } else {
        EXPECT_EQ(read.error, fmt::format("x.pcap: cut in the middle of packet {} at byte {}: the file is incomplete",
                                          whole + 1, starts[whole]));
      }
    }
  }
}

TEST(CaptureFormat, CompressedFilesAreNamedAndTheWayInToo) {
  const std::vector<std::tuple<std::string, std::string, std::string>> cases{
      {std::string("\x1f\x8b\x08\x00", 4), "x.pcap is compressed (gzip)", "zcat x.pcap | perilune run SCRIPT -"},
      {"\x28\xb5\x2f\xfd", "x.pcap is compressed (Zstandard)", "zstdcat x.pcap | perilune run SCRIPT -"},
      {"\xfd\x37zXZ", "x.pcap is compressed (xz)", "xzcat x.pcap | perilune run SCRIPT -"},
      {"BZh9", "x.pcap is compressed (bzip2)", "bzcat x.pcap | perilune run SCRIPT -"},
      {"\x04\x22\x4d\x18", "x.pcap is compressed (LZ4)", "lz4cat x.pcap | perilune run SCRIPT -"},
  };
  for (const auto& [magic, message, hint] : cases) {
    const ReadCapture read = read_bytes(bytes_of(magic));
    EXPECT_EQ(read.error, message);
    EXPECT_NE(read.hint.find(hint), std::string::npos) << read.hint;
  }
}

TEST(CaptureFormat, SomethingElseIsNoCapture) {
  const ReadCapture read = read_bytes(bytes_of("#!/bin/sh\n"));
  EXPECT_EQ(read.error, "x.pcap is not a capture file: it begins with 23 21 2f 62");
  EXPECT_NE(read.hint.find("editcap"), std::string::npos);
}

class FailingSource : public ByteSource {
 public:
  explicit FailingSource(Bytes first) : first_(std::move(first)) {}
  Result<size_t> read(std::span<uint8_t> room) override {
    if (done_) return input_error("cannot read x.pcap: Input/output error (EIO)");
    done_ = true;
    std::copy(first_.begin(), first_.end(), room.begin());
    return first_.size();
  }

 private:
  Bytes first_;
  bool done_ = false;
};

TEST(CaptureFormat, AReadThatFailsIsNotAnEnd) {
  Builder builder(false);
  builder.pcap_header(kMicro, 1).pcap_record(1, 2, bytes_of("abc"));
  const ReadCapture between = read_all(std::make_unique<FailingSource>(builder.bytes()));
  EXPECT_EQ(between.packets.size(), 1U);
  EXPECT_EQ(between.error, "cannot read x.pcap: Input/output error (EIO), in packet 2 at byte 43");
  const ReadCapture at_once = read_all(std::make_unique<FailingSource>(Bytes{0xd4}));
  EXPECT_EQ(at_once.error, "cannot read x.pcap: Input/output error (EIO)");
}

}  // namespace
}  // namespace perilune::hooks::test
