// The two ways a rule gets into the kernel.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "hooks/divert.h"
#include "hooks/divert/rule.h"

namespace perilune::hooks::divert {

/// A rule of ours, or an nft table of such rules, that is in place.
struct FoundRule {
  Owner owner;
  std::string description;
  std::vector<std::string> removal;  // the command that removes it
  std::vector<QueueRange> queues;    // that it sends to
};

/// Null when nft is missing or the kernel cannot queue from nft, as `why_not` says; then nothing was changed. An error
/// means that rules may be in place.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_with_nft(const std::vector<Rule>& rules, std::string& why_not);
/// Fails when no iptables works here; nothing was changed then, unless the error says so.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_with_iptables(const std::vector<Rule>& rules);
/// What to say when something failed after an installation: it is taken back, and the error says so if that fails
/// too.
[[nodiscard]] Error withdrawn(Error error, Divert& installed);
/// One of the two, whichever works here.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_rules(const std::vector<Rule>& rules);
/// With the interface's own name, and without what killed runs left behind: install_divert() for another process.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_for(const Owner& owner, DivertSpec spec,
                                                          const DivertQueues& queues, bool fail_open);

/// Rules of ours in this network namespace, appended to `found`. A tool or kernel part that is missing holds no rules:
/// no error.
[[nodiscard]] Result<void> find_in_nft(std::vector<FoundRule>& found);
[[nodiscard]] Result<void> find_in_iptables(std::vector<FoundRule>& found);

}  // namespace perilune::hooks::divert
