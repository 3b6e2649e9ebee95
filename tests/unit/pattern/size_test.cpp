// How large automata become for patterns as people write them, that limits hold, and that hostile subjects cost no more
// than others.
#include <chrono>

#include <gtest/gtest.h>

#include "pattern/dfa.h"
#include "pattern/tdfa.h"
#include "pattern/two_pass.h"
#include "real_lua.h"

namespace perilune::pattern {
namespace {

constexpr const char* kSsh = "SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n";

TEST(Size, TheSshBannerFoldsIntoFewStates) {
  const Chain chain = make_chain(*parse(kSsh), {});
  const auto folded = make_dfa(chain, "OpenSSH_6.4");
  ASSERT_TRUE(folded);
  EXPECT_LE(folded->states, 64U);
  EXPECT_EQ(folded->classes.count(), 16U);
  EXPECT_EQ(folded->states - folded->first_sink, 2U);
  EXPECT_TRUE(run(*folded, "SSH-2.0-OpenSSH_6.4 x\r\n", 0));
  EXPECT_TRUE(run(*folded, "SSH-2.0-OpenSSH_6.4\r\n", 0));
  EXPECT_FALSE(run(*folded, "SSH-2.0-OpenSSH_6.40\r\n", 0));
  EXPECT_FALSE(run(*folded, "SSH-2.0-OpenSSH_6.4", 0));
}

TEST(Size, CapturesNeedFewRegisters) {
  struct Case {
    const char* pattern;
    uint32_t most_states;
    uint32_t most_registers;
  };
  const Case cases[] = {
      {kSsh, 40, 3},
      {"^SSH%-[%d.]+%-([^ \r\n]+)", 16, 2},
      {"(%w+)", 4, 2},
      {"^GET (%S+) HTTP/(%d)%.(%d)\r\n", 32, 2},
      {"Host: *([%w.-]+)", 11, 3},
      {"%.(.*)", 3, 2},
      {"(%d+)%.(%d+)%.(%d+)%.(%d+)", 13, 20},
  };
  for (const Case& c : cases) {
    const auto tdfa = make_tdfa(make_chain(*parse(c.pattern), {.captures = true}));
    ASSERT_TRUE(tdfa) << c.pattern;
    EXPECT_LE(tdfa->states, c.most_states) << c.pattern;
    EXPECT_LE(tdfa->registers, c.most_registers) << c.pattern;
  }
}

TEST(Size, CountedDotsPassTheLimitAndTheSecondMethodTakesOver) {
  const std::string text = "a................b";
  const Chain chain = make_chain(*parse(text), {.bounds = true, .captures = true});
  EXPECT_FALSE(make_dfa(chain, std::nullopt));
  EXPECT_FALSE(make_tdfa(chain));
  const auto machine = make_two_pass(chain);
  ASSERT_TRUE(machine);
  RandomCases random(7);
  RealLua lua;
  int matching = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string subject;
    for (uint32_t length = random.below(60); length > 0; --length)
      subject += "abc"[random.below(3)];
    std::string error;
    const auto real = lua.find(subject, text, 0, error);
    const auto ours = run(*machine, chain, subject, 0);
    ASSERT_EQ(ours.has_value(), real.has_value()) << subject;
    if (!ours) continue;
    ++matching;
    EXPECT_EQ(ours->whole, (Span{real->start, real->end})) << subject;
  }
  EXPECT_GT(matching, 200);
}

TEST(Size, TooManyItemsForTheSecondMethod) {
  EXPECT_TRUE(make_two_pass(make_chain(*parse(std::string(62, 'a')), {})));
  EXPECT_FALSE(make_two_pass(make_chain(*parse(std::string(63, 'a')), {})));
  EXPECT_TRUE(make_tdfa(make_chain(*parse(std::string(1000, 'a')), {})));
}

TEST(Size, HostileSubjectsAreLinear) {
  // Lua's own matcher needs seconds to years for these.
  const std::pair<const char*, std::string> cases[] = {
      {kSsh, "SSH" + std::string(60000, '-')},
      {"a*a*a*a*a*b", std::string(60000, 'a')},
      {".-x.-x.-x.-y", std::string(60000, 'x')},
      {"(.-)=(.-)&(.-)=(.*)!$", std::string(60000, '=')},
  };
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& [text, subject] : cases) {
    const Chain chain = make_chain(*parse(text), {.bounds = true, .captures = true});
    EXPECT_FALSE(run(make_tdfa(chain).value(), chain, subject, 0)) << text;
    EXPECT_FALSE(run(make_two_pass(chain).value(), chain, subject, 0)) << text;
    EXPECT_FALSE(run(make_dfa(chain, std::nullopt).value(), subject, 0)) << text;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace perilune::pattern
