#include "options.h"

#include <algorithm>
#include <charconv>

namespace perilune::parity {
namespace {

constexpr uint64_t kMostJobs = 256;

Result<uint64_t> number(std::string_view option, std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return input_error(fmt::format("{} needs a number, not '{}'", option, text));
  }
  return value;
}

}  // namespace

Result<Options> parse_options(std::span<char*> words) {
  Options options;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (!word.starts_with("--")) {
      options.scripts.emplace_back(word);
      continue;
    }
    if (word == "--list") {
      options.list = true;
      continue;
    }
    if (word == "--tables") {
      options.tables = true;
      continue;
    }
    if (word == "--whole") {
      options.whole = true;
      continue;
    }
    if (word == "--in-turn") {
      options.in_turn = true;
      continue;
    }
    if (word == "--print") {
      options.print = true;
      continue;
    }
    if (word == "--progress") {
      options.progress = true;
      continue;
    }
    if (i + 1 == words.size()) return input_error(fmt::format("{} needs a value, or is unknown", word));
    const std::string_view value = words[++i];
    if (word == "--captures") {
      options.captures.emplace_back(value);
    } else if (word == "--engine") {
      options.engines.emplace_back(value);
    } else if (word == "--most" || word == "--seed" || word == "--random" || word == "--jobs") {
      const Result<uint64_t> parsed = number(word, value);
      if (!parsed) return tl::make_unexpected(parsed.error());
      if (word == "--most") options.most = static_cast<unsigned>(*parsed);
      if (word == "--seed") options.seed = *parsed;
      if (word == "--random") options.random = *parsed;
      if (word == "--jobs") options.jobs = static_cast<unsigned>(std::clamp<uint64_t>(*parsed, 1, kMostJobs));
    } else {
      return input_error(fmt::format("unknown option {}", word));
    }
  }
  return options;
}

}  // namespace perilune::parity
