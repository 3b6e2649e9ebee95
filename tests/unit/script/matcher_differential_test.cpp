// Our matcher against Lua's own: exhaustively over small alphabets, and at random over everything a pattern can hold.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "matcher_comparison.h"

namespace perilune::script {
namespace {

/// All words over `alphabet` of up to `longest` letters, the empty one first.
std::vector<std::string> words(std::string_view alphabet, size_t longest) {
  std::vector<std::string> result = {""};
  for (size_t begin = 0, length = 0; length < longest; ++length) {
    const size_t end = result.size();
    for (size_t i = begin; i < end; ++i) {
      for (const char c : alphabet)
        result.push_back(result[i] + c);
    }
    begin = end;
  }
  return result;
}

void compare_all(std::string_view alphabet, size_t longest, std::string_view subject_alphabet, size_t longest_subject) {
  PatternComparison comparison;
  const std::vector<std::string> subjects = words(subject_alphabet, longest_subject);
  size_t cases = 0;
  for (const std::string& pattern : words(alphabet, longest)) {
    for (const std::string& subject : subjects) {
      ++cases;
      const std::string difference = comparison.difference({pattern, subject, "<%1>", 1});
      ASSERT_EQ(difference, "");
    }
  }
  EXPECT_GE(cases, 10'000U);
}

TEST(MatcherDifferential, EveryPatternOfThreeSymbols) {
  compare_all("ab.%[]()*-^$?+1fw", 3, "ab", 3);
}
TEST(MatcherDifferential, EveryPatternOfFourOperators) {
  compare_all("a.%[]()*-", 4, "ab", 3);
}
TEST(MatcherDifferential, EverySubjectOfFourLetters) {
  compare_all("ab*-?+$", 4, "ab", 4);
}
TEST(MatcherDifferential, EveryBracketOfFiveSymbols) {
  compare_all("[]^-%a", 5, "a-^", 2);
}

/// A range may end in '%'; a '%' behind it is then the last of its set, and escapes the bracket that closes it.
TEST(MatcherDifferential, RangesThatEndInPercent) {
  PatternComparison comparison;
  for (const char* pattern : {"[+-%%]", "[^+-%%]", "[!-%%]]", "[a+-%%]*", "([!-%%]+)"}) {
    for (const char* subject : {"]", "+", "%", "#]%", "a+,-]", "", "\\"}) {
      EXPECT_EQ(comparison.difference({pattern, subject, "<%0>", 1}), "");
    }
  }
}

class RandomPattern {
 public:
  explicit RandomPattern(uint64_t seed) : random_(seed) {}

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  char letter() {
    static constexpr std::string_view kLetters("aaabbbcAB01 -%].^$\0\xff\n", 21);
    return kLetters[below(kLetters.size())];
  }

  std::string subject() {
    std::string text;
    for (size_t n = below(16); n > 0; --n)
      text += letter();
    return text;
  }

  std::string single() {
    static constexpr std::string_view kClasses = "acdglpsuwxzACDGLPSUWXZ.-%]yY";
    switch (below(6)) {
      case 0:
        return ".";
      case 1:
        return std::string("%") + kClasses[below(kClasses.size())];
      case 2: {
        std::string set = below(3) == 0 ? "[^" : "[";
        for (size_t n = below(4) + 1; n > 0; --n) {
          switch (below(4)) {
            case 0:
              set += std::string("%") + kClasses[below(kClasses.size())];
              break;
            case 1:
              set += std::string("a-") + letter();
              break;
            default:
              set += letter();
          }
        }
        return set + (below(20) == 0 ? "" : "]");
      }
      default:
        return std::string(1, letter());
    }
  }

  std::string item() {
    static constexpr std::string_view kRepeats = "*+-?";
    switch (below(16)) {
      case 0:
        return "(";
      case 1:
        return ")";
      case 2:
        return "()";
      case 3:
        return std::string("%b") + letter() + letter();
      case 4:
        return "%f" + single();
      case 5:
        return std::string("%") + static_cast<char>('0' + below(4));
      case 6:
        return std::string(1, letter());
      case 7:
        return "(" + single() + ")";
      case 8:
        return "(" + single() + kRepeats[below(4)] + ")";
      case 9:
        return below(8) == 0 ? "%" : "$";
      default:
        return below(2) == 0 ? single() : single() + kRepeats[below(4)];
    }
  }

  std::string pattern() {
    std::string text = below(6) == 0 ? "^" : "";
    for (size_t n = below(6); n > 0; --n)
      text += item();
    if (below(8) == 0) text += '$';
    return text;
  }

  std::string replacement() {
    static constexpr std::string_view kParts[] = {"x", "%0", "%1", "%2", "%%", "%", "%a", "<", "%9"};
    std::string text;
    for (size_t n = below(4); n > 0; --n)
      text += kParts[below(below(8) == 0 ? 9 : 5)];
    return text;
  }

 private:
  std::mt19937_64 random_;
};

TEST(MatcherDifferential, RandomPatterns) {
  PatternComparison comparison;
  RandomPattern random(20141109);
  for (int i = 0; i < 320'000; ++i) {
    const std::string pattern = random.pattern();
    const std::string subject = random.subject();
    const std::string replacement = random.replacement();
    const auto init = static_cast<lua_Integer>(random.below(40)) - 20;
    ASSERT_EQ(comparison.difference({pattern, subject, replacement, random.below(3) == 0 ? init : 1}), "");
  }
}

std::string repeat(std::string_view text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i)
    result += text;
  return result;
}

// The limits of nesting and of captures are reached at the same pattern, not one earlier or later.
TEST(MatcherDifferential, LimitsOfNesting) {
  PatternComparison comparison;
  const std::string subject = repeat("a", 230);
  for (size_t count = 25; count < 40; ++count) {
    for (const std::string item : {"()", "(a)", "(a?)", "(", "(a", ")"}) {
      ASSERT_EQ(comparison.difference({repeat(item, count), subject, "%1", 1}), "");
    }
  }
  for (size_t count = 60; count < 215; ++count) {
    if (count > 80 && count < 190 && count % 20 != 0) continue;
    for (const std::string item : {"a?", "a-", "a*", ".-", "[ab]?", "a?b?"}) {
      // Anchored, and with a match at the first try: otherwise repetitions would be tried in every combination.
      for (const std::string tail : {"", "(a)", "%", "[", "a"}) {
        ASSERT_EQ(comparison.difference({"^" + repeat(item, count) + tail, subject, "%1", 1}), "");
      }
      for (const std::string tail : {"", "$", "b"}) {
        ASSERT_EQ(comparison.difference({"^" + repeat(item, count) + tail, "a", "%1", 1}), "");
      }
    }
  }
}

TEST(MatcherDifferential, LongSubjectsAndPatterns) {
  PatternComparison comparison;
  const std::string text = repeat("the quick brown fox, ", 300) + "SSH-2.0-OpenSSH_6.4\r\n" + repeat("lazy dog ", 200);
  for (const std::string pattern :
       {"SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n", "(%w+) (%w+)", "fo[xyz],", "%f[%w]%w+%f[%W]", "%s*$", "^the", "l%a-y",
        "", "SSSH", "()SSH()", "%-%d", "z%w* (d.g)$", "%bqk", "(q)(u)(i)(c)(k) .-%5"}) {
    ASSERT_EQ(comparison.difference({pattern, text, "%0", 1}), "");
    ASSERT_EQ(comparison.difference({pattern, text, "%1", -200}), "");
  }
  // Longer than what the cache of programs keeps.
  const std::string long_pattern = repeat("[^%d]", 400) + "%d";
  ASSERT_EQ(comparison.difference({long_pattern, text, "%0", 1}), "");
}

}  // namespace
}  // namespace perilune::script
