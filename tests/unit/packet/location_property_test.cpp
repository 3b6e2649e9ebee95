// What must hold for any bytes: real packets cut anywhere, and real packets with bytes changed at random.
#include <random>

#include <gtest/gtest.h>

#include "capture_reader.h"
#include "packet/location.h"

namespace perilune::packet {
namespace {

void expect_in_order(const Location& l, size_t captured) {
  ASSERT_LE(l.network, l.transport);
  ASSERT_LE(l.transport, l.payload);
  ASSERT_LE(l.payload, l.end);
  ASSERT_LE(l.end, captured);
  if (l.version == 4) {
    ASSERT_LE(l.network + 20, captured);
  }
  if (l.version == 6) {
    ASSERT_LE(l.network + 40, captured);
  }
  if (l.has_ports) {
    ASSERT_LE(l.transport + 4, captured);
  }
  if (l.has_transport) {
    ASSERT_LT(l.transport, l.payload);
  }
  if (l.first_fragment) {
    ASSERT_TRUE(l.fragment);
  }
  if (l.link_length != 0) {
    ASSERT_LE(l.link_length + 2U, l.network);
  }
}

TEST(LocationProperty, EveryPrefixOfEveryCapturedPacket) {
  const auto& frames = all_captured_frames();
  if (frames.empty()) GTEST_SKIP() << "no captures in " << shared_captures();
  for (size_t i = 0; i < frames.size(); ++i) {
    const CapturedFrame& frame = frames[i];
    SCOPED_TRACE(i);
    const Location whole = locate(frame.bytes, frame.wire_length, frame.link);
    ASSERT_NO_FATAL_FAILURE(expect_in_order(whole, frame.bytes.size()));
    // Beyond the headers nothing changes any more: long payloads are cut at a few places only.
    const size_t dense = std::min<size_t>(frame.bytes.size(), 200);
    for (size_t length = 0; length < frame.bytes.size(); length += length < dense ? 1 : 97) {
      const std::vector<uint8_t> prefix(frame.bytes.begin(), frame.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      const Location l = locate(prefix, frame.wire_length, frame.link);
      ASSERT_NO_FATAL_FAILURE(expect_in_order(l, length)) << "cut at " << length;
      if (l.malformed != Malformed::kNone) {
        const bool header_is_cut = l.malformed == Malformed::kIpHeader && l.version == 0 && l.truncated;
        ASSERT_TRUE(header_is_cut || l.malformed == whole.malformed) << "cut at " << length;
        continue;
      }
      if (whole.malformed != Malformed::kNone) {
        ASSERT_TRUE(l.truncated) << "cut at " << length;
        continue;
      }
      ASSERT_EQ(l.truncated, whole.truncated || length < whole.end) << "cut at " << length;
      if (l.has_transport) {
        ASSERT_EQ(l.payload, whole.payload);
        ASSERT_EQ(l.protocol, whole.protocol);
        ASSERT_EQ(l.source_port, whole.source_port);
        ASSERT_EQ(l.destination_port, whole.destination_port);
      }
    }
  }
}

TEST(LocationProperty, RandomlyChangedPackets) {
  const auto& frames = all_captured_frames();
  if (frames.empty()) GTEST_SKIP() << "no captures in " << shared_captures();
  std::mt19937 random(20140601);
  const auto below = [&](size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random); };
  for (int round = 0; round < 200'000; ++round) {
    const CapturedFrame& frame = frames[below(frames.size())];
    std::vector<uint8_t> bytes(frame.bytes.begin(), frame.bytes.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(
                                                                              frame.bytes.size(), 128)));
    if (bytes.empty()) continue;
    for (size_t edits = below(6) + 1; edits != 0; --edits)
      bytes[below(bytes.size())] = static_cast<uint8_t>(random());
    bytes.resize(below(bytes.size() + 1));
    bytes.shrink_to_fit();
    const Location l = locate(bytes, bytes.size() + (below(2) == 0 ? 0 : below(1500)), frame.link);
    ASSERT_NO_FATAL_FAILURE(expect_in_order(l, bytes.size())) << "round " << round;
  }
}

}  // namespace
}  // namespace perilune::packet
