// A divert rule in the languages of iptables and nft: pure functions, no command is run here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hooks/divert.h"
#include "hooks/divert/owner.h"

namespace perilune::hooks::divert {

struct Rule {
  DivertSpec spec;
  QueueRange queues;
  bool fail_open = false;
  Owner owner;
};

/// The rules that spread packets over the queues, in the order in which the firewall must try them.
[[nodiscard]] std::vector<Rule> rules_for(const DivertSpec& spec, const DivertQueues& queues, bool fail_open,
                                          const Owner& owner);

/// INPUT, OUTPUT or FORWARD.
[[nodiscard]] std::string_view iptables_chain(packet::Direction direction);
/// What follows "-I CHAIN".
[[nodiscard]] std::vector<std::string> iptables_rule(const Rule& rule, bool ipv6);
/// A line of "iptables -S" as words: quotes and backslashes are taken away.
[[nodiscard]] std::vector<std::string> iptables_words(std::string_view line);
/// Whose rule it is, when it is one of ours.
[[nodiscard]] std::optional<Owner> iptables_owner(const std::vector<std::string>& words);

/// The queues it sends to.
[[nodiscard]] std::vector<QueueRange> iptables_queues(const std::vector<std::string>& words);

/// The name of the table that holds the rules of a process.
[[nodiscard]] std::string nft_table(const Owner& owner);
/// Whose table it is, by its name.
[[nodiscard]] std::optional<Owner> nft_owner(std::string_view table);
/// The queues that the rules send to, of what "nft list table" prints.
[[nodiscard]] std::vector<QueueRange> nft_queues(std::string_view listing);
/// Input for "nft -f": the table with one chain and its rules, which are of one process and direction.
[[nodiscard]] std::string nft_ruleset(const std::vector<Rule>& rules);

}  // namespace perilune::hooks::divert
