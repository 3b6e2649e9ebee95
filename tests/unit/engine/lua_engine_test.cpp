#include <fstream>
#include <thread>

#include "engine_helpers.h"
#include "script/maps/map_store.h"

namespace perilune::engine {
namespace {

using packet::Cause;
using packet::Verdict;

// The filter as published in 2014.
constexpr const char* kSsh = R"(function filter(hdr, pld)
  -- get a segment of the payload
  local seg = pld:segment(0, 255)
  -- convert segment data to string
  local str = tostring(seg)
  -- pattern to capture the software version
  local pattern = 'SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n'
  -- get the software version
  local software_version = str:match(pattern)
  if software_version == 'OpenSSH_6.4' then
    -- reject the packet
    return false
  end
  -- accept the packet
  return true
end
)";

TEST(LuaEngine, SshFilter) {
  Judge judge(kSsh);
  EXPECT_EQ(judge(tcp("SSH-2.0-OpenSSH_6.4\r\n")).verdict, Verdict::kBlock);
  EXPECT_EQ(judge(tcp("SSH-2.0-OpenSSH_6.4 Debian-1\r\n")).verdict, Verdict::kBlock);
  EXPECT_EQ(judge(tcp("SSH-2.0-OpenSSH_7.4\r\n")).verdict, Verdict::kPass);
  EXPECT_EQ(judge(tcp("")).verdict, Verdict::kPass);
  EXPECT_EQ(judge(tcp("SSH-2.0-OpenSSH_6.4\r\n", true)).verdict, Verdict::kBlock);
  EXPECT_TRUE(judge.observer().errors.empty());
  const Statistics statistics = judge.worker().statistics();
  EXPECT_EQ(statistics.packets, 5U);
  EXPECT_EQ(statistics.blocked, 3U);
  EXPECT_EQ(statistics.passed, 2U);
}

TEST(LuaEngine, EveryResult) {
  const std::pair<const char*, Verdict> cases[] = {
      {"return true", Verdict::kPass},           {"return false", Verdict::kBlock},
      {"return 'pass'", Verdict::kPass},         {"return 'block'", Verdict::kBlock},
      {"return 'reject'", Verdict::kReject},     {"return 'reply'", Verdict::kReply},
      {"return pkt:pass()", Verdict::kPass},     {"return pkt:block()", Verdict::kBlock},
      {"return pkt:reject()", Verdict::kReject}, {"return pkt:reply()", Verdict::kReply},
      {"return false, true", Verdict::kBlock},
  };
  for (const auto& [body, verdict] : cases) {
    Judge judge(std::string("function filter(hdr, pld, pkt) ") + body + " end");
    const packet::Decision decision = judge(udp());
    EXPECT_EQ(decision.verdict, verdict) << body;
    EXPECT_EQ(decision.cause, Cause::kScript) << body;
    EXPECT_FALSE(decision.modified) << body;
    EXPECT_TRUE(judge.observer().errors.empty()) << body;
  }
}

TEST(LuaEngine, NoOpinionIsTheDefaultVerdict) {
  for (const char* body : {"", "return", "return nil", "return nil, false"}) {
    Options options;
    options.policy.on_default = Verdict::kBlock;
    Judge judge(std::string("function filter() ") + body + " end", options);
    const packet::Decision decision = judge(udp());
    EXPECT_EQ(decision.verdict, Verdict::kBlock) << body;
    EXPECT_EQ(decision.cause, Cause::kDefault) << body;
  }
}

TEST(LuaEngine, OtherResultsAreErrors) {
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "filter returned a table; return true, false, nil, 'pass', 'block', 'reject' or 'reply'"},
      {"1", "filter returned the number 1; "},
      {"0.5", "filter returned the number 0.5; "},
      {"print", "filter returned a function; "},
      {"pkt", "filter returned an object (userdata); "},
      {"''", "filter returned ''; "},
      {"'accept'", "filter returned 'accept'; "},
      {"'PASS'", "filter returned 'PASS'; "},
      {"'pas'", "filter returned 'pas' (did you mean 'pass'?); "},
      {"'blcok'", "filter returned 'blcok' (did you mean 'block'?); "},
      {"'pass\\0'", "filter returned 'pass\\x00' (did you mean 'pass'?); "},
      {"'\\27[31m\\n'", "filter returned '\\x1b[31m\\x0a'; "},
      {"('x'):rep(100)", "filter returned 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'; "},
  };
  for (const auto& [value, message] : cases) {
    Options options;
    options.kind = Kind::kLua;
    Judge judge(std::string("\n\nfunction filter(hdr, pld, pkt)\n  return ") + value + "\nend", options);
    const packet::Decision decision = judge(udp());
    EXPECT_EQ(decision.verdict, Verdict::kBlock) << value;
    EXPECT_EQ(decision.cause, Cause::kError) << value;
    EXPECT_EQ(judge.error().substr(0, std::string_view(message).size()), message);
    ASSERT_EQ(judge.observer().errors.size(), 1U);
    EXPECT_EQ(judge.observer().errors[0].second.file, judge.path());
    EXPECT_EQ(judge.observer().errors[0].second.line, 3U) << "the line of the function";
  }
}

TEST(LuaEngine, AWrongResultIsAtItsReturnWhenLinesAreRecorded) {
  Options options;
  options.record_lines = true;
  Judge judge("function filter(hdr, pld, pkt)\n  if pkt.dport == 22 then\n    return 7\n  end\n  return true\nend",
              options);
  EXPECT_EQ(judge(udp()).line, 5U);
  const packet::Decision decision = judge(tcp());
  EXPECT_EQ(decision.cause, Cause::kError);
  EXPECT_EQ(decision.line, 3U);
  EXPECT_EQ(judge.program().errors().entries().at(0).error.line, 3U);
}

TEST(LuaEngine, ErrorsOncePerPlaceWithACount) {
  Options options;
  options.policy.on_error = Verdict::kPass;
  Judge judge(
      "function filter(hdr, pld, pkt)\n"
      "  if pkt.protocol == 17 then\n"
      "    local x = nil + 1\n"
      "  end\n"
      "  error('no TCP here')\n"
      "end",
      options);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(judge(udp()).verdict, Verdict::kPass);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(judge(tcp()).line, 5U);
  ASSERT_EQ(judge.observer().errors.size(), 2U);
  EXPECT_EQ(judge.observer().errors[0].first, 1U);
  EXPECT_EQ(judge.observer().errors[1].first, 11U);
  const auto entries = judge.program().errors().entries();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].error.line, 3U);
  EXPECT_EQ(entries[0].count, 10U);
  EXPECT_EQ(entries[0].first_event, 1U);
  EXPECT_EQ(entries[1].error.line, 5U);
  EXPECT_EQ(entries[1].error.message, "no TCP here");
  EXPECT_EQ(entries[1].count, 3U);
  EXPECT_EQ(judge.worker().statistics().errors, 13U);
}

TEST(LuaEngine, InventedPlacesDoNotFillTheLog) {
  Judge judge("n = 0 function filter() n = n + 1 error('test' .. n .. '.lua:' .. n .. ': x', 0) end");
  for (int i = 0; i < 5'000; ++i)
    (void)judge(udp());
  EXPECT_LE(judge.program().errors().entries().size(), 1'001U);
  uint64_t total = 0;
  for (const auto& entry : judge.program().errors().entries())
    total += entry.count;
  EXPECT_EQ(total, 5'000U);
}

TEST(LuaEngine, MalformedPacketsAreNotShown) {
  std::vector<uint8_t> frame = udp();
  frame[14] = 0x44;  // an IPv4 header of 16 bytes
  for (const Verdict verdict : {Verdict::kBlock, Verdict::kPass}) {
    Options options;
    options.policy.on_malformed = verdict;
    Judge judge("function filter() error('asked') end", options);
    const packet::Decision decision = judge(frame);
    EXPECT_EQ(decision.verdict, verdict);
    EXPECT_EQ(decision.cause, Cause::kMalformed);
    EXPECT_EQ(decision.malformed, packet::Malformed::kIpHeader);
    const Statistics statistics = judge.worker().statistics();
    EXPECT_EQ(statistics.malformed[static_cast<size_t>(packet::Malformed::kIpHeader)], 1U);
    EXPECT_EQ(statistics.not_ip, 0U);
    EXPECT_TRUE(judge.observer().errors.empty());
  }
}

TEST(LuaEngine, FramesWithoutIp) {
  const std::pair<packet::NonIp, Verdict> cases[] = {{packet::NonIp::kPass, Verdict::kPass},
                                                     {packet::NonIp::kBlock, Verdict::kBlock}};
  for (const auto& [choice, verdict] : cases) {
    Options options;
    options.policy.non_ip = choice;
    Judge judge("function filter() error('asked') end", options);
    const packet::Decision decision = judge(arp());
    EXPECT_EQ(decision.verdict, verdict);
    EXPECT_EQ(decision.cause, Cause::kNotIp);
    EXPECT_EQ(judge.worker().statistics().not_ip, 1U);
  }
  Options options;
  options.policy.non_ip = packet::NonIp::kAsk;
  Judge judge(R"(function filter(hdr, pld, pkt)
    assert(#hdr == 0 and #pld == 28 and pkt.ethertype == 0x0806)
    assert(pkt.version == nil and pkt.protocol == nil and pkt.src == nil and pkt.dst == nil and pkt.sport == nil)
    assert(pkt.length == 46 and #pkt.payload == 28 and pkt.transport == nil and not pkt.fragment)
    return false
  end)",
              options);
  const packet::Decision decision = judge(arp());
  EXPECT_EQ(decision.verdict, Verdict::kBlock);
  EXPECT_EQ(decision.cause, Cause::kScript) << judge.error();
}

TEST(LuaEngine, TheKernelIsNoEngineOfThisProcess) {
  RecordingObserver observer;
  Options options;
  options.kind = Kind::kKernel;
  const auto program = open("x.lua", options, observer);
  ASSERT_FALSE(program.has_value());
  EXPECT_EQ(program.error().at(0).code, "engine-not-here");
  EXPECT_EQ(program.error().at(0).file, "x.lua");
  EXPECT_NE(program.error().at(0).hint.find("perilune load"), std::string::npos);
}

TEST(LuaEngine, SaysWhichEngineItIs) {
  Options options;
  options.kind = Kind::kLua;
  Judge asked("function filter() end", options);
  EXPECT_EQ(asked.program().kind(), Kind::kLua);
  EXPECT_EQ(asked.program().explanation(), "engine: lua");
  EXPECT_EQ(parse_kind("lua"), Kind::kLua);
  EXPECT_EQ(parse_kind("kernel"), Kind::kKernel);
  EXPECT_EQ(parse_kind("Lua"), std::nullopt);
}

TEST(LuaEngine, AScriptThatDoesNotLoad) {
  RecordingObserver observer;
  const ScriptFile file("function filter(\n");
  for (const Kind kind : {Kind::kLua, Kind::kNative, Kind::kAuto}) {
    Options options;
    options.kind = kind;
    auto program = open(file.path(), options, observer);
    Diagnostics problems;
    if (!program) {
      problems = program.error();
    } else if (auto worker = (*program)->packet_worker(0); !worker) {
      problems = worker.error();
    }
    ASSERT_EQ(problems.size(), 1U) << to_string(kind);
    EXPECT_EQ(problems[0].file, file.path());
    EXPECT_EQ(problems[0].code, "syntax");
  }
}

TEST(LuaEngine, PacketTime) {
  Options options;
  options.packet_time = true;
  Judge judge("function filter(hdr, pld, pkt) log('%d', time.now()) end", options);
  const std::vector<uint8_t> frame = udp();
  packet::Packet packet;
  packet.bytes = frame;
  packet.wire_length = frame.size();
  for (const uint64_t ns : {5'000U, 7'000U, 6'000U, 8'000U}) {  // files merged badly: time does not go back
    packet.time_ns = ns;
    (void)judge(packet);
  }
  ASSERT_EQ(judge.observer().logs.size(), 4U);
  EXPECT_EQ(judge.observer().logs[0].text, "5000");
  EXPECT_EQ(judge.observer().logs[2].text, "7000");
  EXPECT_EQ(judge.observer().logs[3].text, "8000");
}

TEST(LuaEngine, WorkersShareMapsButNotVariables) {
  const ScriptFile file(R"(
    hits = map.hash{name='hits', key='u16', value='u64', size=10}
    hits[1] = 100
    n = 0
    function filter(hdr, pld, pkt)
      n = n + 1
      hits:add(2, 1)
      if n > 1000 then error('not my variable') end
    end)");
  RecordingObserver observer;
  auto program = open(file.path(), {}, observer);
  ASSERT_TRUE(program.has_value());
  std::vector<std::unique_ptr<PacketWorker>> workers;
  for (unsigned i = 0; i < 4; ++i) {
    auto worker = (*program)->packet_worker(i);
    ASSERT_TRUE(worker.has_value()) << to_text(worker.error().at(0));
    workers.push_back(std::move(*worker));
  }
  const std::vector<uint8_t> frame = udp();
  std::vector<std::thread> threads;
  for (auto& worker : workers) {
    threads.emplace_back([&frame, &worker] {
      packet::Packet packet;
      packet.bytes = frame;
      packet.wire_length = frame.size();
      for (int i = 0; i < 1000; ++i)
        (void)worker->judge(packet);
    });
  }
  Statistics meanwhile;
  for (const auto& worker : workers)
    meanwhile += worker->statistics();
  EXPECT_LE(meanwhile.packets, 4'000U);
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_TRUE(observer.errors.empty());
  script::MapStore& maps = (*program)->maps();
  ASSERT_EQ(maps.maps().size(), 1U);
  const auto entries = maps.maps()[0]->entries(0);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(maps.maps()[0]->value_text(entries[0].value), "100") << "set at load, by one worker only";
  EXPECT_EQ(maps.maps()[0]->value_text(entries[1].value), "4000");
}

TEST(LuaEngine, AllWorkersRunTheScriptThatTheFirstOneRead) {
  const ScriptFile file("function filter() return false end");
  RecordingObserver observer;
  auto program = open(file.path(), {}, observer);
  ASSERT_TRUE(program.has_value());
  ASSERT_TRUE((*program)->packet_worker(0).has_value());
  std::ofstream(file.path()) << "function filter() return true end";
  auto second = (*program)->packet_worker(1);
  ASSERT_TRUE(second.has_value());
  const std::vector<uint8_t> frame = udp();
  packet::Packet packet;
  packet.bytes = frame;
  packet.wire_length = frame.size();
  EXPECT_EQ((*second)->judge(packet).verdict, packet::Verdict::kBlock);
}

TEST(LuaEngine, SeedsDifferByWorker) {
  Options options;
  options.seed = 1;
  const ScriptFile file("function filter() log(random(1 << 62)) end");
  RecordingObserver observer;
  auto program = open(file.path(), options, observer);
  ASSERT_TRUE(program.has_value());
  for (unsigned i = 0; i < 2; ++i) {
    auto worker = (*program)->packet_worker(i);
    ASSERT_TRUE(worker.has_value());
    const std::vector<uint8_t> frame = udp();
    packet::Packet packet;
    packet.bytes = frame;
    packet.wire_length = frame.size();
    (void)(*worker)->judge(packet);
  }
  ASSERT_EQ(observer.logs.size(), 2U);
  EXPECT_NE(observer.logs[0].text, observer.logs[1].text);
}

}  // namespace
}  // namespace perilune::engine
