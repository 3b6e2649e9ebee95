#include "packet/resize.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "frames.h"
#include "packet/build.h"
#include "packet/checksum.h"

namespace perilune::packet {
namespace {

constexpr size_t kRoom = 70000;

struct Resized {
  Bytes frame;
  Location location;
  ResizeRefusal refusal = ResizeRefusal::kNone;
};

Resized resize(const Bytes& frame, const Bytes& payload, LinkType link = LinkType::kEthernet, size_t room = kRoom) {
  Bytes buffer = frame;
  buffer.resize(room);
  size_t length = frame.size();
  Resized result{{}, locate(frame, frame.size(), link), ResizeRefusal::kNone};
  result.refusal = replace_payload(buffer, length, result.location, payload);
  buffer.resize(length);
  result.frame = buffer;
  return result;
}

void expect_same(const Location& a, const Location& b) {
  EXPECT_EQ(a.malformed, b.malformed);
  EXPECT_EQ(a.network, b.network);
  EXPECT_EQ(a.transport, b.transport);
  EXPECT_EQ(a.payload, b.payload);
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.has_transport, b.has_transport);
  EXPECT_EQ(a.link_length, b.link_length);
}

Bytes built(uint8_t protocol, bool six, size_t payload = 20) {
  return *build({.source = six ? "2001:db8::1" : "192.0.2.1",
                 .destination = six ? "2001:db8::2" : "192.0.2.2",
                 .protocol = protocol,
                 .payload = Bytes(payload, 'x')});
}

TEST(Resize, LongerShorterAndEmpty) {
  for (const bool six : {false, true}) {
    for (const uint8_t protocol : Bytes{17, six ? uint8_t{58} : uint8_t{1}, 47}) {
      for (const size_t length : {0U, 1U, 19U, 20U, 21U, 1400U}) {
        const Bytes frame = built(protocol, six);
        const Bytes payload(length, 'y');
        Resized result = resize(frame, payload);
        SCOPED_TRACE(testing::Message() << int{protocol} << " " << six << " " << length);
        ASSERT_EQ(result.refusal, ResizeRefusal::kNone);
        const Location located = locate_whole(result.frame);
        ASSERT_EQ(located.malformed, Malformed::kNone);
        expect_same(result.location, located);
        EXPECT_EQ(Bytes(result.frame.begin() + located.payload, result.frame.begin() + located.end), payload);
        repair_checksums(frame, locate_whole(frame), result.frame, result.location, ChecksumState::kFinal);
        EXPECT_TRUE(checksums_right(result.frame, result.location));
      }
    }
  }
}

TEST(Resize, PaddingIsDropped) {
  const Bytes frame = built(17, false) + Bytes(10, 0xee);
  const Resized result = resize(frame, Bytes(5));
  EXPECT_EQ(result.refusal, ResizeRefusal::kNone);
  EXPECT_EQ(result.frame.size(), result.location.end);
}

TEST(Resize, TheSameLengthChangesNothingElse) {
  for (const uint8_t protocol : Bytes{6, 17, 132}) {
    const Bytes frame = built(protocol, false) + Bytes(10, 0xee);
    const Location l = locate_whole(frame);
    const Resized result = resize(frame, Bytes(l.end - l.payload, 'z'));
    ASSERT_EQ(result.refusal, ResizeRefusal::kNone);
    Bytes expected = frame;
    std::fill(expected.begin() + l.payload, expected.begin() + l.end, 'z');
    EXPECT_EQ(result.frame, expected);
  }
}

TEST(Resize, LinkLengthsFollow) {
  const Bytes datagram = ipv4(17, udp(Bytes(20)));
  const Bytes pppoe = ethernet(0x8864) + Bytes{0x11, 0, 0, 1} + be16(50) + be16(0x0021) + datagram;
  Resized result = resize(pppoe, Bytes(25));
  ASSERT_EQ(result.refusal, ResizeRefusal::kNone);
  EXPECT_EQ(read_be16(result.frame.data() + 18), 55);
  expect_same(result.location, locate_whole(result.frame));
  const Bytes snap = ethernet(56) + Bytes{0xaa, 0xaa, 3, 0, 0, 0, 8, 0} + datagram;
  result = resize(snap, Bytes(3));
  ASSERT_EQ(result.refusal, ResizeRefusal::kNone);
  EXPECT_EQ(read_be16(result.frame.data() + 12), 39);
  expect_same(result.location, locate_whole(result.frame));
}

TEST(Resize, ShortIcmpV6MessageGrows) {
  const Bytes frame = ethernet(0x86dd) + ipv6(58, Bytes(6));
  const Resized result = resize(frame, Bytes(7));
  ASSERT_EQ(result.refusal, ResizeRefusal::kNone);
  expect_same(result.location, locate_whole(result.frame));
}

TEST(Resize, Refusals) {
  EXPECT_EQ(resize(built(6, false), Bytes(21)).refusal, ResizeRefusal::kTcp);
  EXPECT_EQ(resize(built(132, false), Bytes(21)).refusal, ResizeRefusal::kProtocol);
  EXPECT_EQ(resize(ethernet(0x0800) + ipv4(17, udp(Bytes(16)), 0x2000), Bytes(3)).refusal, ResizeRefusal::kFragment);
  EXPECT_EQ(resize(ethernet(0x0800) + ipv4(17, Bytes(16), 5), Bytes(3)).refusal, ResizeRefusal::kFragment);
  EXPECT_EQ(resize(ethernet(0x0806) + Bytes(28), Bytes(3)).refusal, ResizeRefusal::kNotIp);
  EXPECT_EQ(resize(built(17, false), Bytes(65508)).refusal, ResizeRefusal::kTooLong);
  EXPECT_EQ(resize(built(17, false), Bytes(65507)).refusal, ResizeRefusal::kNone);
  EXPECT_EQ(resize(built(17, true), Bytes(65528)).refusal, ResizeRefusal::kTooLong);
  EXPECT_EQ(resize(built(17, true), Bytes(65527)).refusal, ResizeRefusal::kNone);
  EXPECT_EQ(resize(built(17, false), Bytes(30), LinkType::kEthernet, 71).refusal, ResizeRefusal::kTooLong);
  EXPECT_EQ(resize(built(17, false), Bytes(30), LinkType::kEthernet, 72).refusal, ResizeRefusal::kNone);
}

TEST(Resize, ARefusalChangesNothing) {
  const Bytes frame = built(6, false);
  const Resized result = resize(frame, Bytes(21));
  EXPECT_EQ(result.frame, frame);
  expect_same(result.location, locate_whole(frame));
}

TEST(Resize, CutCaptures) {
  Bytes frame = built(17, false);
  Location l = locate(frame, frame.size(), LinkType::kEthernet);
  frame.resize(frame.size() - 5);
  l = locate(frame, frame.size() + 5, LinkType::kEthernet);
  size_t length = frame.size();
  EXPECT_EQ(replace_payload(frame, length, l, Bytes(3)), ResizeRefusal::kTruncated);
  EXPECT_EQ(replace_payload(frame, length, l, Bytes(15, 'q')), ResizeRefusal::kNone);
  EXPECT_EQ(frame.back(), 'q');
}

// The lengths in the headers change only after the bytes are copied; before and after may overlap.
TEST(Resize, ThePayloadMayBePartOfThePacket) {
  const Bytes frame = built(17, false);
  const Location before = locate(frame, frame.size(), LinkType::kEthernet);
  const size_t size = before.end - before.payload;
  for (const auto& [begin, end] : {std::pair{size_t{before.network}, size_t{before.payload}},
                                   std::pair{size_t{before.network}, size_t{before.payload} + size - 1},
                                   std::pair{size_t{before.payload} + 1, size_t{before.end}}}) {
    Bytes buffer = frame;
    buffer.resize(kRoom);
    size_t length = frame.size();
    Location location = before;
    ASSERT_EQ(replace_payload(buffer, length, location, std::span(buffer).subspan(begin, end - begin)),
              ResizeRefusal::kNone);
    buffer.resize(length);
    const Bytes expected(frame.begin() + static_cast<ptrdiff_t>(begin), frame.begin() + static_cast<ptrdiff_t>(end));
    EXPECT_EQ(buffer, resize(frame, expected).frame) << begin;
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), buffer.begin() + before.payload)) << begin;
  }
}

TEST(Resize, EveryRefusalHasASentence) {
  for (unsigned i = 0; i <= static_cast<unsigned>(ResizeRefusal::kMalformed); ++i) {
    EXPECT_FALSE(to_string(static_cast<ResizeRefusal>(i)).empty()) << i;
  }
}

}  // namespace
}  // namespace perilune::packet
