// How commands declare and read options of the same kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "packet/policy.h"

namespace CLI {
class App;
}

namespace perilune::cli {

/// An option that takes one of these words.
void add_choice(CLI::App& app, const std::string& option, std::string& word, const std::string& what,
                const std::vector<std::string>& words, const std::string& group);

/// The value of an option that takes a size (parse_bytes) or a count (parse_count): an empty text, which was not given,
/// leaves `target` as it is. A mistake is the user's fault and names the option.
[[nodiscard]] Result<void> read_bytes(const char* option, const std::string& text, uint64_t& target);
[[nodiscard]] Result<void> read_count(const char* option, const std::string& text, uint64_t& target);

/// --default, --on-error, --malformed and --non-ip as they were written; empty: not given.
struct PolicyWords {
  std::string on_default;
  std::string on_error;
  std::string malformed;
  std::string non_ip;
};

/// `keeps`: what is not given stays as it is (reload), so the help names no default.
void declare_policy(CLI::App& app, PolicyWords& words, const std::string& group, bool keeps = false);
/// What is given replaces what `policy` has.
[[nodiscard]] packet::Policy understand_policy(const PolicyWords& words, packet::Policy policy);

}  // namespace perilune::cli
