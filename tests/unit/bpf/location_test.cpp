// The runtime's locator against packet::locate(), over every packet of the captures, cut and damaged ones included, at
// every hook.
#include "packet/location.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "base/bytes.h"
#include "bpf/hook.h"
#include "bpf/program.h"
#include "capture_packets.h"
#include "filter_code.h"
#include "packet/record.h"

namespace perilune::bpf {
namespace {

using packet::LinkType;
using packet::Location;

/// Pins the test to CPU 0, whose packets use slot 0.
void use_first_cpu() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  ASSERT_EQ(sched_setaffinity(0, sizeof cpus, &cpus), 0);
}

std::string described(const Location& l) {
  return fmt::format(
      "network {} transport {} payload {} end {} ethertype {:x} vlan {} tags {} version {} protocol {} "
      "fragment {}{} transport {} ports {}:{}>{} malformed {} offset {}",
      l.network, l.transport, l.payload, l.end, l.ethertype, l.vlan, l.vlan_tags, l.version, l.protocol, l.fragment,
      l.first_fragment, l.has_transport, l.has_ports, l.source_port, l.destination_port, to_string(l.malformed),
      l.fragment_offset);
}

Location location_of(const pl_packet& h) {
  Location l;
  l.network = h.network;
  l.transport = h.transport;
  l.payload = h.payload;
  l.end = h.end;
  l.ethertype = static_cast<uint16_t>(h.ethertype);
  l.vlan = static_cast<uint16_t>(h.vlan);
  l.vlan_tags = static_cast<uint8_t>(h.vlan_tags);
  l.version = static_cast<uint8_t>(h.version);
  l.protocol = static_cast<uint8_t>(h.protocol);
  l.fragment = (h.flags & PL_FRAGMENT) != 0;
  l.first_fragment = (h.flags & PL_FIRST_FRAGMENT) != 0;
  l.has_transport = (h.flags & PL_HAS_TRANSPORT) != 0;
  l.has_ports = (h.flags & PL_HAS_PORTS) != 0;
  l.truncated = (h.flags & PL_TRUNCATED) != 0;
  l.malformed = static_cast<packet::Malformed>(h.malformed);
  l.source_port = static_cast<uint16_t>(h.source_port);
  l.destination_port = static_cast<uint16_t>(h.destination_port);
  l.fragment_offset = static_cast<uint16_t>(h.fragment_offset);
  return l;
}

constexpr uint32_t kPulled = 100;

class Locating : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
    use_first_cpu();
  }

  void load_at(const Hook* hook, uint32_t link_type, bool uses_frame = true) {
    ProgramOptions options;
    options.hook = hook;
    options.link_type = link_type;
    options.policy.non_ip = packet::NonIp::kAsk;
    FilterCode code;
    ir::Image filter = code.begin().pull(kPulled).ret(PL_PASS).image;
    filter.record_fields = UINT64_MAX;
    filter.uses_frame = uses_frame_ = uses_frame;
    auto loaded = load(filter, options);
    ASSERT_TRUE(loaded) << loaded.error().message;
    program_ = std::move(*loaded);
    auto memory = MappedValue::map(program_.memory, true);
    ASSERT_TRUE(memory) << memory.error().message;
    memory_ = std::move(*memory);
  }

  /// False: the kernel does not take this packet for a test run.
  bool compare(std::span<const uint8_t> frame, LinkType link, const std::string& where) {
    auto& header = *reinterpret_cast<pl_packet*>(memory_.bytes().data() + PL_RECORD);
    header.captured = 0xdddddddd;
    header.malformed = 0;  // only set where there is something to say
    const auto run = test_run(program_.program.get(), *program_.hook, frame);
    if (!run || header.captured == 0xdddddddd) return false;
    std::span<const uint8_t> seen = frame;
    if (program_.hook == find_hook("netfilter")) seen = frame.subspan(14);
    const Location expected = packet::locate(seen, seen.size(), link);
    if (uses_frame_) {
      EXPECT_EQ(header.captured, seen.size()) << where;
    } else {  // what is behind the IP packet may be left out
      EXPECT_GE(header.captured, expected.end) << where;
      EXPECT_LE(header.captured, seen.size()) << where;
    }
    EXPECT_EQ(described(location_of(header)), described(expected)) << where;
    EXPECT_EQ((header.flags & PL_HAS_FRAME) != 0, link == LinkType::kEthernet);
    if (expected.malformed != packet::Malformed::kNone) return true;
    EXPECT_GE(header.copied, std::min<size_t>(kPulled, seen.size())) << where;
    EXPECT_LE(header.copied, seen.size()) << where;
    EXPECT_EQ(std::memcmp(memory_.bytes().data() + PL_FRAME, seen.data(), std::min<size_t>(header.copied, seen.size())),
              0)
        << where;
    if (expected.version != 0) {
      const size_t source = expected.network + (expected.version == 4 ? 12 : 8);
      const size_t length = expected.version == 4 ? 4 : 16;
      EXPECT_EQ(std::memcmp(header.source, &seen[source], length), 0) << where;
      EXPECT_EQ(std::memcmp(header.destination, &seen[source + length], length), 0) << where;
    }
    return true;
  }

  LoadedProgram program_;
  MappedValue memory_;
  bool uses_frame_ = true;
};

struct Where {
  const Hook* hook;
  bool uses_frame = true;
};

class LocatingAt : public Locating, public ::testing::WithParamInterface<Where> {};

TEST_P(LocatingAt, EveryPacketOfTheCaptures) {
  const auto packets = CapturePackets::all();
  const bool network_layer = GetParam().hook == find_hook("netfilter");
  load_at(GetParam().hook, 1, GetParam().uses_frame);
  size_t compared = 0;
  for (const auto& packet : packets) {
    if (packet.link_type != 1) continue;
    if (compare(packet.bytes, network_layer ? LinkType::kRaw : LinkType::kEthernet,
                fmt::format("{} {}", packet.file, packet.number)))
      ++compared;
    if (HasFailure()) return;
  }
  EXPECT_GT(compared, packets.size() / 2);
}

TEST_P(LocatingAt, PacketsWithBytesChangedAndEndsCut) {
  const auto packets = CapturePackets::all();
  const bool network_layer = GetParam().hook == find_hook("netfilter");
  load_at(GetParam().hook, 1, GetParam().uses_frame);
  std::mt19937 random(7);
  size_t compared = 0;
  for (unsigned round = 0; round < 10'000 && !HasFailure(); ++round) {
    const auto& packet = packets[random() % packets.size()];
    if (packet.link_type != 1 || packet.bytes.size() < 40) continue;
    auto bytes = packet.bytes;
    const size_t begin = network_layer ? 14 : 12;
    for (unsigned changes = 1 + random() % 4; changes != 0; --changes) {
      const size_t at = begin + random() % std::min<size_t>(bytes.size() - begin, 60);
      bytes[at] = static_cast<uint8_t>(random() % 3 == 0 ? random() : bytes[at] ^ (1U << (random() % 8)));
    }
    if (random() % 4 == 0) bytes.resize(std::max<size_t>(34, bytes.size() - random() % 40));
    if (compare(bytes, network_layer ? LinkType::kRaw : LinkType::kEthernet,
                fmt::format("{} {} changed in round {}", packet.file, packet.number, round)))
      ++compared;
  }
  EXPECT_GT(compared, 5'000U);
}

INSTANTIATE_TEST_SUITE_P(Hooks, LocatingAt,
                         ::testing::Values(Where{find_hook("xdp")}, Where{find_hook("xdp"), false},
                                           Where{find_hook("tc")}, Where{find_hook("netfilter")}));

TEST_F(Locating, RawIpAtXdp) {
  const auto packets = CapturePackets::all();
  load_at(find_hook("xdp"), 101);
  size_t compared = 0;
  for (const auto& packet : packets) {
    if (packet.link_type != 1 || packet.bytes.size() < 40) continue;
    const std::span<const uint8_t> bytes = std::span(packet.bytes).subspan(14);
    if (compare(bytes, LinkType::kRaw, fmt::format("{} {}", packet.file, packet.number))) ++compared;
    if (HasFailure()) return;
  }
  EXPECT_GT(compared, 100U);
}

/// Ethernet, perhaps tagged; then something that is not IP and may say how long it is.
std::vector<uint8_t> frame_without_ip(std::mt19937& random) {
  std::vector<uint8_t> frame(14 + 4 * (random() % 2), 2);
  size_t network = frame.size();
  if (network == 18) std::ranges::copy(std::array<uint8_t, 4>{0x81, 0, 0, 7}, frame.begin() + 12);
  const size_t room = random() % 64;
  frame.resize(network + room);
  for (size_t i = network; i < frame.size(); ++i)
    frame[i] = static_cast<uint8_t>(random() % 8);
  const auto put = [&](size_t at, std::initializer_list<unsigned> bytes) {
    for (const unsigned byte : bytes)
      if (at < frame.size()) frame[at++] = static_cast<uint8_t>(byte);
  };
  switch (random() % 6) {
    case 0:  // 802.3, a length that fits or not
      put(network - 2, {0, static_cast<unsigned>(random() % 70)});
      break;
    case 1:  // with SNAP
      put(network - 2, {0, static_cast<unsigned>(random() % 70)});
      put(network, {0xaa, 0xaa, 3, 0, 0, 0, 8, 6, 0, 1, 8, 0});
      break;
    case 2:
      put(network - 2, {0x80, 0x35});
      break;
    case 3:  // LCP
      put(network - 2, {0x88, 0x64, 0x11, 0, 0, 1, 0, static_cast<unsigned>(random() % 70), 0xc0, 0x21});
      break;
    default:
      put(network - 2, {8, 6, 0, 1, 8, 0});
  }
  return frame;
}

TEST_P(LocatingAt, FramesWithoutIpHaveNoPadding) {
  if (GetParam().hook == find_hook("netfilter")) GTEST_SKIP() << "only IP comes this way";
  load_at(GetParam().hook, 1, GetParam().uses_frame);
  std::mt19937 random(11);
  size_t compared = 0;
  size_t padded = 0;
  for (unsigned round = 0; round < 5'000 && !HasFailure(); ++round) {
    const auto frame = frame_without_ip(random);
    if (!compare(frame, LinkType::kEthernet, fmt::format("frame of {} bytes in round {}", frame.size(), round)))
      continue;
    ++compared;
    if (packet::locate(frame, frame.size(), LinkType::kEthernet).end < frame.size()) ++padded;
  }
  EXPECT_GT(compared, 4'000U);
  EXPECT_GT(padded, 1'000U);
}

TEST_P(LocatingAt, EveryPrefixOfAPacket) {
  const bool network_layer = GetParam().hook == find_hook("netfilter");
  load_at(GetParam().hook, 1, GetParam().uses_frame);
  size_t compared = 0;
  for (const auto& packet : CapturePackets::all()) {
    if (packet.link_type != 1 || packet.number > 3) continue;
    for (size_t length = 14; length < std::min<size_t>(packet.bytes.size(), 80); ++length) {
      const std::span<const uint8_t> part = std::span(packet.bytes).first(length);
      if (compare(part, network_layer ? LinkType::kRaw : LinkType::kEthernet,
                  fmt::format("{} {} cut at {}", packet.file, packet.number, length)))
        ++compared;
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(compared, 500U);
}

/// IP of `size` bytes with transport protocol `protocol`, and the fields that say how long it is.
std::vector<uint8_t> long_packet(size_t size, bool ipv6, uint8_t protocol, uint16_t length, uint16_t datagram) {
  std::vector<uint8_t> frame(14 + size, 'x');
  const size_t transport = ipv6 ? 54 : 34;
  std::fill_n(frame.begin() + 14, transport + 20 - 14, uint8_t{0});
  frame[12] = ipv6 ? 0x86 : 0x08;
  frame[13] = ipv6 ? 0xdd : 0;
  frame[14] = ipv6 ? 0x60 : 0x45;
  frame[ipv6 ? 20 : 23] = protocol;
  write_be16(&frame[ipv6 ? 18 : 16], length);
  write_be16(&frame[transport + 4], datagram);
  if (protocol == 6) frame[transport + 12] = 0x50;
  return frame;
}

TEST_F(Locating, LengthsThatDoNotFitIntoTheirFields) {
  load_at(find_hook("xdp"), 1);
  unsigned compared = 0;
  for (const size_t size : {1000U, 65'535U, 65'536U, 65'575U, 65'576U, 66'544U, 66'545U, 66'546U, 68'000U, 70'000U}) {
    for (const bool ipv6 : {false, true}) {
      for (const uint8_t protocol : std::array<uint8_t, 4>{6, 17, 1, 132}) {
        for (const size_t datagram : {size_t{0}, (size - (ipv6 ? 40 : 20)) & 0xffff, size_t{100}}) {
          const auto frame = long_packet(size, ipv6, protocol, 0, static_cast<uint16_t>(datagram));
          if (compare(frame, LinkType::kEthernet, fmt::format("{} bytes of protocol {}", size, protocol))) ++compared;
        }
      }
    }
  }
  EXPECT_GT(compared, 150U);
}

/// IPv6 with a hop-by-hop header of `options`, then UDP; the payload length field is 0.
std::vector<uint8_t> jumbo_packet(std::vector<uint8_t> options, size_t length) {
  std::vector<uint8_t> frame(length);
  frame[12] = 0x86;
  frame[13] = 0xdd;
  frame[14] = 0x60;
  frame[54] = 17;
  frame[55] = static_cast<uint8_t>((options.size() + 2) / 8 - 1);
  std::ranges::copy(options, frame.begin() + 56);
  return frame;
}

TEST_F(Locating, Jumbograms) {
  load_at(find_hook("xdp"), 1);
  const std::vector<uint8_t> valid{0xc2, 4, 0, 1, 0, 0x10};
  std::vector<uint8_t> padded{0, 0, 0, 1, 3, 0, 0, 0, 0xc2, 4, 0, 1, 0, 0x18};
  std::vector<uint8_t> pads(2046, 0);
  unsigned compared = 0;
  for (const size_t length : {54 + 8 + 8, 1500, 65'000, 65'590, 65'700}) {
    for (const auto& options :
         {valid, padded, pads, {0xc2, 4, 0, 0, 0, 0x10}, {1, 4, 0, 0, 0, 0}, {0xc2, 4, 0, 1, 0xff, 0}}) {
      if (options.size() + 56 > length) continue;
      if (compare(jumbo_packet(options, length), LinkType::kEthernet, fmt::format("{} bytes", length))) ++compared;
    }
  }
  EXPECT_GT(compared, 20U);
}

}  // namespace
}  // namespace perilune::bpf
