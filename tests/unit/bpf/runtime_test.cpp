// What the runtime does around a filter: copies on demand, events, marks, chains; and what the loader makes of a
// program that the verifier refuses.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>

#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sched.h>
#include <unistd.h>

#include "base/bytes.h"
#include "bpf/clock.h"
#include "bpf/counters.h"
#include "bpf/hook.h"
#include "bpf/program.h"
#include "filter_code.h"
#include "packet/checksum.h"
#include "packet/record.h"

namespace perilune::bpf {
namespace {

/// Ethernet, IPv4 10.0.0.1 > 10.0.0.2, UDP 5555 > 53.
std::vector<uint8_t> udp_packet(size_t size) {
  std::vector<uint8_t> packet(size);
  std::mt19937 random(1);
  for (uint8_t& byte : packet)
    byte = static_cast<uint8_t>(random());
  const size_t total = size - 14;
  const uint8_t headers[] = {8,
                             0,
                             0x45,
                             0,
                             static_cast<uint8_t>(total >> 8U),
                             static_cast<uint8_t>(total),
                             0,
                             1,
                             0,
                             0,
                             64,
                             17,
                             0,
                             0,
                             10,
                             0,
                             0,
                             1,
                             10,
                             0,
                             0,
                             2,
                             0x15,
                             0xb3,
                             0,
                             53,
                             static_cast<uint8_t>((total - 20) >> 8U),
                             static_cast<uint8_t>(total - 20)};
  std::ranges::copy(headers, packet.begin() + 12);
  return packet;
}

class Runtime : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    ASSERT_EQ(sched_setaffinity(0, sizeof cpus, &cpus), 0);
  }

  static LoadedProgram must_load(const ir::Image& image) {
    ProgramOptions options;
    options.hook = find_hook("xdp");
    return must_load(image, options);
  }
  static LoadedProgram must_load(const ir::Image& image, const ProgramOptions& options) {
    std::string log;
    auto loaded = load(image, options, &log);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message)
                        << log.substr(log.size() - std::min<size_t>(log.size(), 1500));
    return loaded ? std::move(*loaded) : LoadedProgram{};
  }
  static TestRunResult must_run(const LoadedProgram& program, const std::vector<uint8_t>& packet,
                                const TestRunOptions& options = {}) {
    auto run = test_run(program.program.get(), *program.hook, packet, options);
    EXPECT_TRUE(run) << (run ? "" : run.error().message);
    return run ? std::move(*run) : TestRunResult{};
  }
};

std::vector<std::vector<uint8_t>> records(const Map& events) {
  std::vector<std::vector<uint8_t>> result;
  ring_buffer* buffer = ring_buffer__new(
      events.fd(),
      [](void* context, void* data, size_t size) {
        const auto* bytes = static_cast<const uint8_t*>(data);
        static_cast<std::vector<std::vector<uint8_t>>*>(context)->emplace_back(bytes, bytes + size);
        return 0;
      },
      &result, nullptr);
  if (buffer != nullptr) ring_buffer__consume(buffer);
  ring_buffer__free(buffer);
  return result;
}

TEST_F(Runtime, PullsPacketsOfAnyLength) {
  for (const Hook* hook : {find_hook("xdp"), find_hook("tc"), find_hook("netfilter")}) {
    for (const uint32_t upto : {200U, 5000U, 0x7fffffffU}) {
      FilterCode code;
      code.begin().pull(static_cast<int32_t>(upto)).ret(PL_PASS);
      ProgramOptions options;
      options.hook = hook;
      const LoadedProgram program = must_load(code.image, options);
      ASSERT_TRUE(program.program);
      auto memory = MappedValue::map(program.memory, false);
      ASSERT_TRUE(memory);
      for (const size_t size : {60, 1514, 3000, 9000, 33'000, 60'000}) {
        const auto packet = udp_packet(size);
        // The kernel's test runs take long packets at some hooks only.
        if (!test_run(program.program.get(), *hook, packet)) {
          EXPECT_GT(size, 3000U);
          continue;
        }
        const auto& header = *reinterpret_cast<const pl_packet*>(memory->bytes().data() + PL_RECORD);
        const size_t skipped = hook == find_hook("netfilter") ? 14 : 0;
        const size_t length = size - skipped;
        EXPECT_EQ(header.captured, length);
        EXPECT_GE(header.copied, std::min<size_t>(upto, length));
        ASSERT_LE(header.copied, length);
        EXPECT_EQ(std::memcmp(memory->bytes().data() + PL_FRAME, packet.data() + skipped, header.copied), 0) << size;
      }
    }
  }
}

TEST_F(Runtime, ReportsBlockedPacketsWithTheirFirstBytes) {
  for (const Hook* hook : {find_hook("xdp"), find_hook("tc"), find_hook("netfilter")}) {
    ProgramOptions options;
    options.hook = hook;
    options.report = true;
    const LoadedProgram program = must_load(constant_filter(PL_BLOCK | (7 << PL_LINE_SHIFT)), options);
    ASSERT_TRUE(program.program);
    const auto packet = udp_packet(1000);
    must_run(program, packet);
    const auto events = records(program.events);
    ASSERT_EQ(events.size(), 1U);
    ASSERT_EQ(events[0].size(), sizeof(pl_event) + sizeof(pl_packet_event) + PL_EVENT_SNAP);
    const auto& event = *reinterpret_cast<const pl_event*>(events[0].data());
    const auto& details = *reinterpret_cast<const pl_packet_event*>(events[0].data() + sizeof event);
    EXPECT_EQ(event.kind, unsigned{PL_EVENT_PACKET});
    EXPECT_EQ(event.length, sizeof details + PL_EVENT_SNAP);
    EXPECT_EQ(details.verdict, unsigned{PL_BLOCK});
    EXPECT_EQ(details.cause, 0U);
    EXPECT_EQ(details.line, 7U);
    const size_t skipped = hook == find_hook("netfilter") ? 14 : 0;
    EXPECT_EQ(details.frame_length, packet.size() - skipped);
    EXPECT_EQ(details.captured, PL_EVENT_SNAP);
    EXPECT_EQ(std::memcmp(events[0].data() + sizeof event + sizeof details, packet.data() + skipped, PL_EVENT_SNAP), 0);
  }
}

TEST_F(Runtime, ReportsScriptErrors) {
  FilterCode code;
  code.begin().store32(PL_CALL + offsetof(pl_call, error_site), 5);
  code.store32(PL_CALL + offsetof(pl_call, error_values), 42).ret(PL_ERROR);
  const LoadedProgram program = must_load(code.image);
  ASSERT_TRUE(program.program);
  EXPECT_EQ(must_run(program, udp_packet(100)).code, 1U);  // XDP_DROP
  const auto events = records(program.events);
  ASSERT_EQ(events.size(), 1U);
  const auto& event = *reinterpret_cast<const pl_event*>(events[0].data());
  EXPECT_EQ(event.kind, unsigned{PL_EVENT_ERROR});
  EXPECT_EQ(event.site, 5U);
  uint32_t value = 0;
  std::memcpy(&value, events[0].data() + sizeof event, sizeof value);
  EXPECT_EQ(value, 42U);
}

TEST_F(Runtime, WritesThatBreakHeadersAreAScriptError) {
  FilterCode code;
  code.begin().pull(100).store8(PL_FRAME + 14, 0x41);
  code.store32(PL_RECORD + offsetof(pl_packet, dirty_begin), 14)
      .store32(PL_RECORD + offsetof(pl_packet, dirty_end), 15)
      .ret(PL_PASS);
  code.image.writes = true;
  const LoadedProgram program = must_load(code.image);
  ASSERT_TRUE(program.program);
  const auto packet = udp_packet(100);
  const auto run = must_run(program, packet);
  EXPECT_EQ(run.code, 1U);
  EXPECT_EQ(run.bytes, packet);
  const auto events = records(program.events);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(reinterpret_cast<const pl_event*>(events[0].data())->site, PL_SITE_BROKEN_PACKET);
  uint64_t reason = 0;
  std::memcpy(&reason, events[0].data() + sizeof(pl_event), sizeof reason);
  EXPECT_EQ(reason, 3U);  // packet::Malformed::kIpHeader
}

TEST_F(Runtime, MarksAreSetAtTcUnlessTheScriptFails) {
  for (const int32_t result : {PL_PASS, PL_ERROR}) {
    FilterCode code;
    code.begin()
        .store32(PL_RECORD + offsetof(pl_packet, mark), 0x1234)
        .store32(PL_RECORD + offsetof(pl_packet, mark_set), 1)
        .ret(result);
    code.image.sets_mark = true;
    ProgramOptions options;
    options.hook = find_hook("tc");
    options.policy.on_error = packet::Verdict::kPass;
    const LoadedProgram program = must_load(code.image, options);
    ASSERT_TRUE(program.program);
    TestRunOptions run;
    run.mark = 5;
    EXPECT_EQ(must_run(program, udp_packet(100), run).mark, result == PL_PASS ? 0x1234U : 5U);
  }
  FilterCode code;
  code.image.sets_mark = true;
  code.ret(PL_PASS);
  ProgramOptions at_xdp;
  at_xdp.hook = find_hook("xdp");
  EXPECT_FALSE(load(code.image, at_xdp));
}

TEST_F(Runtime, PassGoesOnInTheChain) {
  auto chain = Map::create({"chain", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0});
  ASSERT_TRUE(chain);
  const LoadedProgram second = must_load(constant_filter(PL_BLOCK));
  ProgramOptions options;
  options.hook = find_hook("xdp");
  options.chain_fd = chain->fd();
  options.next_in_chain = 2;
  const LoadedProgram first = must_load(constant_filter(PL_PASS), options);
  ASSERT_TRUE(first.program && second.program);
  EXPECT_EQ(must_run(first, udp_packet(100)).code, 2U);  // nothing there yet: XDP_PASS
  const uint32_t key = 2;
  const int fd = second.program.get();
  ASSERT_TRUE(chain->update({reinterpret_cast<const uint8_t*>(&key), 4}, {reinterpret_cast<const uint8_t*>(&fd), 4}));
  EXPECT_EQ(must_run(first, udp_packet(100)).code, 1U);
}

TEST_F(Runtime, TheClockIsThatOfTheDay) {
  FilterCode code;
  code.begin().store32(PL_CALL + offsetof(pl_call, error_site), 0).ret(PL_ERROR);
  const LoadedProgram program = must_load(code.image);
  ASSERT_TRUE(program.program);
  const auto now = [] { return std::chrono::system_clock::now().time_since_epoch().count(); };
  const auto before = now();
  must_run(program, udp_packet(100));
  const auto events = records(program.events);
  ASSERT_EQ(events.size(), 1U);
  const auto time = static_cast<int64_t>(reinterpret_cast<const pl_event*>(events[0].data())->time_ns);
  EXPECT_GE(time, before);
  EXPECT_LE(time, now());
}

// As if a time daemon had set the seconds between atomic time and the time of the day after the program was loaded.
TEST_F(Runtime, TheClockIsCorrectedAfterwards) {
  FilterCode code;
  code.begin().store32(PL_CALL + offsetof(pl_call, error_site), 0).ret(PL_ERROR);
  const LoadedProgram program = must_load(code.image);
  ASSERT_TRUE(program.program);
  const auto memory = MappedValue::map(program.memory, true);
  ASSERT_TRUE(memory);
  constexpr uint64_t kOther = 37'000'000'000;
  size_t slots = 0;
  for (size_t slot = 0; slot + PL_SLOT_SIZE <= memory->bytes().size(); slot += PL_SLOT_SIZE, ++slots)
    reinterpret_cast<pl_call*>(memory->bytes().data() + slot + PL_CALL)->time_offset += kOther;
  EXPECT_EQ(slots, program.slots);
  const auto wrong_by = [&] {
    must_run(program, udp_packet(100));
    const auto events = records(program.events);
    const int64_t now = std::chrono::system_clock::now().time_since_epoch().count();
    return events.size() != 1
               ? -1
               : static_cast<int64_t>(reinterpret_cast<const pl_event*>(events[0].data())->time_ns) - now;
  };
  EXPECT_GT(wrong_by(), int64_t{kOther / 2});
  ASSERT_TRUE(correct_clock(program.memory));
  EXPECT_LE(wrong_by(), 0);
  for (size_t slot = 0; slot + PL_SLOT_SIZE <= memory->bytes().size(); slot += PL_SLOT_SIZE)
    EXPECT_EQ(reinterpret_cast<pl_call*>(memory->bytes().data() + slot + PL_CALL)->time_offset, clock_offset());
}

TEST_F(Runtime, RepliesAreTurnedAroundAndFinished) {
  auto packet = udp_packet(100);
  for (size_t i = 0; i < 12; ++i)
    packet[i] = static_cast<uint8_t>(2 * i);
  const packet::Location location = packet::locate(packet, packet.size(), packet::LinkType::kEthernet);
  packet::write_checksums(packet, location);
  const auto finished = packet;
  // What a sender on this machine leaves to the device: the sum of the pseudo header.
  auto empty = packet;
  std::fill(empty.begin() + location.transport, empty.end(), uint8_t{0});
  write_be16(&packet[location.transport + 6], static_cast<uint16_t>(~packet::transport_checksum(empty, location)));
  ASSERT_TRUE(packet::checksum_unfinished(packet, location));
  for (const Hook* hook : {find_hook("xdp"), find_hook("tc")}) {
    ProgramOptions options;
    options.hook = hook;
    const LoadedProgram program = must_load(constant_filter(PL_REPLY), options);
    ASSERT_TRUE(program.program);
    const auto run = must_run(program, packet);
    EXPECT_EQ(run.code, hook == find_hook("xdp") ? 3U : 7U);       // XDP_TX, TC_ACT_REDIRECT
    auto expected = hook == find_hook("xdp") ? finished : packet;  // at tc the kernel knows what is to be finished
    std::swap_ranges(expected.begin(), expected.begin() + 6, expected.begin() + 6);
    EXPECT_EQ(run.bytes, expected);
    packet[0] |= 1;  // a group
    const auto group = must_run(program, packet);
    EXPECT_EQ(group.bytes[6], 2);
    packet[0] &= 0xfe;
  }
  FilterCode code;
  code.begin().pull(100).store8(PL_FRAME + 11, 0x77);
  code.store32(PL_RECORD + offsetof(pl_packet, dirty_begin), 11)
      .store32(PL_RECORD + offsetof(pl_packet, dirty_end), 12)
      .ret(PL_REPLY);
  code.image.writes = true;
  const auto run = must_run(must_load(code.image), packet);
  auto expected = finished;
  expected[11] = 0x77;
  EXPECT_EQ(run.bytes, expected);
}

TEST_F(Runtime, MapsAreFilledAndKeptOnReload) {
  FilterCode code;
  code.ret(PL_PASS);
  ir::MapSpec spec;
  spec.name = "blocked";
  spec.key_size = 4;
  spec.value_size = 8;
  spec.entries = 50'000;
  for (uint32_t i = 0; i < 40'000; ++i) {
    ir::MapSpec::Entry entry{std::vector<uint8_t>(4), std::vector<uint8_t>(8, 1)};
    std::memcpy(entry.key.data(), &i, sizeof i);
    spec.initial.push_back(entry);
  }
  code.image.maps = {spec};
  const LoadedProgram first = must_load(code.image);
  ASSERT_EQ(first.maps.size(), 1U);
  EXPECT_FALSE(first.reused[0]);
  const auto entries = first.maps[0].entries();
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->size(), 40'000U);
  const std::vector<uint8_t> key(4, 0xff);
  std::vector<uint8_t> value(8, 9);
  ASSERT_TRUE(first.maps[0].update(key, value));

  const std::string declared = "map.hash {key = 'u32', value = 'u64', size = 50000}";
  code.image.maps[0].declared = declared;
  const ReusableMap old[] = {{&first.maps[0], "blocked", declared}};
  ProgramOptions options;
  options.hook = find_hook("xdp");
  options.reuse = old;
  const LoadedProgram second = must_load(code.image, options);
  ASSERT_EQ(second.maps.size(), 1U);
  EXPECT_TRUE(second.reused[0]);
  EXPECT_EQ(second.maps[0].id(), first.maps[0].id());
  value.assign(8, 0);
  EXPECT_TRUE(second.maps[0].lookup(key, value).value_or(false));
  EXPECT_EQ(value, std::vector<uint8_t>(8, 9));
  must_run(second, udp_packet(100));
  EXPECT_EQ(read_counters(second.memory).value()[PL_COUNT_PACKETS], 1U);

  // The same bytes, but they mean something else.
  code.image.maps[0].declared = "map.hash {key = 'u32', value = {'u32', 'u32'}, size = 50000}";
  EXPECT_FALSE(must_load(code.image, options).reused[0]);

  code.image.maps[0].declared = declared;
  code.image.maps[0].value_size = 16;
  for (auto& entry : code.image.maps[0].initial)
    entry.value.resize(16);
  EXPECT_FALSE(must_load(code.image, options).reused[0]);
}

TEST_F(Runtime, LargeTablesLoadAtOnce) {
  FilterCode code;
  code.load_immediate(1, ir::Relocation::Kind::kTables, 40'000'000);
  code.add(0x71, 0, 1);  // r0 = *(u8 *)r1: PL_BLOCK
  code.add(0x95);
  code.image.tables.resize(50'000'000);
  code.image.tables[40'000'000] = PL_BLOCK;
  const LoadedProgram program = must_load(code.image);
  ASSERT_TRUE(program.program);
  EXPECT_EQ(must_run(program, udp_packet(100)).code, 1U);
  EXPECT_GT(program.memory_bytes, 64U << 20U);
}

TEST_F(Runtime, ARejectionNamesTheLuaLineAndKeepsTheLog) {
  FilterCode code;
  code.begin();
  code.image.code.lines.push_back({code.next(), 0, 2});
  code.add(0x0f, 7, 8).add(0x0f, 7, 6).add(0x71, 0, 7).add(0x95);  // r7 += context
  std::string log;
  ProgramOptions options;
  options.hook = find_hook("xdp");
  const auto loaded = load(code.image, options, &log);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("hand.lua:2"), std::string::npos) << loaded.error().message;
  EXPECT_NE(loaded.error().hint.find("fault of perilune"), std::string::npos);
  EXPECT_NE(log.find("processed"), std::string::npos);
}

}  // namespace
}  // namespace perilune::bpf
