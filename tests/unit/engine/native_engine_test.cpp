// The native engine does what the lua engine does: each script here judges the same packets in Lua, as machine code,
// interpreted, and interpreted with every access checked, and everything that can be seen afterwards is the same.
#include <algorithm>

#include <fmt/format.h>

#include "engine_helpers.h"
#include "script/maps/map_store.h"

namespace perilune::engine {
namespace {

using packet::Cause;
using packet::Verdict;

struct Seen {
  std::vector<std::string> lines;
  bool operator==(const Seen&) const = default;
};

std::string hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes)
    text += fmt::format("{:02x}", byte);
  return text;
}

packet::Packet packet_of(const std::vector<uint8_t>& frame, uint64_t number) {
  packet::Packet packet;
  packet.bytes = frame;
  packet.wire_length = frame.size();
  packet.number = number;
  packet.time_ns = 1'000'000'000 * number;
  packet.mark = 7;
  packet.ifindex = 3;
  packet.interface = "eth0";
  packet.direction = number % 2 == 0 ? packet::Direction::kIn : packet::Direction::kOut;
  return packet;
}

/// A packet as a queue may hand it over: behind its headers stands something else until it is asked for.
class InParts final : public packet::UnreadBytes {
 public:
  explicit InParts(const packet::Packet& whole) : whole_(whole.bytes), shown_(whole.bytes.size(), 0xee), packet(whole) {
    constexpr size_t kAlwaysRead = 128;
    const size_t payload = packet::locate(whole.bytes, whole.wire_length, whole.link).payload;
    packet.ready = std::min(whole_.size(), std::max(payload, kAlwaysRead));
    std::ranges::copy(whole_.first(packet.ready), shown_.begin());
    packet.bytes = shown_;
    packet.unread = this;
  }
  void read() noexcept override { std::ranges::copy(whole_, shown_.begin()); }

 private:
  std::span<const uint8_t> whole_;
  std::vector<uint8_t> shown_;

 public:
  packet::Packet packet;
};

Seen observe(const std::string& script, const std::vector<std::vector<uint8_t>>& frames, const Options& options,
             bool in_parts = false) {
  Judge judge(script, options);
  Seen seen;
  if (!judge.opened()) return seen;
  uint64_t number = 0;
  for (const std::vector<uint8_t>& frame : frames) {
    const packet::Packet packet = packet_of(frame, ++number);
    InParts parts(packet);
    const packet::Decision decision = judge(in_parts ? parts.packet : packet);
    seen.lines.push_back(fmt::format("{}: {} {} line {} mark {} {} {}", number, to_string(decision.verdict),
                                     to_string(decision.cause), decision.line, decision.mark_set, decision.mark,
                                     decision.modified ? hex(decision.bytes) : "as it was"));
  }
  for (const auto& log : judge.observer().logs)
    seen.lines.push_back(fmt::format("log {}:{} {}", log.event, log.line, log.text));
  for (const auto& [event, error] : judge.observer().errors)
    seen.lines.push_back(fmt::format("error {}: line {} {}", event, error.line, error.message));
  for (const ErrorLog::Entry& entry : judge.program().errors().entries())
    seen.lines.push_back(fmt::format("{} errors in line {}", entry.count, entry.error.line));
  for (script::Map* map : judge.program().maps().maps()) {
    for (const script::Map::Entry& entry : map->entries(1'000'000'000 * number)) {
      seen.lines.push_back(
          fmt::format("{}: {} = {}", map->declaration().name, map->key_text(entry.key), map->value_text(entry.value)));
    }
  }
  const Statistics statistics = judge.worker().statistics();
  seen.lines.push_back(fmt::format("{} packets, {} passed, {} blocked, {} modified, {} errors, {} not IP",
                                   statistics.packets, statistics.passed, statistics.blocked, statistics.modified,
                                   statistics.errors, statistics.not_ip));
  return seen;
}

/// What Lua showed, after everything else has shown the same.
Seen agree(const std::string& script, const std::vector<std::vector<uint8_t>>& frames, Options options = {}) {
  options.record_lines = true;
  options.packet_time = true;
  options.seed = 42;
  options.kind = Kind::kLua;
  Seen expected = observe(script, frames, options);
  options.kind = Kind::kNative;
  for (const NativeCode code : {NativeCode::kMachine, NativeCode::kInterpreted, NativeCode::kChecked}) {
    options.native_code = code;
    EXPECT_EQ(observe(script, frames, options).lines, expected.lines) << script << "\ncode " << static_cast<int>(code);
    EXPECT_EQ(observe(script, frames, options, true).lines, expected.lines)
        << script << "\nin parts, code " << static_cast<int>(code);
  }
  return expected;
}

size_t count(const Seen& seen, std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(seen.lines, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

TEST(NativeEngine, SshFilter) {
  const Seen seen = agree(
      R"(function filter(hdr, pld)
    local seg = pld:segment(0, 255)
    local str = tostring(seg)
    local pattern = 'SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n'
    local software_version = str:match(pattern)
    if software_version == 'OpenSSH_6.4' then
      return false
    end
    return true
  end)",
      {tcp("SSH-2.0-OpenSSH_6.4\r\n"), tcp("SSH-2.0-OpenSSH_7.4\r\n"), tcp(""), tcp("SSH-2.0-OpenSSH_6.4 x\r\n", true),
       tcp(std::string(240, ' ') + "SSH-2.0-OpenSSH_6.4\r\n"), udp(), arp()});
  EXPECT_EQ(count(seen, "block script line 7"), 2U);
  EXPECT_EQ(count(seen, "pass not-ip"), 1U);
}

TEST(NativeEngine, BytesAreAskedForOnlyWhereAFilterLooksAtThem) {
  Options options;
  options.kind = Kind::kNative;
  const std::vector<uint8_t> frame = tcp(std::string(3000, 'x') + "end");
  const auto asks = [&](const std::string& script) {
    Judge judge(script, options);
    EXPECT_TRUE(judge.opened() && judge.worker().asks_for_bytes());
    InParts parts(packet_of(frame, 1));
    EXPECT_EQ(judge(parts.packet).verdict, Verdict::kPass) << script;
    return parts.packet.bytes.back() == 'd';
  };
  EXPECT_FALSE(asks("function filter() return true end"));
  EXPECT_FALSE(asks("function filter(hdr, pld, pkt) return #pld == 3003 and pkt.sport ~= 0 end"));
  EXPECT_TRUE(asks("function filter(hdr, pld) return pld[3002] == 100 end"));
  EXPECT_TRUE(asks("function filter(hdr, pld) return tostring(pld:segment(2900)):find('end', 1, true) ~= nil end"));
}

TEST(NativeEngine, MalformedPacketsAndFramesWithoutIp) {
  std::vector<uint8_t> broken = udp();
  broken[14] = 0x41;
  const std::string script = "function filter(hdr, pld, pkt) return pkt.version == nil end";
  EXPECT_EQ(count(agree(script, {broken, arp(), udp()}), "block malformed"), 1U);
  Options options;
  options.policy.non_ip = packet::NonIp::kAsk;
  EXPECT_EQ(count(agree(script, {broken, arp(), udp()}, options), "pass script"), 1U);
  options.policy.non_ip = packet::NonIp::kBlock;
  options.policy.on_malformed = Verdict::kPass;
  EXPECT_EQ(count(agree(script, {broken, arp(), udp()}, options), "block not-ip"), 1U);
}

TEST(NativeEngine, WritesArePassedOnWithRightChecksums) {
  constexpr const char* kScript = R"(
    local data = require 'data'
    local b = data.layout{first = {0, 8}, second = {8, 8}}
    function filter(hdr, pld, pkt)
      local view = pld:layout(b)
      view.second = 65
      if view.first == 0x78 then view.first = 0x78 end
      if view.first == 0x79 then return false end
    end)";
  const Seen seen = agree(kScript, {udp("xyz"), udp("xAz"), udp("yyy"), tcp("hello", true)});
  EXPECT_EQ(count(seen, "as it was"), 2U) << "the byte was an A already; a blocked packet has no new bytes";
  EXPECT_EQ(count(seen, "2 modified"), 1U);
  Options options;
  options.kind = Kind::kNative;
  Judge judge(kScript, options);
  const packet::Decision decision = judge(udp("xyz"));
  ASSERT_TRUE(decision.modified);
  EXPECT_EQ(payload_of(decision.bytes), "xAz");
  EXPECT_TRUE(checksums_right(decision.bytes));
}

TEST(NativeEngine, APacketThatTheScriptBreaksIsAScriptError) {
  const Seen seen = agree(R"(
    local data = require 'data'
    local ip = data.layout{length = {24, 8}}
    function filter(hdr) hdr:layout(ip).length = 1
      return true
    end)",
                          {udp()});
  EXPECT_EQ(count(seen, "malformed by the script: ip-length"), 1U);
  EXPECT_EQ(count(seen, "line 5"), 3U);
}

TEST(NativeEngine, ScriptErrorsSayWhatLuaSays) {
  const Seen seen = agree(R"(
    local names = {[53] = 'dns'}
    function filter(hdr, pld, pkt)
      if pkt.sport == 1234 then
        local n = pkt.length < names[pkt.sport]
        return n
      end
      return #names[pkt.dport] == 3
    end)",
                          {udp(), tcp(), udp()});
  EXPECT_EQ(count(seen, "2 errors in line 5"), 1U);
  EXPECT_EQ(count(seen, "1 errors in line 8"), 1U);
}

TEST(NativeEngine, FactsAboutThePacketAndTheMark) {
  const Seen seen = agree(R"(
    function filter(hdr, pld, pkt)
      pkt.mark = pkt.mark + pkt.number
      log('%s %s %d %d %d', pkt.direction, pkt.interface, pkt.ifindex, pkt.length, time.now())
      return pkt.number ~= 2 or nil
    end)",
                          {udp(), udp(), tcp("a longer payload", true)});
  EXPECT_EQ(count(seen, "mark true 8"), 1U);
  EXPECT_EQ(count(seen, "log 3:4 out eth0 3"), 1U);
  EXPECT_EQ(count(seen, "3000000000"), 1U);
}

TEST(NativeEngine, RandomNumbersAreTheSame) {
  const std::vector<std::vector<uint8_t>> frames(20, udp());
  const Seen seen = agree(R"(
    local first = random(100) + random(100)
    function filter() log('%d %d %d', random(6), random(10, 1000), random(0x7fffffffffffffff)) end)",
                          frames);
  EXPECT_EQ(count(seen, "log "), 20U);
}

TEST(NativeEngine, EntriesOfTheMainChunkLiveFromTheFirstPacketOn) {
  for (const Kind kind : {Kind::kLua, Kind::kNative}) {
    for (const bool packet_time : {true, false}) {
      Options options;
      options.kind = kind;
      options.packet_time = packet_time;
      Judge judge(R"(
        local known = map.hash{name='known', key='u8', value='u8', size=10, ttl=60}
        local recent = map.lru{name='recent', key='u8', value='u8', size=10, ttl=60, renew=false}
        local seen = map.counter{name='seen', key='u8', size=10, ttl=60}
        known[1] = 5 recent[1] = 6 map.add(known, 2, 7) seen:add(1, 8)
        function filter()
          return known[1] == 5 and recent[1] == 6 and known[2] == 7 and seen[1] == 8
        end)",
                  options);
      std::vector<uint8_t> frame = udp();
      packet::Packet packet;
      packet.bytes = frame;
      packet.wire_length = frame.size();
      constexpr uint64_t kSecond = 1'000'000'000, kFirst = 1'800'000'000 * kSecond;
      for (const auto& [after, verdict] : {std::pair{uint64_t{0}, Verdict::kPass},
                                           {59 * kSecond, Verdict::kPass},
                                           {60 * kSecond, packet_time ? Verdict::kBlock : Verdict::kPass}}) {
        packet.time_ns = kFirst + after;
        EXPECT_EQ(judge.worker().judge(packet).verdict, verdict)
            << to_string(kind) << ", " << packet_time << ", after " << after << " ns: " << judge.error();
      }
    }
  }
}

TEST(NativeEngine, MapsShowWhatTheCodeLeft) {
  const Seen seen = agree(R"(
    local hits = map.hash{name='hits', key='ip', value='u32', size=3}
    local last = map.lru{name='last', key={'u16', 'u8'}, value='u64', size=2}
    local seen = map.hash{name='seen', key='u16', value='u8', size=100, ttl=3}
    local nets = map.lpm{name='nets', key='ip', value='u16', size=10}
    local slots = map.array{name='slots', value='u32', size=8}
    local total = map.counter{name='total'}
    local each = map.counter{name='each', key='u16', size=10}
    hits['192.0.2.99'] = 5
    nets['192.0.2.0/24'] = 7
    nets['2001:db8::/32'] = 8
    slots[3] = 9
    total:add(100)
    function filter(hdr, pld, pkt)
      hits[pkt.src] = (hits[pkt.src] or 0) + 1
      last[{pkt.sport, pkt.version}] = pkt.number
      seen[pkt.dport] = 1
      slots[pkt.version] = pkt.length
      total:add(1)
      each:add(pkt.dport, 2)
      return nets[pkt.src] ~= 8
    end)",
                          {udp(), udp("x", true), tcp(), tcp("y", true), udp()});
  EXPECT_EQ(count(seen, "hits: "), 3U);
  EXPECT_EQ(count(seen, "last: "), 2U);
  EXPECT_EQ(count(seen, "nets: 192.0.2.0/24 = 7"), 1U);
  EXPECT_EQ(count(seen, "total:  = 105"), 1U);
  EXPECT_EQ(count(seen, "block script"), 2U);
}

// Compiled code counts the instructions of a loop's round at once: which of them is the last is not the same as in Lua.
TEST(NativeEngine, AnEndlessLoopEndsAsAScriptError) {
  for (const NativeCode code : {NativeCode::kMachine, NativeCode::kInterpreted, NativeCode::kChecked}) {
    Options options;
    options.kind = Kind::kNative;
    options.native_code = code;
    options.limits.call_instructions = 10'000;
    Judge judge(R"(function filter(hdr, pld, pkt)
      local n = 0
      while pkt.length > 0 do n = n + 1 end
      return n == 0
    end)",
                options);
    const packet::Decision decision = judge(udp());
    EXPECT_EQ(decision.verdict, Verdict::kBlock);
    EXPECT_EQ(decision.cause, Cause::kError);
    EXPECT_EQ(judge.error(), "instruction budget spent: 10000 instructions per packet (--instructions)");
  }
}

TEST(NativeEngine, LoopsAreBoundedByTheBudgetAlone) {
  for (const NativeCode code : {NativeCode::kMachine, NativeCode::kInterpreted}) {
    Options options;
    options.kind = Kind::kNative;
    options.native_code = code;
    options.limits.call_instructions = 1'000'000'000;
    Judge judge("function filter(hdr, pld, pkt) for i = 1, 9000000 + pkt.length do end return 'reject' end", options);
    EXPECT_EQ(judge(udp()).verdict, Verdict::kReject) << judge.error();
  }
}

TEST(NativeEngine, SaysHowTheCodeRuns) {
  Options options;
  options.kind = Kind::kNative;
  EXPECT_EQ(Judge("function filter() end", options).program().kind(), Kind::kNative);
  options.native_code = NativeCode::kInterpreted;
  EXPECT_EQ(Judge("function filter() end", options).program().explanation(), "engine: native (interpreted)");
  options.kind = Kind::kAuto;
  EXPECT_EQ(Judge("function filter() end", options).program().kind(), Kind::kNative);
}

// string.gsub with a function makes strings without a bound.
constexpr const char* kNotCompiled =
    "log('loaded')\nfunction filter(hdr, pld)\n"
    "  return tostring(pld):gsub('.', function(c) return c .. c end) == 'x'\nend";

TEST(NativeEngine, WhatDoesNotCompileRunsInLuaAndSaysWhy) {
  Judge judge(kNotCompiled);
  EXPECT_EQ(judge.program().kind(), Kind::kLua);
  const std::string explanation = judge.program().explanation();
  EXPECT_TRUE(explanation.starts_with("engine: lua (" + judge.path() + ":3: ")) << explanation;
  EXPECT_EQ(judge(udp("x")).verdict, Verdict::kBlock);
  EXPECT_EQ(judge.observer().logs.size(), 1U) << "the main chunk ran once";
}

TEST(NativeEngine, AskedForItRefusesWhatDoesNotCompile) {
  const ScriptFile file(kNotCompiled);
  RecordingObserver observer;
  Options options;
  options.kind = Kind::kNative;
  const auto program = open(file.path(), options, observer);
  ASSERT_FALSE(program.has_value());
  EXPECT_EQ(program.error().at(0).line, 3U);
  EXPECT_FALSE(program.error().at(0).hint.empty());
}

/// IPv4 of `size` bytes behind an Ethernet header, TCP, as segmentation offload makes it: total length 0. Every byte of
/// the payload tells its place.
std::vector<uint8_t> long_frame(size_t size) {
  packet::BuildOptions options;
  options.source = "192.0.2.1";
  options.destination = "198.51.100.2";
  options.protocol = packet::protocol::kTcp;
  std::vector<uint8_t> frame = build_frame(options);
  frame.resize(14 + size);
  frame[16] = frame[17] = 0;
  for (size_t i = 54; i < frame.size(); ++i)
    frame[i] = static_cast<uint8_t>((i - 54) % 251);
  return frame;
}

constexpr size_t kLongPackets[] = {65'535, 66'544, 66'545, 66'546, 66'559, 66'560, 70'000, 180'000};

TEST(NativeEngine, PacketsOfAnyLengthAreJudgedByTheBytesTheyHave) {
  const char* kScripts[] = {
      "function filter() return true end",
      "function filter(hdr, pld, pkt) log('%d %d %d %d', #hdr, #pld, #pkt.frame, pkt.length) return false end",
      "function filter(hdr, pld) return #pld > 66600 end",
      "function filter(hdr, pld) local n = pld[1] + 4 return pld[n * 100] == 500 % 251 end",
      "function filter(hdr, pld) local n = 0 for i = 0, 99 do n = n + pld[i] end log('%d', n) end",
      "function filter(hdr, pld) log('%s', tostring(pld:segment(50000, 3)) == '\x33\x34\x35') end",
      "function filter(hdr, pld) local rest = pld:segment(60000) log('%d %d', #rest, rest[pld[2]]) end",
      "function filter(hdr, pld, pkt) log('%s', pkt.frame:getuint8(66558) or -1) end",
      "function filter(hdr, pld) log('%s %s', tostring(pld[66504]), tostring(pld[1 << 40])) end",
      "function filter(hdr, pld) pld[3] = 9 return true end",
  };
  for (const char* script : kScripts) {
    std::string told[2];
    for (const Kind kind : {Kind::kLua, Kind::kNative}) {
      Options options;
      options.kind = kind;
      Judge judge(script, options);
      std::string& all = told[kind == Kind::kLua ? 0 : 1];
      for (const size_t size : kLongPackets) {
        const packet::Decision decision = judge(long_frame(size));
        all += fmt::format("{}: {} {}", size, to_string(decision.verdict), to_string(decision.cause));
        if (decision.modified) all += fmt::format(" {}", fmt::join(decision.bytes, ","));
        all += '\n';
      }
      for (const auto& log : judge.observer().logs)
        all += log.text + '\n';
      for (const auto& [event, error] : judge.observer().errors)
        all += error.message + '\n';
    }
    EXPECT_EQ(told[0], told[1]) << script;
  }
}

TEST(NativeEngine, BytesThatNoSlotHoldsAreScriptErrors) {
  const char* kScripts[] = {
      "function filter(hdr, pld) return #tostring(pld) > 0 end",
      "function filter(hdr, pld) local n = pld[1] + 66504 return pld[n] == nil end",
      "function filter(hdr, pld) return pld[66505] == nil end",
      "function filter(hdr, pld) return #tostring(pld:segment(66000, 506)) > 0 end",
      "function filter(hdr, pld) return #pld < 66506 or pld:getuint16(66504) > 0 end",
      "function filter(hdr, pld) local n = pld[1] + 66504 pld[n] = 1 end",
  };
  for (const char* script : kScripts) {
    Options options;
    options.kind = Kind::kNative;
    Judge judge(std::string("\n") + script, options);
    EXPECT_NE(judge(long_frame(66'545)).cause, Cause::kError) << script;
    const packet::Decision decision = judge(long_frame(66'546));
    EXPECT_EQ(decision.cause, Cause::kError) << script;
    EXPECT_EQ(decision.verdict, packet::Verdict::kBlock) << script;
    EXPECT_EQ(decision.line, 2U) << script;
    EXPECT_EQ(judge.error(), "byte 66560 of a packet is needed; a compiled filter sees the first 66559") << script;
  }
}

TEST(NativeEngine, WorkersShareMapsButNotVariables) {
  Options options;
  options.kind = Kind::kNative;
  options.seed = 1;
  Judge judge(R"(
    local hits = map.hash{name='hits', key='u8', value='u64', size=10}
    local n = 0
    function filter()
      n = n + 1
      hits[0] = (hits[0] or 0) + 1
      hits[n] = random(1000)
    end)",
              options);
  auto second = judge.program().packet_worker(1);
  ASSERT_TRUE(second.has_value());
  const std::vector<uint8_t> frame = udp();
  (void)judge(frame);
  (void)judge(frame);
  script::Map* hits = judge.program().maps().find("hits");
  const auto before = hits->entries(0);
  ASSERT_EQ(before.size(), 3U);
  (void)(*second)->judge(packet_of(frame, 3));
  const auto after = judge.program().maps().find("hits")->entries(0);
  ASSERT_EQ(after.size(), 3U) << "the second worker counts from 1";
  EXPECT_EQ(after[0].value[0], 3);
  EXPECT_NE(after[1].value, before[1].value) << "and draws other numbers";
}

}  // namespace
}  // namespace perilune::engine
