// Compiled matches in the kernel: the verifier accepts them after a short walk, and they find what Lua finds.
//   PERILUNE_KERNEL_MATCHES  how many random patterns
//   PERILUNE_SEED            of the random ones
#include <gtest/gtest.h>

#include "../ir/kernel.h"
#include "../pattern/real_lua.h"
#include "match_runner.h"

namespace perilune::compiler {
namespace {

using pattern::RandomCases;
using pattern::RealLua;
using pattern::shown;

class MatchInKernel : public testing::Test {
 protected:
  /// Runs one match; adds to what the verifier walked. False: programs cannot be loaded here.
  bool check(const std::string& text, std::string_view subject, size_t init) {
    const auto pattern = pattern::parse(text);
    if (!pattern) return true;
    std::string error;
    const auto real = lua_.find(subject, text, init, error);
    EXPECT_EQ(error, "") << text;
    const bool is_position = !pattern->captures.empty() && pattern->captures[0];
    std::string captured = "OpenSSH_6.4";
    if (real && !pattern->captures.empty()) captured = real->captures[0];
    const MatchNeeds all_needs[] = {
        {.bounds = true, .captures = true, .equals = {}}, {}, {.bounds = false, .captures = false, .equals = captured}};
    for (const MatchNeeds& needs : all_needs) {
      MatchRunner runner(*pattern, {}, needs, {.most = 3900});
      EXPECT_EQ(runner.problem, "") << text;
      ir::test::World world;
      world.tables = runner.padded_tables();
      runner.place(world.memory.data(), subject, init);
      const ir::test::KernelRun run = ir::test::run_in_kernel(runner.image().code, world);
      if (run.unsupported) return false;
      EXPECT_EQ(run.problem, "") << shown(text);
      verified_ += run.verified;
      instructions_ += run.instructions;
      EXPECT_LT(run.verified, 4000 + 12 * run.instructions) << shown(text);
      if (needs.equals) {
        const bool whole = pattern->captures.empty();
        const bool equal = real && !is_position &&
                           (whole ? subject.substr(static_cast<size_t>(real->start),
                                                   static_cast<size_t>(real->end - real->start)) == captured
                                  : real->captures[0] == captured);
        EXPECT_EQ(run.result, equal ? 1U : 0U) << shown(text) << " on " << shown(subject) << " == " << captured;
        continue;
      }
      const RunMatch found = runner.read(world.memory.data(), run.result, subject);
      EXPECT_EQ(found.matched, real.has_value()) << shown(text) << " on " << shown(subject);
      if (!needs.bounds || !real) continue;
      EXPECT_EQ(found.start, real->start) << shown(text) << " on " << shown(subject);
      EXPECT_EQ(found.end, real->end) << shown(text) << " on " << shown(subject);
      EXPECT_EQ(found.captures, real->captures) << shown(text) << " on " << shown(subject);
    }
    return true;
  }

  RealLua lua_;
  uint64_t verified_ = 0;
  uint64_t instructions_ = 0;
};

TEST_F(MatchInKernel, PatternsAsPeopleWriteThem) {
  const std::string_view http = "GET /admin HTTP/1.1\r\nHost: evil.example.com\r\nUser-Agent: sqlmap/1.0\r\n\r\n";
  const std::pair<const char*, std::string_view> cases[] = {
      {"SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n", "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.5\r\n"},
      {"SSH%-[%d.]+%-([^ \r\n]+)", "SSH-2.0-OpenSSH_6.4\r\n"},
      {"^SSH%-[%d.]+%-([^ \r\n]+)", "SSH-2.0-OpenSSH_6.4\r\n"},
      {"^[^%z]*%z", std::string_view("abc\0def\0", 8)},
      {"%.(.*)", "a.b.c.example.com"},
      {"Host: (.-)\r\n", http},
      {"[Hh]ost: ([^\r\n]*)\r\n", http},
      {"^(%u+) (%S+) HTTP/(%d)%.(%d)\r\n", http},
      {"[Uu][Ss][Ee][Rr]%-[Aa]gent: *(%w+)/?([%d.]*)", http},
      {"(%d+)%.(%d+)%.(%d+)%.(%d+)", "at 192.168.0.1 and"},
      {"()%f[%d]%d+()", "abc 123 def"},
      {"%f[%w]%w+%f[%W]", "  abc "},
      {"(.-)=(.-)&(.-)=(.*)", "a=b&c=d"},
      {"%w..............b(.-)c", "xxa0123456789abcdbeec"},
      {"needle", "hay needle hay"},
      {"n", "hay needle hay"},
      {"", "x"},
  };
  for (const auto& [text, subject] : cases) {
    if (!check(text, subject, 0)) GTEST_SKIP() << "BPF programs cannot be loaded here";
  }
  RecordProperty("verified", std::to_string(verified_));
  RecordProperty("instructions", std::to_string(instructions_));
}

TEST_F(MatchInKernel, RandomPatterns) {
  RandomCases random(pattern::number_from_environment("PERILUNE_SEED", 1));
  for (uint64_t left = pattern::number_from_environment("PERILUNE_KERNEL_MATCHES", 30); left > 0 && !HasFailure();
       --left) {
    std::string text = random.pattern();
    if (left % 3 == 0) text.insert(text.starts_with('^') ? 1 : 0, "ab");
    const std::string subject = random.subject(60);
    const size_t init = random.below(3) == 0 ? random.below(static_cast<uint32_t>(subject.size()) + 1) : 0;
    if (!check(text, subject, init)) GTEST_SKIP() << "BPF programs cannot be loaded here";
  }
}

}  // namespace
}  // namespace perilune::compiler
