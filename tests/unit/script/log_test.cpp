// log, print, time and random.
#include <set>
#include <string>
#include <vector>

#include "state_helpers.h"

namespace perilune::script {
namespace {

class Recorder final : public EventSink {
 public:
  void on_log(uint64_t event, uint32_t line, std::string_view text) override {
    lines.push_back(std::to_string(event) + ":" + std::to_string(line) + ":" + std::string(text));
  }
  std::vector<std::string> lines;
};

// What a script logs at packet 9.
std::vector<std::string> logged(const std::string& body) {
  Recorder recorder;
  Options options;
  options.events = &recorder;
  auto state = load("function filter()\n" + body + "\nend", options);
  if (state) {
    const std::string result = call(*state, 9);
    if (result.starts_with("error")) recorder.lines.push_back(result);
  }
  return recorder.lines;
}

using Lines = std::vector<std::string>;

TEST(Log, FormatsAndPlainValues) {
  EXPECT_EQ(logged("log('%d %s %5.1f %q', 42, 'x', 1.25, 'q')"), (Lines{"9:2:42 x   1.2 \"q\""}));
  EXPECT_EQ(logged("log('100%%')"), (Lines{"9:2:100%"}));
  EXPECT_EQ(logged("log(42) log(true) log(nil)"), (Lines{"9:2:42", "9:2:true", "9:2:nil"}));
  EXPECT_EQ(logged("\n\nlog('')"), (Lines{"9:4:"}));
  EXPECT_EQ(logged("log(setmetatable({}, {__tostring = function() return 'mine' end}))"), (Lines{"9:2:mine"}));
}

TEST(Log, Print) {
  EXPECT_EQ(logged("print(1, 'a', nil, true)"), (Lines{"9:2:1\\ta\\tnil\\ttrue"}));
  EXPECT_EQ(logged("print()"), (Lines{"9:2:"}));
}

TEST(Log, WhileLoading) {
  Recorder recorder;
  Options options;
  options.events = &recorder;
  (void)load("log('loading')\nfunction filter() end", options);
  EXPECT_EQ(recorder.lines, (Lines{"0:1:loading"}));
}

TEST(Log, LinesBeyondTheLimitAreCounted) {
  Lines lines = logged("for i = 1, 100 do log(i) end");
  EXPECT_EQ(lines.size(), 100U);
  EXPECT_EQ(lines.back(), "9:2:100");
  lines = logged("for i = 1, 101 do print(i) end");
  EXPECT_EQ(lines.size(), 101U);
  EXPECT_EQ(lines.back(), "9:2:1 more line of this packet");
  lines = logged("for i = 1, 5000 do log(i) end\nlog('last')\nerror('afterwards', 0)");
  ASSERT_EQ(lines.size(), 102U);
  EXPECT_EQ(lines[100], "9:3:4901 more lines of this packet");
  EXPECT_EQ(lines[101], "error: afterwards");
  lines = logged("pcall(function() for i = 1, 200 do log(i) end error() end)\nlog('last')");
  ASSERT_EQ(lines.size(), 101U);
  EXPECT_EQ(lines[100], "9:3:101 more lines of this packet");
}

TEST(Log, EachPacketHasTheWholeLimit) {
  Recorder recorder;
  Options options;
  options.events = &recorder;
  auto state = load("function filter() for i = 1, 60 do log(i) end end", options);
  ASSERT_TRUE(state);
  for (int packet = 1; packet <= 3; ++packet)
    (void)call(*state, static_cast<uint64_t>(packet));
  EXPECT_EQ(recorder.lines.size(), 180U);
}

TEST(Log, LinesOfTheMainChunkHaveALimit) {
  Recorder recorder;
  Options options;
  options.events = &recorder;
  (void)load("for i = 1, 10003 do log(i) end\nfunction filter() end", options);
  ASSERT_EQ(recorder.lines.size(), 10001U);
  EXPECT_EQ(recorder.lines.back(), "0:1:3 more lines of the main chunk");
}

TEST(Log, MistakesAreErrorsOfTheLine) {
  EXPECT_EQ(logged("log()"), (Lines{"error: log needs a format or a value, such as log('port %d', pkt.dport)"}));
  EXPECT_EQ(logged("log({}, 1)"), (Lines{"error: the first of several arguments of log is a format string, such as "
                                         "log('port %d', pkt.dport); it is a table"}));
  for (const char* body : {"log('%d', 'x')", "log('%d')", "log('%y', 1)", "log('%')"}) {
    const Lines lines = logged(body);
    ASSERT_EQ(lines.size(), 1U) << body;
    EXPECT_EQ(lines[0].substr(0, 7), "error: ") << lines[0];
  }
  auto state = load("function filter()\n\n  log('%d', 'x')\nend");
  ASSERT_TRUE(state);
  EXPECT_EQ(call(*state).substr(0, 6), "error:");
  EXPECT_EQ(state->error().line, 3U);
}

TEST(Log, IsBoundedAndPrintable) {
  const Lines lines = logged("log(('x'):rep(100000)) log('a\\nb\\27[2Jc\\0d\\255')");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_LT(lines[0].size(), 1200U);
  EXPECT_EQ(lines[1], "9:2:a\\nb\\x1b[2Jc\\x00d\\xff");
}

TEST(Log, CannotBeReplacedThroughStringFormat) {
  EXPECT_EQ(logged("string.format = nil log('%d', 1)"), (Lines{"9:2:1"}));
}

TEST(Log, WithoutASinkIsSilent) {
  EXPECT_EQ(run("log('x') print('y') return 'ok'"), "ok");
}

class FixedClock final : public Clock {
 public:
  uint64_t now_ns() const override { return 1'700'000'000'123'456'789U; }
};

TEST(Time, IsWholeNumbers) {
  const FixedClock clock;
  Options options;
  options.clock = &clock;
  EXPECT_EQ(run("return tostring(time.now())", options), "1700000000123456789");
  EXPECT_EQ(run("return tostring(time.seconds())", options), "1700000000");
  EXPECT_EQ(run("return math.type(time.now()) .. math.type(time.second)", options), "integerinteger");
  EXPECT_EQ(
      run("return tostring(time.day // time.hour * time.minute // time.second * time.millisecond // time.microsecond)"),
      "1440000");
  EXPECT_EQ(run("local a = time.now() return a > 1700000000 * time.second and time.now() >= a"), "true");
}

TEST(Random, EveryNumberAndNoOther) {
  Options options;
  options.seed = 1;
  EXPECT_EQ(run(R"(
    local seen = {}
    for i = 1, 2000 do
      local n = random(6)
      assert(math.type(n) == 'integer' and n >= 1 and n <= 6)
      seen[n] = (seen[n] or 0) + 1
    end
    for i = 1, 6 do assert(seen[i] > 250 and seen[i] < 420, seen[i]) end
    for i = 1, 1000 do
      local n = random(-3, 3)
      assert(n >= -3 and n <= 3)
    end
    assert(random(1) == 1 and random(7, 7) == 7)
    random(math.mininteger, math.maxinteger)
    return 'ok')",
                options),
            "ok");
}

TEST(Random, SeedsRepeat) {
  const char* body = "return random(1 << 62) .. ' ' .. random(1 << 62)";
  std::set<std::string> seen;
  for (const uint64_t seed : {0U, 1U, 2U, 1U, 0U}) {
    Options options;
    options.seed = seed;
    seen.insert(run(body, options));
  }
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_NE(run(body), run(body)) << "unseeded";
}

TEST(Random, Mistakes) {
  EXPECT_EQ(run("random(0)"), "error: random(0): the number must be at least 1");
  EXPECT_EQ(run("random(-5)"), "error: random(-5): the number must be at least 1");
  EXPECT_EQ(run("random(3, 2)"), "error: random(3, 2): the first number must not be the larger");
  EXPECT_EQ(run("random()").substr(0, 6), "error:");
  EXPECT_EQ(run("random(1.5)").substr(0, 6), "error:");
  EXPECT_EQ(run("random('x')").substr(0, 6), "error:");
}

}  // namespace
}  // namespace perilune::script
