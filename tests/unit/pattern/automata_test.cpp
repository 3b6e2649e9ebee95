// Every automaton against Lua's own string.find: all short patterns on all short subjects, then random ones.
//   PERILUNE_PATTERN_PAIRS  how many random pairs of pattern and subject (a multiple of 20)
//   PERILUNE_PATTERN_LENGTH how long the exhaustive ones are
//   PERILUNE_SEED           of the random ones
#include <algorithm>

#include <gtest/gtest.h>

#include "pattern/dfa.h"
#include "pattern/facts.h"
#include "pattern/tdfa.h"
#include "pattern/two_pass.h"
#include "real_lua.h"

namespace perilune::pattern {
namespace {

std::vector<std::string> texts_of(const Match& match, const Pattern& pattern, std::string_view subject) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < match.captures.size(); ++i) {
    const Span& span = match.captures[i];
    texts.push_back(pattern.captures[i] ? std::to_string(span.start + 1)
                                        : std::string(subject.substr(static_cast<size_t>(span.start),
                                                                     static_cast<size_t>(span.end - span.start))));
  }
  return texts;
}

bool begins_with(const std::vector<MaskedByte>& prefix, std::string_view subject, size_t at) {
  if (subject.size() - at < prefix.size()) return false;
  for (size_t i = 0; i < prefix.size(); ++i) {
    if ((static_cast<uint8_t>(subject[at + i]) & prefix[i].mask) != prefix[i].value) return false;
  }
  return true;
}

/// One pattern, all automata made of it.
class Machines {
 public:
  explicit Machines(const Pattern& pattern)
      : pattern_(pattern),
        chain_(make_chain(pattern, {.bounds = true, .captures = true})),
        facts_(facts_of(chain_)),
        tdfa_(make_tdfa(chain_)),
        dfa_(make_dfa(chain_, std::nullopt)),
        two_pass_(make_two_pass(chain_)) {}

  [[nodiscard]] bool complete() const { return tdfa_ && dfa_ && two_pass_; }

  /// Empty when all agree with Lua.
  std::string difference(RealLua& lua, std::string_view subject, size_t init, bool& matched) {
    std::string error;
    const auto real = lua.find(subject, pattern_.text, init, error);
    if (!error.empty()) return "Lua raised: " + error;
    matched = real.has_value();
    std::string wrong;
    if (dfa_ && run(*dfa_, subject, init) != matched) wrong += " dfa";
    const auto compare = [&](const std::optional<Match>& ours, const char* name) {
      if (ours.has_value() != matched) {
        wrong += std::string(" ") + name + (matched ? " finds nothing" : " finds something");
      } else if (matched && (ours->whole.start != real->start || ours->whole.end != real->end)) {
        wrong += std::string(" ") + name + " bounds";
      } else if (matched && texts_of(*ours, pattern_, subject) != real->captures) {
        wrong += std::string(" ") + name + " captures";
      }
    };
    if (tdfa_) compare(run(*tdfa_, chain_, subject, init), "tdfa");
    if (two_pass_) compare(run(*two_pass_, chain_, subject, init), "two-pass");
    if (matched) check_facts(*real, subject, wrong);
    return wrong;
  }

  /// Of `match(pattern) == text`, for a text that is captured and one that nearly is.
  std::string folded_difference(RealLua& lua, std::string_view subject, size_t init, const std::string& text) {
    const auto folded = make_dfa(chain_, text);
    if (!folded) return {};
    std::string error;
    const auto real = lua.find(subject, pattern_.text, init, error);
    bool equal = false;
    if (real) {
      const std::string found = pattern_.captures.empty()
                                    ? std::string(subject.substr(static_cast<size_t>(real->start),
                                                                 static_cast<size_t>(real->end - real->start)))
                                    : real->captures[0];
      equal = found == text;
    }
    return run(*folded, subject, init) == equal ? "" : " folded with " + shown(text);
  }

 private:
  void check_facts(const RealMatch& real, std::string_view subject, std::string& wrong) const {
    if (real.end - real.start < facts_.least) wrong += " least length";
    if (!begins_with(facts_.prefix, subject, static_cast<size_t>(real.start))) wrong += " prefix";
    bool found = false;
    for (auto at = static_cast<size_t>(real.start); at <= static_cast<size_t>(real.end); ++at) {
      if (facts_.factor_at >= 0 && at != static_cast<size_t>(real.start + facts_.factor_at)) continue;
      found = found || begins_with(facts_.factor, subject, at);
    }
    if (!found && !facts_.factor.empty()) wrong += " factor";
  }

  const Pattern& pattern_;
  Chain chain_;
  Facts facts_;
  std::optional<Tdfa> tdfa_;
  std::optional<Dfa> dfa_;
  std::optional<TwoPass> two_pass_;
};

TEST(Automata, AllShortPatternsOnAllShortSubjects) {
  const std::string_view alphabet = "ab.*-?()$^";
  const auto longest = static_cast<uint32_t>(number_from_environment("PERILUNE_PATTERN_LENGTH", 4));
  std::vector<std::string> subjects = {""};
  for (size_t i = 0; subjects[i].size() < 4; ++i) {
    subjects.push_back(subjects[i] + 'a');
    subjects.push_back(subjects[i] + 'b');
  }
  ASSERT_EQ(subjects.size(), 31U);
  RealLua lua;
  std::vector<std::string> patterns = {""};
  size_t pairs = 0;
  size_t malformed = 0;
  size_t failures = 0;
  std::string error;
  for (size_t i = 0; i < patterns.size() && failures < 10; ++i) {
    const std::string text = patterns[i];
    if (text.size() < longest) {
      for (const char c : alphabet)
        patterns.push_back(text + c);
    }
    const auto pattern = parse(text);
    if (!pattern) {
      ++malformed;
      for (const std::string& subject : subjects) {
        const auto real = lua.find(subject, text, 0, error);
        EXPECT_FALSE(real) << shown(text) << " on " << shown(subject) << ": " << pattern.error();
        if (!error.empty()) {
          EXPECT_EQ(error, pattern.error()) << shown(text);
        }
        failures += real ? 1 : 0;
      }
      continue;
    }
    ASSERT_TRUE(pattern->not_regular.empty());
    Machines machines(*pattern);
    ASSERT_TRUE(machines.complete()) << shown(text);
    for (const std::string& subject : subjects) {
      bool matched = false;
      const std::string wrong = machines.difference(lua, subject, 0, matched);
      EXPECT_EQ(wrong, "") << shown(text) << " on " << shown(subject);
      failures += wrong.empty() ? 0 : 1;
      ++pairs;
    }
  }
  EXPECT_GT(pairs, malformed);
  RecordProperty("pairs", std::to_string(pairs));
}

TEST(Automata, RandomPatternsAndSubjects) {
  const uint64_t wanted = number_from_environment("PERILUNE_PATTERN_PAIRS", 40000);
  const uint64_t seed = number_from_environment("PERILUNE_SEED", 1);
  RandomCases random(seed);
  RealLua lua;
  uint64_t pairs = 0;
  uint64_t matching = 0;
  size_t failures = 0;
  while (pairs < wanted && failures < 10) {
    const std::string text = random.pattern();
    const auto pattern = parse(text);
    ASSERT_TRUE(pattern) << shown(text) << ": " << pattern.error();
    Machines machines(*pattern);
    for (int i = 0; i < 20; ++i, ++pairs) {
      const std::string subject = random.subject(i < 15 ? 12 : 40);
      const size_t init = random.below(3) == 0 ? random.below(static_cast<uint32_t>(subject.size()) + 1) : 0;
      bool matched = false;
      std::string wrong = machines.difference(lua, subject, init, matched);
      matching += matched ? 1 : 0;
      if (i % 4 == 0) {
        std::string error;
        std::string text_to_fold(random.below(4), random.byte());
        const auto real = lua.find(subject, text, init, error);
        if (real && random.below(4) != 0) {
          text_to_fold = pattern->captures.empty() ? subject.substr(static_cast<size_t>(real->start),
                                                                    static_cast<size_t>(real->end - real->start))
                                                   : real->captures[0];
          if (pattern->captures.empty() || !pattern->captures[0]) {
            wrong += machines.folded_difference(lua, subject, init, text_to_fold);
          }
          text_to_fold += random.byte();
        }
        if (pattern->captures.empty() || !pattern->captures[0]) {
          wrong += machines.folded_difference(lua, subject, init, text_to_fold);
        }
      }
      EXPECT_EQ(wrong, "") << shown(text) << " on " << shown(subject) << " from " << init << ", seed " << seed;
      failures += wrong.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(matching, pairs / 5);
  RecordProperty("pairs", std::to_string(pairs));
  RecordProperty("matching", std::to_string(matching));
}

}  // namespace
}  // namespace perilune::pattern
