#include "cli/options.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/spelling.h"
#include "cli/units.h"

namespace perilune::cli {
namespace {

Result<void> read_number(const char* option, const std::string& text, Result<uint64_t> (*parse)(std::string_view),
                         uint64_t& target) {
  if (text.empty()) return {};
  const Result<uint64_t> number = parse(text);
  if (!number) return input_error(fmt::format("{}: {}", option, number.error().message), number.error().hint);
  target = *number;
  return {};
}

}  // namespace

void add_choice(CLI::App& app, const std::string& option, std::string& word, const std::string& what,
                const std::vector<std::string>& words, const std::string& group) {
  const std::string list = fmt::format("{}", fmt::join(words, "|"));
  const CLI::Validator check(
      [words, list](std::string& value) -> std::string {
        if (std::find(words.begin(), words.end(), value) != words.end()) return {};
        return fmt::format("'{}' is not one of {}{}", value, list, aside(did_you_mean(value, words)));
      },
      "", "one of");
  app.add_option(option, word, what)->check(check)->type_name(list)->group(group);
}

Result<void> read_bytes(const char* option, const std::string& text, uint64_t& target) {
  return read_number(option, text, parse_bytes, target);
}

Result<void> read_count(const char* option, const std::string& text, uint64_t& target) {
  return read_number(option, text, parse_count, target);
}

void declare_policy(CLI::App& app, PolicyWords& words, const std::string& group, bool keeps) {
  const auto add = [&](const char* option, std::string& word, const std::string& what, std::string_view by_default,
                       const std::vector<std::string>& choices) {
    const std::string otherwise = keeps ? std::string() : fmt::format(" (default: {})", by_default);
    add_choice(app, option, word, what + otherwise, choices, group);
  };
  const packet::Policy policy;
  add("--default", words.on_default, "Verdict when the script has no opinion", to_string(policy.on_default),
      {"pass", "block"});
  add("--on-error", words.on_error, "Verdict when the script fails on a packet", to_string(policy.on_error),
      {"block", "pass"});
  add("--malformed", words.malformed, "Verdict for packets whose headers lie, without\nasking the script",
      to_string(policy.on_malformed), {"pass", "block"});
  add("--non-ip", words.non_ip, "Frames without IP (ARP, ...): pass or block them\nwithout asking, or ask the script",
      to_string(policy.non_ip), {"pass", "block", "ask"});
}

packet::Policy understand_policy(const PolicyWords& words, packet::Policy policy) {
  // An option that was not given is an empty word, which is none of theirs.
  policy.on_default = packet::parse_verdict(words.on_default).value_or(policy.on_default);
  policy.on_error = packet::parse_verdict(words.on_error).value_or(policy.on_error);
  policy.on_malformed = packet::parse_verdict(words.malformed).value_or(policy.on_malformed);
  policy.non_ip = packet::parse_non_ip(words.non_ip).value_or(policy.non_ip);
  return policy;
}

}  // namespace perilune::cli
