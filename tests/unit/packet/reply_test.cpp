#include "packet/reply.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "frames.h"
#include "packet/build.h"
#include "packet/checksum.h"

namespace perilune::packet {
namespace {

Bytes reply_to(const Bytes& frame) {
  return reject_reply(frame, locate_whole(frame));
}

BuildOptions base(bool six, uint8_t protocol) {
  return {.source = six ? "2001:db8::1" : "192.0.2.1",
          .destination = six ? "2001:db8::2" : "192.0.2.2",
          .protocol = protocol,
          .source_port = 1234,
          .destination_port = 22,
          .payload = Bytes(10, 'x'),
          .vlans = {5}};
}

struct Segment {
  uint32_t sequence;
  uint32_t acknowledgement;
  uint8_t flags;
};

Segment reset_for(BuildOptions options, uint8_t flags) {
  options.tcp_flags = flags;
  options.sequence = 1000;
  options.acknowledgement = 5000;
  const Bytes frame = *build(options);
  const Bytes reply = reply_to(frame);
  const Location l = locate_whole(reply, LinkType::kRaw);
  const Location original = locate_whole(frame);
  EXPECT_EQ(l.malformed, Malformed::kNone);
  EXPECT_EQ(l.version, original.version);
  EXPECT_EQ(l.protocol, protocol::kTcp);
  EXPECT_EQ(l.source_port, 22);
  EXPECT_EQ(l.destination_port, 1234);
  EXPECT_EQ(l.payload, l.end);
  EXPECT_TRUE(checksums_right(reply, l));
  const size_t source = l.version == 4 ? 12 : 8;
  const size_t size = l.version == 4 ? 4 : 16;
  for (size_t i = 0; i < size; ++i) {
    EXPECT_EQ(reply[source + i], frame[original.network + source + size + i]);
    EXPECT_EQ(reply[source + size + i], frame[original.network + source + i]);
  }
  const uint8_t* tcp = reply.data() + l.transport;
  return {read_be32(tcp + 4), read_be32(tcp + 8), tcp[13]};
}

TEST(Reset, OfASegmentWithAcknowledgement) {
  for (const bool six : {false, true}) {
    const Segment reset = reset_for(base(six, 6), 0x18);
    EXPECT_EQ(reset.sequence, 5000U);
    EXPECT_EQ(reset.acknowledgement, 0U);
    EXPECT_EQ(reset.flags, 0x04);
  }
}

TEST(Reset, OfASegmentWithoutAcknowledgement) {
  for (const bool six : {false, true}) {
    BuildOptions options = base(six, 6);
    Segment reset = reset_for(options, 0x00);
    EXPECT_EQ(reset.sequence, 0U);
    EXPECT_EQ(reset.acknowledgement, 1010U);
    EXPECT_EQ(reset.flags, 0x14);
    EXPECT_EQ(reset_for(options, 0x01).acknowledgement, 1011U);  // FIN
    options.payload.clear();
    EXPECT_EQ(reset_for(options, 0x02).acknowledgement, 1001U);  // SYN
    EXPECT_EQ(reset_for(options, 0x03).acknowledgement, 1002U);
    options.tcp_options = Bytes(8, 1);
    EXPECT_EQ(reset_for(options, 0x02).acknowledgement, 1001U);
  }
}

TEST(Reset, IsNeverAnswered) {
  BuildOptions options = base(false, 6);
  options.tcp_flags = 0x04;
  EXPECT_TRUE(reply_to(*build(options)).empty());
  options.tcp_flags = 0x14;
  EXPECT_TRUE(reply_to(*build(options)).empty());
}

TEST(Unreachable, QuotesThePacket) {
  for (const bool six : {false, true}) {
    for (const uint8_t protocol : Bytes{17, 47, six ? uint8_t{58} : uint8_t{1}}) {
      BuildOptions options = base(six, protocol);
      options.icmp_type = six ? 128 : 8;
      const Bytes frame = *build(options) + Bytes(6);  // padding is not quoted
      const Bytes reply = reply_to(frame);
      const Location original = locate_whole(frame);
      const Location l = locate_whole(reply, LinkType::kRaw);
      ASSERT_TRUE(l.has_transport);
      EXPECT_EQ(l.protocol, six ? protocol::kIcmpV6 : protocol::kIcmp);
      EXPECT_EQ(reply[l.transport], six ? 1 : 3);
      EXPECT_EQ(reply[l.transport + 1], six ? 4 : 3);
      EXPECT_EQ(read_be32(reply.data() + l.transport + 4), 0U);
      EXPECT_TRUE(checksums_right(reply, l));
      EXPECT_EQ(Bytes(reply.begin() + l.payload, reply.end()),
                Bytes(frame.begin() + original.network, frame.begin() + original.end));
    }
  }
}

TEST(Unreachable, IsNoLongerThanAllowed) {
  for (const bool six : {false, true}) {
    BuildOptions options = base(six, 17);
    options.payload = Bytes(1400, 'x');
    const Bytes reply = reply_to(*build(options));
    EXPECT_EQ(reply.size(), six ? 1280U : 576U);
    EXPECT_TRUE(checksums_right(reply, locate_whole(reply, LinkType::kRaw)));
  }
}

TEST(Unreachable, NoErrorAboutAnError) {
  for (unsigned type = 0; type < 256; ++type) {
    BuildOptions options = base(false, 1);
    options.icmp_type = static_cast<uint8_t>(type);
    const bool query = type == 0 || type == 8 || type == 9 || type == 10 || (type >= 13 && type <= 18);
    EXPECT_EQ(!reply_to(*build(options)).empty(), query) << type;
    options = base(true, 58);
    options.icmp_type = static_cast<uint8_t>(type);
    EXPECT_EQ(!reply_to(*build(options)).empty(), type >= 128 && type != 137) << type;
  }
}

TEST(Unreachable, NothingToOrAboutWhatIsNoHost) {
  for (const char* address :
       {"224.0.0.251", "239.1.1.1", "255.255.255.255", "240.0.0.1", "0.0.0.0", "0.1.2.3", "127.0.0.1"}) {
    for (const uint8_t protocol : Bytes{6, 17}) {
      BuildOptions options = base(false, protocol);
      options.destination = address;
      EXPECT_TRUE(reply_to(*build(options)).empty()) << address;
      options = base(false, protocol);
      options.source = address;
      EXPECT_TRUE(reply_to(*build(options)).empty()) << address;
    }
  }
  for (const char* address : {"ff02::1", "ff05::2", "::", "::1", "::ffff:1.2.3.4"}) {
    BuildOptions options = base(true, 17);
    options.destination = address;
    EXPECT_TRUE(reply_to(*build(options)).empty()) << address;
    options = base(true, 17);
    options.source = address;
    EXPECT_TRUE(reply_to(*build(options)).empty()) << address;
  }
  BuildOptions loopback = base(false, 17);
  loopback.source = loopback.destination = "127.0.0.1";
  EXPECT_FALSE(reply_to(*build(loopback)).empty());
}

TEST(Unreachable, WrongChecksumsGetNoAnswer) {
  for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
    for (const bool v6 : {false, true}) {
      BuildOptions options = base(v6, protocol);
      options.payload = Bytes(16);
      const Bytes frame = *build(options);
      ASSERT_FALSE(reply_to(frame).empty());
      Bytes wrong = frame;
      wrong.back() ^= 1U;
      EXPECT_TRUE(reply_to(wrong).empty());
      if (v6) continue;
      wrong = frame;
      wrong[14 + 8] ^= 1U;  // the time to live, under the header's own checksum
      EXPECT_TRUE(reply_to(wrong).empty());
    }
  }
}

TEST(Unreachable, FragmentsAndBrokenPackets) {
  BuildOptions options = base(false, 17);
  options.payload = Bytes(16);
  options.more_fragments = true;
  EXPECT_FALSE(reply_to(*build(options)).empty());
  options.fragment_offset = 8;
  EXPECT_TRUE(reply_to(*build(options)).empty());
  EXPECT_TRUE(reply_to(ethernet(0x0806) + Bytes(28)).empty());
  EXPECT_TRUE(reply_to(ethernet(0x0800) + ipv4_header(17, 99)).empty());
  const Bytes frame = *build(base(false, 6));
  EXPECT_TRUE(reject_reply(frame, locate(std::span(frame).first(50), frame.size(), LinkType::kEthernet)).empty());
}

}  // namespace
}  // namespace perilune::packet
