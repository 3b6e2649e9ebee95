// Compiled matches against Lua's own string.find: short patterns on short subjects, patterns as people write them, and
// random ones, each for a yes or no, for bounds and captures, and compared with a text.
//   PERILUNE_MATCH_PAIRS  how many random pairs of pattern and subject (a multiple of 20)
//   PERILUNE_SEED         of the random ones
#include <gtest/gtest.h>

#include "../pattern/real_lua.h"
#include "match_runner.h"

namespace perilune::compiler {
namespace {

using pattern::number_from_environment;
using pattern::RandomCases;
using pattern::RealLua;
using pattern::RealMatch;
using pattern::shown;

class CompiledMatch : public testing::Test {
 protected:
  /// One pattern, compiled for every need.
  struct Compiled {
    Compiled(const pattern::Pattern& p, MatchRunner::How how)
        : parsed(p),
          values(p, {}, {.bounds = true, .captures = true, .equals = {}}, how),
          captures(p, {}, {.bounds = false, .captures = true, .equals = {}}, how),
          condition(p, {}, {}, how) {}
    [[nodiscard]] std::string problem() const { return values.problem + captures.problem + condition.problem; }
    const pattern::Pattern& parsed;
    MatchRunner values;
    MatchRunner captures;
    MatchRunner condition;
  };

  /// Empty when it does what Lua does.
  std::string difference(Compiled& compiled, std::string_view subject, size_t init) {
    std::string error;
    real_ = lua_.find(subject, compiled.parsed.text, init, error);
    if (!error.empty()) return "Lua raised: " + error;
    std::string wrong;
    if (compiled.condition.run(subject, init).matched != real_.has_value()) wrong += " condition";
    const RunMatch found = compiled.values.run(subject, init);
    if (found.matched != real_.has_value()) {
      wrong += " matched";
    } else if (real_ && (found.start != real_->start || found.end != real_->end)) {
      wrong += " bounds " + std::to_string(found.start) + ".." + std::to_string(found.end);
    } else if (real_ && found.captures != real_->captures) {
      wrong += " captures";
    }
    const RunMatch parts = compiled.captures.run(subject, init);
    if (parts.matched != real_.has_value() || (real_ && parts.captures != real_->captures)) wrong += " captures alone";
    return wrong + compiled.problem();
  }

  /// Of match(pattern) == text, when difference() was asked just before.
  std::string comparison_difference(const pattern::Pattern& pattern, std::string_view subject, size_t init,
                                    const std::string& text, MatchRunner::How how) {
    MatchRunner runner(pattern, {}, {.bounds = false, .captures = false, .equals = text}, how);
    if (!runner.problem.empty()) return runner.problem;
    const bool is_position = !pattern.captures.empty() && pattern.captures[0];
    const bool equal = real_ && !is_position && first_capture(pattern, subject) == text;
    const bool ours = runner.run(subject, init).matched;
    return (ours == equal ? "" : " == " + shown(text)) + runner.problem;
  }

  std::string first_capture(const pattern::Pattern& pattern, std::string_view subject) const {
    return pattern.captures.empty() ? std::string(subject.substr(static_cast<size_t>(real_->start),
                                                                 static_cast<size_t>(real_->end - real_->start)))
                                    : real_->captures[0];
  }

  RealLua lua_;
  std::optional<RealMatch> real_;
};

TEST_F(CompiledMatch, AllShortPatternsOnAllShortSubjects) {
  const std::string_view alphabet = "ab.*-?()$^";
  const uint64_t longest = number_from_environment("PERILUNE_MATCH_LENGTH", 3);
  std::vector<std::string> subjects = {""};
  for (size_t i = 0; subjects[i].size() < 4; ++i) {
    subjects.push_back(subjects[i] + 'a');
    subjects.push_back(subjects[i] + 'b');
  }
  std::vector<std::string> patterns = {""};
  size_t pairs = 0;
  for (size_t i = 0; i < patterns.size() && !HasFailure(); ++i) {
    const std::string text = patterns[i];
    if (text.size() < longest) {
      for (const char c : alphabet)
        patterns.push_back(text + c);
    }
    const auto pattern = pattern::parse(text);
    if (!pattern) continue;
    const MatchRunner::How how{.checked = true, .init_is_zero = true};
    Compiled compiled(*pattern, how);
    ASSERT_EQ(compiled.problem(), "") << shown(text);
    for (const std::string& subject : subjects) {
      EXPECT_EQ(difference(compiled, subject, 0), "") << shown(text) << " on " << shown(subject);
      ++pairs;
    }
  }
  EXPECT_GT(pairs, 10000U);
}

TEST_F(CompiledMatch, PatternsAsPeopleWriteThem) {
  const std::string_view subjects[] = {
      "SSH-2.0-OpenSSH_6.4\r\n",
      "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.5\r\n",
      "xxSSHSSH-1.99-Cisco-1.25\n",
      "SSH-----------------------------\r\n",
      "SSH-2.0",
      "SSH-2.0-\r\n",
      "GET /admin HTTP/1.1\r\nHost: evil.example.com\r\nUser-Agent: sqlmap/1.0\r\n\r\n",
      "POST / HTTP/1.0\r\nHost:\r\nuser-agent: curl\r\n\r\n",
      "Host: a\rHost: b\nHost: c",
      "Host: one\r\nHost: two\r\n",
      "HHost: one\nHost: two\r\n",
      std::string_view("abc\0def\0", 8),
      std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
      "a.b.c.example.com",
      "192.168.0.1 and 10.0.0.255",
      "key=value; other=thing;last=1",
      "user@example.com, root@localhost",
      "' OR 1=1 --",
      "UNION  select a from b",
      "../../etc/passwd",
      "",
      "a",
      "0123456789abcdef0123456789abcdef0123456789abcdefSSH-2.0-x",
      "ababababababababababab",
      "aXbXcXdX.baX.baX.b",
  };
  const char* patterns[] = {
      "SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n",
      "^SSH%-[%d.]+%-([^ \r\n]+)",
      "SSH%-[%d.]+%-([^ \r\n]+)",
      "^[^%z]*%z",
      "^([^%z]*)%z([^%z]*)%z",
      "%.(.*)",
      "^([^.]+)%.(.*)$",
      "Host: *([%w.-]+)",
      "Host: ([^\r\n]*)\r\n",
      "Host: (.-)\r\n",
      "[Hh]ost: (.-)\r\n",
      "[Uu][Ss][Ee][Rr]%-[Aa]gent: *(%w+)/?([%d.]*)",
      "^(%u+) (%S+) HTTP/(%d)%.(%d)\r\n",
      "^GET ",
      "^GET /admin",
      "(%d+)%.(%d+)%.(%d+)%.(%d+)",
      "([%w_]+)=([^;]*)",
      "([%w.]+)@([%w.]+)",
      "%f[%w]%w+%f[%W]",
      "()%f[%d]%d+()",
      "^%x+$",
      "^..%z",
      "[Uu][Nn][Ii][Oo][Nn]%s+[Ss][Ee][Ll][Ee][Cc][Tt]",
      "' *[Oo][Rr] +(%d)=%1?%d",
      "%.%./",
      "passwd$",
      "SSH",
      "S",
      "0123456789abcdef",
      "abab",
      "^$",
      "$",
      "^",
      "",
      "()",
      "(a*)(.-)$",
      "aX[^b]*b[^c]*c",
      "ab?b*X()",
      "(.*)b(.*)",
      "a..........b",
      "\r\n(.*)",
      "x?SSH%-()",
  };
  size_t matching = 0;
  for (const char* text : patterns) {
    const auto pattern = pattern::parse(text);
    ASSERT_TRUE(pattern) << text;
    if (!pattern->not_regular.empty()) continue;
    for (const bool checked : {true, false}) {
      const MatchRunner::How how{.checked = checked};
      Compiled compiled(*pattern, how);
      ASSERT_EQ(compiled.problem(), "") << text;
      for (const std::string_view subject : subjects) {
        for (size_t init = 0; init <= subject.size(); init += init < 4 ? 1 : 7) {
          EXPECT_EQ(difference(compiled, subject, init), "") << shown(text) << " on " << shown(subject) << " " << init;
          matching += real_ ? 1 : 0;
          if (!checked || init > 0 || !real_) continue;
          const std::string captured = first_capture(*pattern, subject);
          for (const std::string& other : {captured, captured + "x"}) {
            EXPECT_EQ(comparison_difference(*pattern, subject, init, other, how), "")
                << shown(text) << " on " << shown(subject) << " " << init;
          }
        }
      }
    }
  }
  EXPECT_GT(matching, 1000U);
}

TEST_F(CompiledMatch, RandomPatternsAndSubjects) {
  const uint64_t wanted = number_from_environment("PERILUNE_MATCH_PAIRS", 4000);
  const uint64_t seed = number_from_environment("PERILUNE_SEED", 1);
  RandomCases random(seed);
  uint64_t matching = 0;
  for (uint64_t pairs = 0; pairs < wanted && !HasFailure();) {
    std::string text = random.pattern();
    if (random.below(3) == 0) {  // a literal in front lets scans begin
      text.insert(text.starts_with('^') ? 1 : 0, random.below(2) == 0 ? "ab" : "[Aa]");
    }
    const auto pattern = pattern::parse(text);
    ASSERT_TRUE(pattern) << shown(text) << ": " << pattern.error();
    const MatchRunner::How how{.checked = random.below(4) == 0, .init_is_zero = false};
    Compiled compiled(*pattern, how);
    ASSERT_EQ(compiled.problem(), "") << shown(text);
    for (int i = 0; i < 20; ++i, ++pairs) {
      const std::string subject = random.subject(i < 12 ? 12 : 70);
      const size_t init = random.below(3) == 0 ? random.below(static_cast<uint32_t>(subject.size()) + 1) : 0;
      std::string wrong = difference(compiled, subject, init);
      matching += real_ ? 1 : 0;
      if (i % 10 == 0) {
        std::string other(random.below(4), random.byte());
        if (real_ && random.below(4) != 0) other = first_capture(*pattern, subject);
        wrong += comparison_difference(*pattern, subject, init, other, how);
      }
      EXPECT_EQ(wrong, "") << shown(text) << " on " << shown(subject) << " from " << init << ", seed " << seed;
    }
  }
  EXPECT_GT(matching, wanted / 10);
}

TEST_F(CompiledMatch, PlainTextsAreFoundAsTheyStand) {
  RandomCases random(3);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (uint32_t length = random.below(20); length > 0; --length)
      text += "ab.)"[random.below(round % 2 == 0 ? 4 : 2)];
    MatchRunner runner(std::nullopt, text, {}, {.checked = round % 2 == 0});
    ASSERT_EQ(runner.problem, "");
    for (int i = 0; i < 20; ++i) {
      std::string subject = random.subject(60);
      if (i % 2 == 0) subject.insert(random.below(static_cast<uint32_t>(subject.size()) + 1), text);
      const size_t init = random.below(static_cast<uint32_t>(subject.size()) + 1);
      const size_t at = subject.find(text, init);
      const RunMatch found = runner.run(subject, init);
      ASSERT_EQ(found.matched, at != std::string::npos) << shown(text) << " in " << shown(subject);
      if (!found.matched) continue;
      EXPECT_EQ(found.start, static_cast<int64_t>(at)) << shown(text) << " in " << shown(subject);
      EXPECT_EQ(found.end, static_cast<int64_t>(at + text.size()));
    }
  }
}

TEST_F(CompiledMatch, WhatIsTooLargeIsRefusedWithTheReason) {
  const auto refusal = [](const std::string& text, int64_t most) {
    return MatchRunner(*pattern::parse(text), {}, {.bounds = true, .captures = false, .equals = {}}, {.most = most})
        .problem;
  };
  EXPECT_EQ(refusal("x%b()", 100), "it has a balanced match, %b()");
  EXPECT_EQ(refusal("(a)%1", 100), "it has a back-reference, %1");
  const std::string dots = "%w................b";
  EXPECT_EQ(refusal(dots, 3900), "");
  EXPECT_EQ(refusal(dots, 3901),
            "its automaton becomes too large, and without one it needs a subject of at most 3900 bytes");
  EXPECT_EQ(refusal(dots + std::string(60, 'c'), 100),
            "its automaton becomes too large, and it has more than 62 items");
}

TEST_F(CompiledMatch, TwoPassesWhereAutomataAreTooLarge) {
  RandomCases random(5);
  for (const char* text : {"a*................b", "(a-)b................()%f[b]c?(a*)b", "a+................b$",
                           "%f[^c]a*(.)................[ab](.-)c"}) {
    const auto pattern = pattern::parse(text);
    const MatchRunner::How how{.checked = true};
    Compiled compiled(*pattern, how);
    ASSERT_EQ(compiled.problem(), "") << text;
    int matching = 0;
    for (int i = 0; i < 300; ++i) {
      std::string subject;
      for (uint32_t length = random.below(60); length > 0; --length)
        subject += "abc"[random.below(3)];
      const size_t init = random.below(4) == 0 ? random.below(static_cast<uint32_t>(subject.size()) + 1) : 0;
      EXPECT_EQ(difference(compiled, subject, init), "") << text << " on " << subject << " " << init;
      matching += real_ ? 1 : 0;
    }
    EXPECT_GT(matching, 20) << text;
  }
}

TEST_F(CompiledMatch, LongAndHostileSubjectsTakeLinearTime) {
  struct Case {
    const char* pattern;
    std::string subject;
  };
  const std::string long_text(60000, 'a');
  const Case cases[] = {
      {"SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n", "SSH" + std::string(60000, '-')},
      {"a*a*a*a*a*b", long_text},
      {"aX[^b]*b[^c]*d",
       [] {
         std::string text;
         while (text.size() < 60000)
           text += "aX.baX.";
         return text;
       }()},
      {"a[^b]*b", long_text},
      {"a(.-)b", long_text},
      {"aaaaaaab", long_text},
      {"ab([^c]*)d",
       [] {
         std::string text;
         while (text.size() < 60000)
           text += "ab";
         return text;
       }()},
  };
  for (const Case& c : cases) {
    const auto pattern = pattern::parse(c.pattern);
    Compiled compiled(*pattern, {.checked = false, .most = 65000});
    ASSERT_EQ(compiled.problem(), "") << c.pattern;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(compiled.condition.run(c.subject, 0).matched);
    EXPECT_FALSE(compiled.values.run(c.subject, 0).matched);
    const auto taken = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(taken, std::chrono::milliseconds(100)) << c.pattern;
  }
}

}  // namespace
}  // namespace perilune::compiler
