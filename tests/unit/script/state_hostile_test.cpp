// The scripts of tests/hostile, each in a state of its own, without the program around it.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <regex.h>

#include "state_helpers.h"

namespace perilune::script {
namespace {

std::vector<std::string> hostile_scripts() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(PERILUNE_SOURCE_DIR "/tests/hostile")) {
    // What results mean is not the state's business.
    if (entry.path().extension() == ".lua" && !entry.path().stem().string().starts_with("result_")) {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Whether `text` has a match of the extended regular expression `pattern`.
bool contains(const std::string& text, const std::string& pattern) {
  regex_t compiled;
  if (regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
  const bool found = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return found;
}

class Hostile : public testing::TestWithParam<std::string> {};

TEST_P(Hostile, EndsAsExpectedAndLaterCallsWork) {
  const std::string path = std::string(PERILUNE_SOURCE_DIR "/tests/hostile/") + GetParam() + ".lua";
  std::string first_line;
  std::ifstream file(path);
  ASSERT_TRUE(std::getline(file, first_line));
  constexpr std::string_view kExpect = "-- expect ";
  ASSERT_TRUE(first_line.starts_with(kExpect)) << first_line;
  const size_t colon = first_line.find(": ");
  const std::string kind =
      first_line.substr(kExpect.size(), colon == std::string::npos ? colon : colon - kExpect.size());
  ASSERT_TRUE(kind == "packet" || kind == "load" || kind == "refused" || kind == "fine") << first_line;
  ASSERT_EQ(kind == "fine", colon == std::string::npos) << first_line;
  std::string wanted = kind == "fine" ? "" : first_line.substr(colon + 2);
  // Where the machine is slow, a script that should spend its instructions may run out of time first.
  if (wanted.find("instruction budget spent") != std::string::npos) wanted += "|time limit reached";

  const auto begin = std::chrono::steady_clock::now();
  Options options;
  options.limits.load_instructions = 20'000'000;  // the default takes seconds to spend
  auto state = State::load_file(path, options);
  if (kind == "load") {
    ASSERT_FALSE(state);
    EXPECT_TRUE(contains(to_text(state.error().front()), wanted)) << to_text(state.error().front());
    return;
  }
  ASSERT_TRUE(state) << to_text(state.error().front());
  const std::string first = call(**state, 1);
  if (kind == "fine") {
    EXPECT_EQ(first, "true");
  } else if (kind == "refused") {  // not here: the state runs what the commands refuse, and there is no such global
    EXPECT_TRUE(first.starts_with("error: ") && contains(first, "a nil value")) << first.substr(0, 500);
  } else {
    EXPECT_TRUE(first.starts_with("error: ") && contains(first, wanted)) << first.substr(0, 500);
    EXPECT_EQ((*state)->error().file, path);
    EXPECT_GT((*state)->error().line, 2U);
  }
  EXPECT_EQ(call(**state, 2), "false");
  EXPECT_EQ(call(**state, 3), "true");
  EXPECT_LE((*state)->memory_used(), (*state)->options().limits.memory + 8192);
  // Generous: the machine may be slow or busy, and the sanitizers are. Without limits these scripts run for ever.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

INSTANTIATE_TEST_SUITE_P(Scripts, Hostile, testing::ValuesIn(hostile_scripts()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace perilune::script
