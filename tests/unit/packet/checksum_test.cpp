#include "packet/checksum.h"

#include <functional>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "capture_reader.h"
#include "frames.h"
#include "packet/build.h"
#include "packet/crc32c.h"

namespace perilune::packet {
namespace {

/// RFC 1071 as one would write it on paper: 16-bit words, one after the other.
uint16_t slow_checksum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i] << 8U) | (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<uint16_t>(~sum);
}

Bytes slice(const Bytes& bytes, size_t begin, size_t end) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.begin() + static_cast<std::ptrdiff_t>(end)};
}

Bytes must_build(const BuildOptions& options) {
  auto built = build(options);
  EXPECT_TRUE(built.has_value()) << (built ? "" : built.error().message);
  return built ? *built : Bytes{};
}

size_t transport_field(const Location& l) {
  return l.transport + (l.protocol == protocol::kTcp ? 16U : l.protocol == protocol::kUdp ? 6U : 2U);
}

/// The transport checksum from scratch, for packets without routing headers.
uint16_t slow_transport_checksum(Bytes packet, const Location& l) {
  write_be16(packet.data() + transport_field(l), 0);
  const size_t length = l.end - l.transport;
  Bytes covered;
  if (l.protocol != protocol::kIcmp) {
    covered =
        l.version == 4 ? slice(packet, l.network + 12, l.network + 20) : slice(packet, l.network + 8, l.network + 40);
    covered = covered + be16(l.protocol) + be16(static_cast<unsigned>(length >> 16U)) + be16(length & 0xffffU);
  }
  const uint16_t checksum = slow_checksum(covered + slice(packet, l.transport, l.end));
  return checksum == 0 && l.protocol == protocol::kUdp ? 0xffff : checksum;
}

bool has_routing_header(const Bytes& packet, const Location& l) {
  return l.version == 6 && packet[l.network + 6] == protocol::kRouting;
}

TEST(ChecksumAdd, AgreesWithTheSlowOneAtEveryLengthAndOffset) {
  std::mt19937 random(1);
  Bytes bytes(300);
  for (uint8_t& byte : bytes)
    byte = static_cast<uint8_t>(random());
  for (size_t begin = 0; begin < 9; ++begin) {
    for (size_t end = begin; end <= bytes.size(); ++end) {
      const Bytes part = slice(bytes, begin, end);
      ASSERT_EQ(fold_checksum(checksum_add(std::span(bytes).subspan(begin, end - begin))), slow_checksum(part));
    }
  }
}

TEST(ChecksumAdd, Zeros) {
  EXPECT_EQ(fold_checksum(checksum_add({})), 0xffff);
  EXPECT_EQ(fold_checksum(checksum_add(Bytes(40))), 0xffff);
  EXPECT_EQ(fold_checksum(checksum_add(Bytes(40, 0xff))), 0);
  EXPECT_EQ(fold_checksum(checksum_add(Bytes{0xff, 0xff})), 0);
}

TEST(ChecksumAdd, ContinuesFromWhatWasSummedBefore) {
  const Bytes all{0xff, 0xfe, 0x80, 0x01, 0x12, 0x34, 0xff, 0xff, 0x56};
  const uint64_t first = checksum_add(std::span(all).first(4));
  EXPECT_EQ(fold_checksum(checksum_add(std::span(all).subspan(4), first)), slow_checksum(all));
}

TEST(Crc32c, KnownValue) {
  const Bytes digits{'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  EXPECT_EQ(crc32c_finish(crc32c_add(digits, kCrc32cStart)), 0xe3069283U);  // the check value of CRC-32/ISCSI
}

TEST(Checksums, OfCapturedPacketsAreMostlyRight) {
  const auto& frames = all_captured_frames();
  if (frames.empty()) GTEST_SKIP() << "no captures in " << shared_captures();
  size_t right = 0;
  size_t known = 0;
  for (const CapturedFrame& frame : frames) {
    const Location l = locate(frame.bytes, frame.wire_length, frame.link);
    if (l.malformed != Malformed::kNone || l.version == 0) continue;
    ++known;
    right += checksums_right(frame.bytes, l) ? 1 : 0;
    if (!l.has_transport || l.truncated || l.fragment || l.protocol == protocol::kSctp) continue;
    if (has_routing_header(frame.bytes,
                           l)) {  // its last address counts: such packets are right only when that is known
      EXPECT_TRUE(checksums_right(frame.bytes, l));
      continue;
    }
    ASSERT_EQ(transport_checksum(frame.bytes, l), slow_transport_checksum(frame.bytes, l));
  }
  EXPECT_GT(known, 5000U);
  EXPECT_GT(right, known / 2);  // offloaded ones are wrong in captures of the sending machine
}

TEST(Checksums, RightAndWrong) {
  for (const bool v6 : {false, true}) {
    for (const uint8_t protocol : Bytes{6, 17, v6 ? uint8_t{58} : uint8_t{1}, 99}) {
      Bytes frame = must_build({.source = v6 ? "2001:db8::1" : "192.0.2.1",
                                .destination = v6 ? "2001:db8::2" : "192.0.2.2",
                                .protocol = protocol,
                                .payload = {1, 2, 3}});
      const Location l = locate_whole(frame);
      EXPECT_TRUE(checksums_right(frame, l));
      frame[frame.size() - 1] ^= 1U;
      EXPECT_EQ(checksums_right(frame, l), protocol == 99) << int{protocol} << v6;
      frame[frame.size() - 1] ^= 1U;
      frame[l.network + 12] ^= 4U;  // of an address
      EXPECT_FALSE(checksums_right(frame, l) && !v6);
    }
  }
}

TEST(Checksums, OfUdpMayBeAbsentOverIpv4Only) {
  for (const bool v6 : {false, true}) {
    Bytes frame =
        must_build({.source = v6 ? "::1" : "192.0.2.1", .destination = v6 ? "::2" : "192.0.2.2", .protocol = 17});
    const Location l = locate_whole(frame);
    write_be16(frame.data() + l.transport + 6, 0);
    EXPECT_EQ(checksums_right(frame, l), !v6);
  }
}

// ---- repair ----

struct Edited {
  Bytes before;
  Bytes after;
  [[nodiscard]] Location located_before() const { return locate_whole(before); }
  [[nodiscard]] Location located_after() const { return locate_whole(after); }
  void repair(ChecksumState state = ChecksumState::kFinal) {
    repair_checksums(before, located_before(), after, located_after(), state);
  }
};

/// A packet, and what a script made of it.
Edited edit(const Bytes& frame, const std::function<void(Bytes&, const Location&)>& script) {
  Edited edited{frame, frame};
  script(edited.after, locate_whole(frame));
  return edited;
}

const BuildOptions kUdp4{.source = "192.0.2.1",
                         .destination = "192.0.2.2",
                         .protocol = 17,
                         .source_port = 1000,
                         .destination_port = 53,
                         .payload = {1, 2, 3, 4, 5}};

TEST(Repair, NothingChangedLeavesEverything) {
  for (const CapturedFrame& frame : all_captured_frames()) {
    const Location l = locate(frame.bytes, frame.wire_length, frame.link);
    if (l.malformed != Malformed::kNone || l.version == 0) continue;
    Bytes after = frame.bytes;
    repair_checksums(frame.bytes, l, after, l, ChecksumState::kFinal);
    if (after != frame.bytes) {
      // Only the other zero of one's complement may differ.
      ASSERT_EQ(checksums_right(after, l), checksums_right(frame.bytes, l));
    }
  }
}

TEST(Repair, UnfinishedChecksumsStayUnfinished) {
  for (const bool v6 : {false, true}) {
    for (const uint8_t protocol : {protocol::kTcp, protocol::kUdp, protocol::kIcmpV6}) {
      if (protocol == protocol::kIcmpV6 && !v6) continue;
      BuildOptions options = kUdp4;
      options.source = v6 ? "2001:db8::1" : "192.0.2.1";
      options.destination = v6 ? "2001:db8::2" : "192.0.2.2";
      options.protocol = protocol;
      const Bytes right = must_build(options);
      const Location l = locate_whole(right);
      const size_t field = l.transport + (protocol == protocol::kTcp ? 16 : protocol == protocol::kUdp ? 6 : 2);
      EXPECT_FALSE(checksum_unfinished(right, l));
      // What a device does: the field counts in the sum.
      const auto finished = [&](Bytes frame) {
        const auto body = std::span<const uint8_t>(frame).subspan(l.transport, l.end - l.transport);
        const uint16_t sum = fold_checksum(checksum_add(body));
        write_be16(frame.data() + field, sum == 0 && protocol == protocol::kUdp ? uint16_t{0xffff} : sum);
        return frame;
      };
      Bytes frame = right;
      write_be16(frame.data() + field, 0);
      const auto addresses = std::span<const uint8_t>(frame).subspan(l.network + (v6 ? 8 : 12), v6 ? 32 : 8);
      const auto pseudo =
          static_cast<uint16_t>(~fold_checksum(checksum_add(addresses, protocol + l.end - l.transport)));
      write_be16(frame.data() + field, pseudo);
      ASSERT_TRUE(checksum_unfinished(frame, l));
      EXPECT_EQ(finished(frame), right);

      auto edited = edit(frame, [&](Bytes& bytes, const Location& location) {
        bytes[location.payload + 1] ^= 0x55U;
        bytes[location.network + (v6 ? 20 : 13)] ^= 0x33U;  // of the source address
      });
      edited.repair();
      EXPECT_TRUE(checksum_unfinished(edited.after, l)) << int{protocol} << v6;
      EXPECT_TRUE(checksums_right(finished(edited.after), l)) << int{protocol} << v6;
    }
  }
}

TEST(Repair, AddressesCountInThePseudoHeader) {
  for (const uint8_t protocol : Bytes{6, 17}) {
    BuildOptions options = kUdp4;
    options.protocol = protocol;
    Edited edited = edit(must_build(options), [](Bytes& frame, const Location& l) { frame[l.network + 19] = 77; });
    EXPECT_FALSE(checksums_right(edited.after, edited.located_after()));
    edited.repair();
    EXPECT_TRUE(checksums_right(edited.after, edited.located_after()));
    EXPECT_EQ(read_be16(edited.after.data() + transport_field(edited.located_after())),
              slow_transport_checksum(edited.after, edited.located_after()));
  }
}

TEST(Repair, WhatTheScriptWroteIntoAChecksumIsOverridden) {
  const Bytes frame = must_build(kUdp4);
  Edited edited = edit(frame, [](Bytes& bytes, const Location& l) {
    write_be16(bytes.data() + l.network + 10, 0xdead);
    write_be16(bytes.data() + l.transport + 6, 0xbeef);
  });
  edited.repair();
  EXPECT_EQ(edited.after, frame);
}

TEST(Repair, ZeroUdpChecksums) {
  Bytes none = must_build(kUdp4);
  write_be16(none.data() + locate_whole(none).transport + 6, 0);
  Edited stays = edit(none, [](Bytes& bytes, const Location& l) {
    bytes[l.payload] ^= 0xffU;
    write_be16(bytes.data() + l.transport + 6, 0x1234);
  });
  stays.repair();
  EXPECT_EQ(read_be16(stays.after.data() + stays.located_after().transport + 6), 0);

  Edited dropped = edit(must_build(kUdp4), [](Bytes& bytes, const Location& l) {
    bytes[l.payload] ^= 0xffU;
    write_be16(bytes.data() + l.transport + 6, 0);
  });
  dropped.repair();
  EXPECT_EQ(read_be16(dropped.after.data() + dropped.located_after().transport + 6), 0);

  BuildOptions v6 = kUdp4;
  v6.source = "2001:db8::1";
  v6.destination = "2001:db8::2";
  Edited not_over_ipv6 =
      edit(must_build(v6), [](Bytes& bytes, const Location& l) { write_be16(bytes.data() + l.transport + 6, 0); });
  not_over_ipv6.repair();
  EXPECT_EQ(not_over_ipv6.after, not_over_ipv6.before);
}

TEST(Repair, AComputedZeroOfUdpIsWrittenAsAllOnes) {
  // Find a payload whose checksum is zero, right or wrong by a constant before.
  for (const unsigned error : {0U, 0x1111U}) {
    Bytes frame = must_build(kUdp4);
    const Location l = locate_whole(frame);
    uint8_t* field = frame.data() + l.transport + 6;
    write_be16(field, static_cast<uint16_t>((read_be16(field) + error) % 0xffffU));
    bool met = false;
    for (unsigned value = 0; value < 0x10000; ++value) {
      Edited edited{frame, frame};
      write_be16(edited.after.data() + l.payload, static_cast<uint16_t>(value));
      edited.repair();
      const uint16_t checksum = read_be16(edited.after.data() + l.transport + 6);
      ASSERT_NE(checksum, 0) << value;
      met = met || checksum == 0xffff;
      ASSERT_EQ(checksums_right(edited.after, l), error == 0) << value;
    }
    EXPECT_TRUE(met);
  }
}

TEST(Repair, AWrongChecksumStaysWrongByTheSameAmount) {
  Bytes frame = must_build(kUdp4);
  const Location l = locate_whole(frame);
  const size_t field = l.transport + 6;
  write_be16(frame.data() + field, static_cast<uint16_t>(read_be16(frame.data() + field) ^ 0x0800U));
  write_be16(frame.data() + l.network + 10, static_cast<uint16_t>(read_be16(frame.data() + l.network + 10) ^ 0x0800U));
  Edited edited = edit(frame, [](Bytes& bytes, const Location& at) {
    bytes[at.payload + 1] = 0x99;
    bytes[at.network + 8] = 3;
  });
  edited.repair();
  EXPECT_FALSE(checksums_right(edited.after, l));
  // Undoing the edit gives the packet back.
  Edited undone{edited.after, frame};
  undone.repair();
  EXPECT_EQ(undone.after, frame);
}

TEST(Repair, AnIcmpMessageOfZeros) {
  // The sum over an echo reply of zeros is 0: its right checksum is 0xffff, and 0 is wrong.
  BuildOptions options = kUdp4;
  options.protocol = 1;
  options.icmp_type = 0;
  options.payload = Bytes(8);
  const Bytes right = must_build(options);
  const Location l = locate_whole(right);
  EXPECT_EQ(read_be16(right.data() + l.transport + 2), 0xffff);
  const auto set_payload = [](Bytes& bytes, const Location& at) { bytes[at.payload] = 9; };
  Edited edited = edit(right, set_payload);
  edited.repair();
  EXPECT_TRUE(checksums_right(edited.after, l));
  std::swap(edited.before, edited.after);  // and back to zeros
  edited.repair();
  EXPECT_EQ(edited.after, right);

  Bytes wrong = right;
  write_be16(wrong.data() + l.transport + 2, 0);
  EXPECT_FALSE(checksums_right(wrong, l));
  edited = edit(wrong, set_payload);
  edited.repair();
  EXPECT_FALSE(checksums_right(edited.after, l));
}

TEST(Repair, PartialChecksumsAreComputedWhole) {
  for (const uint8_t protocol : Bytes{6, 17}) {
    BuildOptions options = kUdp4;
    options.protocol = protocol;
    Bytes frame = must_build(options);
    const Location l = locate_whole(frame);
    write_be16(frame.data() + transport_field(l), 0x4242);  // some pseudo header's sum
    Edited edited = edit(frame, [](Bytes& bytes, const Location& at) { bytes[at.payload] = 0x55; });
    edited.repair(ChecksumState::kPartial);
    EXPECT_TRUE(checksums_right(edited.after, l));
  }
}

TEST(Repair, AnotherLength) {
  Edited edited = edit(must_build(kUdp4), [](Bytes& bytes, const Location& l) {
    bytes.resize(bytes.size() + 7, 0xee);
    write_be16(bytes.data() + l.network + 2, static_cast<uint16_t>(bytes.size() - l.network));
    write_be16(bytes.data() + l.transport + 4, static_cast<uint16_t>(bytes.size() - l.transport));
  });
  edited.repair();
  EXPECT_TRUE(checksums_right(edited.after, edited.located_after()));
}

TEST(Repair, AnotherProtocol) {
  Edited edited = edit(must_build(kUdp4), [](Bytes& bytes, const Location& l) {
    bytes[l.network + 9] = protocol::kIcmp;
    bytes[l.transport] = 8;
  });
  edited.repair();
  EXPECT_EQ(edited.located_after().protocol, protocol::kIcmp);
  EXPECT_TRUE(checksums_right(edited.after, edited.located_after()));
}

TEST(Repair, LiesThatTheScriptWroteTouchNothingOutside) {
  Edited edited = edit(must_build(kUdp4), [](Bytes& bytes, const Location& l) { bytes[l.network] = 0x4f; });
  edited.repair();
  edited = edit(must_build(kUdp4), [](Bytes& bytes, const Location& l) { bytes[l.network] = 0x41; });
  const Bytes written = edited.after;
  edited.repair();
  EXPECT_EQ(edited.after, written);
  edited = edit(must_build(kUdp4), [](Bytes& bytes, const Location& l) { write_be16(&bytes[l.network + 2], 9999); });
  edited.repair();
  EXPECT_EQ(edited.located_after().malformed, Malformed::kIpLength);
}

TEST(Repair, FragmentsOfADatagramGiveARightOneAgain) {
  // A script rewrites the source address of both fragments, and data in the first: put together they must be right.
  for (const bool v6 : {false, true}) {
    BuildOptions options = kUdp4;
    options.source = v6 ? "2001:db8::1" : "192.0.2.1";
    options.destination = v6 ? "2001:db8::2" : "192.0.2.2";
    options.payload = Bytes(61, 0xa5);
    options.ethernet = false;
    const Bytes whole = must_build(options);
    const size_t header = v6 ? 40 : 20;
    const Bytes datagram = slice(whole, header, whole.size());
    const auto fragment = [&](size_t begin, size_t end, bool more) {
      BuildOptions part = options;
      part.protocol = 99;  // payload as it is
      part.payload = slice(datagram, begin, end);
      part.fragment_offset = static_cast<uint16_t>(begin);
      part.more_fragments = more;
      Bytes bytes = must_build(part);
      bytes[v6 ? 40 : 9] = protocol::kUdp;
      const Location l = locate_whole(bytes, LinkType::kRaw);
      if (!v6) write_be16(bytes.data() + 10, ipv4_checksum(bytes, l));
      EXPECT_EQ(l.malformed, Malformed::kNone);
      return bytes;
    };
    Bytes joined;
    for (const auto& [begin, end] : {std::pair<size_t, size_t>{0, 40}, {40, datagram.size()}}) {
      const Bytes before = fragment(begin, end, begin == 0);
      Bytes after = before;
      after[v6 ? 23 : 15] = 0xfe;
      if (begin == 0) after[after.size() - 3] = 0x11;
      const Location l = locate_whole(before, LinkType::kRaw);
      repair_checksums(before, l, after, locate_whole(after, LinkType::kRaw), ChecksumState::kFinal);
      EXPECT_TRUE(checksums_right(after, l));  // the IPv4 header's
      const Bytes part = slice(after, v6 ? 48 : 20, after.size());
      joined = joined + part;
    }
    Bytes again = whole;
    again[v6 ? 23 : 15] = 0xfe;
    std::copy(joined.begin(), joined.end(), again.begin() + static_cast<std::ptrdiff_t>(header));
    const Location l = locate_whole(again, LinkType::kRaw);
    EXPECT_EQ(read_be16(again.data() + l.transport + 6), slow_transport_checksum(again, l)) << v6;
  }
}

TEST(Repair, CutCapturesAreUpdatedByTheDifference) {
  BuildOptions options = kUdp4;
  options.payload = Bytes(100, 7);
  const Bytes whole = must_build(options);
  Bytes whole_after = whole;
  whole_after[30] ^= 0x5aU;
  whole_after[50] ^= 0xa5U;
  const Bytes before = slice(whole, 0, 60);
  Bytes after = slice(whole_after, 0, 60);
  const Location l = locate(before, whole.size(), LinkType::kEthernet);
  ASSERT_TRUE(l.truncated);
  repair_checksums(before, l, after, locate(after, whole.size(), LinkType::kEthernet), ChecksumState::kFinal);
  std::copy(after.begin(), after.end(), whole_after.begin());
  EXPECT_TRUE(checksums_right(whole_after, locate_whole(whole_after)));
}

TEST(Repair, RoutingHeadersNameTheFinalDestination) {
  // While segments are left the pseudo header has the last segment's address, not the one in the IPv6 header.
  const Bytes final_address{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
  const Bytes other_address(16, 0x11);
  for (const unsigned type : {0U, 2U, 4U}) {
    for (const bool left : {true, false}) {
      const Bytes first{17,
                        static_cast<uint8_t>(type == 2 ? 2 : 4),
                        static_cast<uint8_t>(type),
                        static_cast<uint8_t>(left ? 1 : 0),
                        0,
                        0,
                        0,
                        0};
      const Bytes addresses = type == 2   ? final_address
                              : type == 0 ? other_address + final_address
                                          : final_address + other_address;
      Bytes packet = ipv6(43, first + addresses + udp({1, 2, 3}));
      const Location l = locate_whole(packet, LinkType::kRaw);
      ASSERT_TRUE(l.has_transport);
      const Bytes destination = left ? final_address : slice(packet, 24, 40);
      const Bytes covered =
          slice(packet, 8, 24) + destination + be16(17) + be16(0) + be16(11) + slice(packet, l.transport, l.end);
      EXPECT_EQ(transport_checksum(packet, l), slow_checksum(covered)) << type << left;
      write_be16(packet.data() + l.transport + 6, slow_checksum(covered));
      Bytes after = packet;
      after[39] ^= 0x42U;  // the destination in the header counts only when it is the final one
      repair_checksums(packet, l, after, l, ChecksumState::kFinal);
      EXPECT_TRUE(checksums_right(after, l));
      EXPECT_EQ(read_be16(after.data() + l.transport + 6) == read_be16(packet.data() + l.transport + 6), left);
    }
  }
}

TEST(Repair, SctpChecksums) {
  const Bytes chunk = be16(1) + be16(2) + Bytes{0, 0, 0, 7, 0, 0, 0, 0, 0, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8};
  Bytes frame = ethernet(0x0800) + ipv4(132, chunk);
  const Location l = locate_whole(frame);
  ASSERT_TRUE(l.has_transport);
  write_be16(frame.data() + l.network + 10, ipv4_checksum(frame, l));
  EXPECT_TRUE(checksums_right(frame, l));  // none (RFC 9653)
  const auto change = [](Bytes& bytes, const Location& at) { bytes[at.payload + 5] ^= 1U; };

  Edited none = edit(frame, change);
  write_be16(none.after.data() + l.transport + 8, 0x1111);
  none.repair();
  EXPECT_TRUE(std::equal(frame.begin(), frame.begin() + l.payload, none.after.begin()));  // its checksum is as before

  Edited partial = edit(frame, change);
  partial.repair(ChecksumState::kPartial);
  EXPECT_TRUE(checksums_right(partial.after, l));

  Edited right{partial.after, frame};
  right.repair();
  EXPECT_TRUE(checksums_right(right.after, l));

  Bytes wrong = partial.after;
  wrong[l.transport + 9] ^= 0x80U;
  EXPECT_FALSE(checksums_right(wrong, l));
  Edited stays = edit(wrong, change);
  stays.repair();
  EXPECT_FALSE(checksums_right(stays.after, l));
  Edited undone{stays.after, wrong};
  undone.repair();
  EXPECT_EQ(undone.after, wrong);
}

/// The reference for repair: right before means computed from scratch, wrong before means still wrong, none means none.
void expect_repaired(const Edited& edited, const Location& before, const Location& after) {
  if (after.version == 4) {
    Bytes header = slice(edited.after, after.network, after.network + (edited.after[after.network] & 15U) * 4U);
    Bytes header_before =
        slice(edited.before, before.network, before.network + (edited.before[before.network] & 15U) * 4U);
    EXPECT_EQ(slow_checksum(header) == 0, slow_checksum(header_before) == 0);
  }
  const uint16_t old = read_be16(edited.before.data() + transport_field(before));
  const uint16_t now = read_be16(edited.after.data() + transport_field(after));
  if (before.protocol == protocol::kUdp && old == 0) {
    EXPECT_EQ(now, 0);
    return;
  }
  const uint16_t right_before = slow_transport_checksum(edited.before, before);
  const uint16_t right_now = slow_transport_checksum(edited.after, after);
  if (old % 0xffff == right_before % 0xffff) {
    EXPECT_EQ(now, right_now);
  } else {
    EXPECT_NE(now % 0xffff, right_now % 0xffff);
    EXPECT_EQ((old + 0xffffU - right_before) % 0xffff, (now + 0xffffU - right_now) % 0xffff);  // the same error
  }
}

TEST(Repair, AgreesWithTheReferenceAfterRandomEdits) {
  std::mt19937 random(7);
  const auto below = [&](size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random); };
  for (int round = 0; round < 60'000; ++round) {
    const bool v6 = below(2) == 0;
    BuildOptions options;
    options.source = v6 ? "2001:db8::1" : "192.0.2.1";
    options.destination = v6 ? "2001:db8::2" : "192.0.2.2";
    options.protocol = Bytes{6, 17, v6 ? uint8_t{58} : uint8_t{1}}[below(3)];
    options.source_port = static_cast<uint16_t>(random());
    options.payload = Bytes(1 + below(40));
    options.ethernet = below(2) == 0;
    if (!v6) options.ip_options = Bytes(4 * below(3), 1);
    for (uint8_t& byte : options.payload)
      byte = Bytes{0, 0xff, static_cast<uint8_t>(random())}[below(3)];
    Bytes frame = must_build(options);
    const LinkType link = options.ethernet ? LinkType::kEthernet : LinkType::kRaw;
    const Location before = locate_whole(frame, link);
    const size_t kind = below(4);  // right, wrong, zero, and a wrong IPv4 header
    if (kind == 1) frame[transport_field(before) + below(2)] ^= static_cast<uint8_t>(1U << below(8));
    if (kind == 2) write_be16(frame.data() + transport_field(before), 0);
    if (kind == 3 && !v6) frame[before.network + 10] ^= 0x40U;

    Edited edited{frame, frame};
    for (size_t edits = below(5); edits != 0; --edits) {
      // Anything but what makes it another kind of packet: lengths, protocol, fragment field, data offset; and a UDP
      // checksum of zero means none.
      size_t place = 0;
      const size_t where = below(3);
      if (where == 0) place = before.payload + below(before.end - before.payload);
      if (where == 1) place = before.transport + below(options.protocol == 17 ? 4 : 2);
      if (where == 2) place = before.network + (v6 ? 8 + below(32) : 12 + below(8));
      edited.after[place] = Bytes{0, 0xff, static_cast<uint8_t>(random())}[below(3)];
    }
    if (below(4) == 0)
      write_be16(edited.after.data() + transport_field(before), static_cast<uint16_t>(1 + below(65535)));
    const Location after = locate_whole(edited.after, link);
    ASSERT_EQ(after.malformed, Malformed::kNone);
    repair_checksums(edited.before, before, edited.after, after, ChecksumState::kFinal);
    expect_repaired(edited, before, after);
    if (HasFailure()) FAIL() << "round " << round << ", protocol " << int{options.protocol} << ", kind " << kind;
  }
}

}  // namespace
}  // namespace perilune::packet
