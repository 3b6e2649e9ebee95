// What a filter writes reaches the packet with the bytes that packet::repair_checksums() gives.
#include <algorithm>
#include <cstring>
#include <random>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "bpf/hook.h"
#include "bpf/program.h"
#include "capture_packets.h"
#include "filter_code.h"
#include "packet/checksum.h"
#include "packet/location.h"
#include "packet/record.h"

namespace perilune::bpf {
namespace {

using packet::LinkType;
using packet::Location;
using packet::Malformed;

constexpr uint32_t kPatchAt = PL_WORKER;  // where tests leave what the filter shall write
constexpr uint32_t kMostPatches = 4;

/// Writes kMostPatches times a byte: the place's offset in the frame and the byte come from PL_WORKER, dirty range too.
ir::Image patching_filter() {
  FilterCode code;
  code.begin();
  code.pull(0x7fffffff);
  for (uint32_t i = 0; i < kMostPatches; ++i) {
    const auto at = static_cast<int16_t>(kPatchAt + i * 8);
    code.add(0x61, 1, 7, at);                            // r1 = u32 offset
    code.add(0x61, 2, 7, static_cast<int16_t>(at + 4));  // r2 = u32 value
    code.add(0xb5, 1, 0, 1, PL_FRAME_MAX - 1);           // if r1 > PL_FRAME_MAX - 1 then r1 = 0
    code.add(0xb7, 1, 0, 0, 0);
    code.add(0x0f, 1, 7);
    code.add(0x07, 1, 0, 0, PL_FRAME);
    code.add(0x73, 1, 2);  // *(u8 *)r1 = r2
  }
  code.add(0x79, 1, 7, static_cast<int16_t>(kPatchAt + kMostPatches * 8));
  code.add(0x7b, 7, 1, PL_RECORD + offsetof(pl_packet, dirty_begin));  // and dirty_end
  code.ret(PL_PASS);
  code.image.writes = true;
  return code.image;
}

struct Patch {
  uint32_t offset;
  uint32_t value;
};

class Committing : public ::testing::TestWithParam<const Hook*> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    ASSERT_EQ(sched_setaffinity(0, sizeof cpus, &cpus), 0);
    ProgramOptions options;
    options.hook = GetParam();
    options.policy.non_ip = packet::NonIp::kAsk;
    auto loaded = load(patching_filter(), options, &log_);
    ASSERT_TRUE(loaded) << loaded.error().message << "\n"
                        << log_.substr(log_.size() - std::min<size_t>(log_.size(), 2500));
    program_ = std::move(*loaded);
    auto memory = MappedValue::map(program_.memory, true);
    ASSERT_TRUE(memory);
    memory_ = std::move(*memory);
  }

  /// What the lua engine makes of it; `malformed`: the packet stays as it is, the verdict is on_error's.
  static std::vector<uint8_t> expected(const std::vector<uint8_t>& before, const Location& arrived,
                                       std::span<const Patch> patches, bool& malformed) {
    std::vector<uint8_t> after = before;
    for (const Patch& patch : patches)
      after[patch.offset] = static_cast<uint8_t>(patch.value);
    const Location location = packet::locate(after, after.size(), LinkType::kEthernet);
    malformed = location.malformed != Malformed::kNone;
    if (malformed) return before;
    packet::repair_checksums(before, arrived, after, location, packet::ChecksumState::kFinal);
    return after;
  }

  /// False: nothing to compare.
  bool compare(const std::vector<uint8_t>& packet, std::vector<Patch> patches, const std::string& where) {
    const Location arrived = packet::locate(packet, packet.size(), LinkType::kEthernet);
    if (arrived.malformed != Malformed::kNone) return false;
    while (patches.size() < kMostPatches)
      patches.push_back(patches.back());
    uint32_t dirty[2] = {UINT32_MAX, 0};
    for (const Patch& patch : patches) {
      dirty[0] = std::min(dirty[0], patch.offset);
      dirty[1] = std::max(dirty[1], patch.offset + 1);
    }
    std::memcpy(memory_.bytes().data() + kPatchAt, patches.data(), patches.size() * sizeof(Patch));
    std::memcpy(memory_.bytes().data() + kPatchAt + kMostPatches * 8, dirty, sizeof dirty);
    const pl_call& call = *reinterpret_cast<const pl_call*>(memory_.bytes().data() + PL_CALL);
    const pl_call before = call;
    const auto run = test_run(program_.program.get(), *GetParam(), packet);
    if (!run) return false;
    bool malformed = false;
    const auto wanted = expected(packet, arrived, patches, malformed);
    const bool is_xdp = GetParam() == find_hook("xdp");
    std::string patched;
    for (const Patch& patch : patches)
      patched += fmt::format(" {}={:#x}", patch.offset, patch.value);
    EXPECT_EQ(run->code, malformed ? (is_xdp ? 1U : 2U) : (is_xdp ? 2U : UINT32_MAX)) << where << patched;
    EXPECT_EQ(run->bytes.size(), wanted.size());
    const auto difference = std::ranges::mismatch(run->bytes, wanted);
    if (difference.in1 != run->bytes.end()) {
      ADD_FAILURE() << where << patched << ": byte " << difference.in1 - run->bytes.begin() << " is "
                    << unsigned{*difference.in1} << ", not " << unsigned{*difference.in2} << "; network "
                    << arrived.network << " transport " << arrived.transport << " end " << arrived.end << " protocol "
                    << unsigned{arrived.protocol} << " version " << unsigned{arrived.version};
    }
    EXPECT_EQ(call.counters[PL_COUNT_MODIFIED] - before.counters[PL_COUNT_MODIFIED], wanted != packet ? 1U : 0U)
        << where << patched;
    EXPECT_EQ(call.counters[PL_COUNT_ERROR] - before.counters[PL_COUNT_ERROR], malformed ? 1U : 0U) << where;
    return true;
  }

  LoadedProgram program_;
  MappedValue memory_;
  std::string log_;
};

std::vector<CapturedPacket> ethernet_packets() {
  auto packets = CapturePackets::all();
  std::erase_if(packets,
                [](const CapturedPacket& packet) { return packet.link_type != 1 || packet.bytes.size() < 34; });
  return packets;
}

uint32_t place(std::mt19937& random, const Location& location, size_t size, unsigned kind) {
  const auto within = [&](size_t begin, size_t end) {
    end = std::min(end, size);
    if (begin >= end) return static_cast<uint32_t>(random() % size);
    return static_cast<uint32_t>(begin + random() % (end - begin));
  };
  switch (kind) {
    case 0:
      return within(0, size);
    case 1:
      return within(location.network, location.transport);
    case 2:
      return within(location.transport, location.payload);
    case 3:
      return within(location.payload, location.end);
    case 4:
      return within(location.network + 12, location.network + 20);
    default:
      return within(location.transport, location.transport + 4);
  }
}

/// As a sender leaves it to its device to finish. False: it cannot be.
bool unfinish_checksum(std::vector<uint8_t>& bytes, const Location& location) {
  const bool v6 = location.version == 6;
  const bool is_tcp = location.protocol == packet::protocol::kTcp;
  if (!location.has_transport || location.fragment || (!is_tcp && location.protocol != packet::protocol::kUdp) ||
      (v6 && location.transport != location.network + 40)) {
    return false;
  }
  const auto addresses = std::span(bytes).subspan(location.network + (v6 ? 8U : 12U), v6 ? 32 : 8);
  const uint64_t rest = uint64_t{location.protocol} + location.end - location.transport;
  const auto sum = static_cast<uint16_t>(~packet::fold_checksum(packet::checksum_add(addresses, rest)));
  write_be16(bytes.data() + location.transport + (is_tcp ? 16 : 6), sum);
  return packet::checksum_unfinished(bytes, location);
}

TEST_P(Committing, RandomWritesToPacketsOfTheCaptures) {
  const auto packets = ethernet_packets();
  std::mt19937 random(11);
  size_t compared = 0;
  size_t unfinished = 0;
  for (unsigned round = 0; round < 6'000 && !HasFailure(); ++round) {
    const auto& packet = packets[random() % packets.size()];
    auto bytes = packet.bytes;
    const Location location = packet::locate(bytes, bytes.size(), LinkType::kEthernet);
    if (random() % 3 == 0 && unfinish_checksum(bytes, location)) ++unfinished;
    std::vector<Patch> patches(1 + random() % kMostPatches);
    const auto kind = static_cast<unsigned>(random() % 8);
    for (Patch& patch : patches) {
      patch.offset = place(random, location, bytes.size(), kind < 6 ? kind : static_cast<unsigned>(random() % 6));
      patch.value = random() % 4 == 0 ? bytes[patch.offset] : static_cast<uint32_t>(random() & 0xffU);
    }
    if (compare(bytes, patches, fmt::format("{} {} round {}", packet.file, packet.number, round))) ++compared;
  }
  EXPECT_GT(compared, 4'000U);
  EXPECT_GT(unfinished, 1'000U);
}

/// 16 bits to few values: both zeros of one's complement come up all the time.
TEST_P(Committing, ChecksumsNearZero) {
  std::mt19937 random(5);
  size_t compared = 0;
  for (unsigned round = 0; round < 6'000 && !HasFailure(); ++round) {
    const unsigned protocol = std::array{17U, 6U, 1U, 58U, 132U}[random() % 5];
    const bool v6 = protocol == 58 || (protocol != 1 && random() % 3 == 0);
    std::vector<uint8_t> bytes(14 + (v6 ? 40 : 20) + 24);
    uint8_t* ip = bytes.data() + 14;
    bytes[12] = v6 ? 0x86 : 8;
    bytes[13] = v6 ? 0xdd : 0;
    ip[0] = v6 ? 0x60 : 0x45;
    ip[v6 ? 5 : 3] = v6 ? 24 : 44;
    ip[v6 ? 6 : 9] = static_cast<uint8_t>(protocol);
    const uint32_t transport = v6 ? 54 : 34;
    if (protocol == 17) bytes[transport + 5] = 24;
    if (protocol == 6) bytes[transport + 12] = 0x50;
    const uint32_t field = transport + (protocol == 17 ? 6 : protocol == 6 ? 16 : protocol == 132 ? 8 : 2);
    const auto few = [&] { return std::array<uint8_t, 4>{0, 0, 0xff, static_cast<uint8_t>(random())}[random() % 4]; };
    for (unsigned i = 0; i < random() % 3; ++i)
      bytes[transport + 20 + random() % 4] = few();
    Location location = packet::locate(bytes, bytes.size(), LinkType::kEthernet);
    ASSERT_EQ(location.malformed, Malformed::kNone);
    if (random() % 2 == 0) packet::write_checksums(bytes, location);
    if (random() % 2 == 0) bytes[field] = few(), bytes[field + 1] = bytes[field];
    std::vector<Patch> patches(1 + random() % kMostPatches);
    const bool with_field = random() % 3 == 0;
    for (Patch& patch : patches) {
      patch.offset = transport + 20 + random() % 4;
      if (with_field) patch.offset = field + random() % 2;
      if (random() % 8 == 0) patch.offset = 26 + random() % 8;
      patch.value = few();
    }
    if (compare(bytes, patches, fmt::format("protocol {} v{} round {}", protocol, v6 ? 6 : 4, round))) ++compared;
  }
  EXPECT_GT(compared, 5'000U);
}

TEST_P(Committing, LongPackets) {
  std::mt19937 random(3);
  size_t compared = 0;
  for (const size_t size : {1514, 3000, 9000, 30'000, 60'000, 65'549}) {
    std::vector<uint8_t> bytes(size);
    for (uint8_t& byte : bytes)
      byte = static_cast<uint8_t>(random());
    const size_t total = size - 14;
    const uint8_t headers[] = {8,
                               0,
                               0x45,
                               0,
                               static_cast<uint8_t>(total >> 8),
                               static_cast<uint8_t>(total),
                               0,
                               1,
                               0,
                               0,
                               64,
                               6,
                               0,
                               0,
                               10,
                               0,
                               0,
                               1,
                               10,
                               0,
                               0,
                               2};
    std::ranges::copy(headers, bytes.begin() + 12);
    bytes[46] = 0x50;
    packet::write_checksums(bytes, packet::locate(bytes, size, LinkType::kEthernet));
    for (unsigned round = 0; round < 20 && !HasFailure(); ++round) {
      std::vector<Patch> patches;
      for (unsigned i = 0; i < 3; ++i)
        patches.push_back(
            {static_cast<uint32_t>(60 + random() % (size - 60)), static_cast<uint32_t>(random() & 0xffU)});
      if (round % 3 == 0) patches = {{static_cast<uint32_t>(size - 1 - round), 7}};
      if (compare(bytes, patches, fmt::format("{} bytes, round {}", size, round))) ++compared;
    }
  }
  EXPECT_GT(compared, 30U);
}

INSTANTIATE_TEST_SUITE_P(Hooks, Committing, ::testing::Values(find_hook("xdp"), find_hook("tc")));

}  // namespace
}  // namespace perilune::bpf
