// The two ways a rule gets into the kernel.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "hooks/divert.h"
#include "hooks/divert/rule.h"

namespace perilune::hooks::divert {

/// Which rules of ours to remove.
enum class Which { kEnded, kAll };
[[nodiscard]] bool is_wanted(const Owner& owner, Which which);

/// Fails when nft is missing or the kernel cannot queue from nft; then nothing was changed.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_with_nft(const std::vector<Rule>& rules);
/// Fails when no iptables works here; then nothing was changed.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_with_iptables(const std::vector<Rule>& rules);
/// One of the two, whichever works here.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_rules(const std::vector<Rule>& rules);
/// With the interface's own name, and without what killed runs left behind: install_divert() for another process.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_for(const Owner& owner, DivertSpec spec,
                                                          const DivertQueues& queues, bool fail_open);

/// Remove rules of ours, adding descriptions of them to `removed`. A tool or kernel part that is missing holds no
/// rules: no error.
[[nodiscard]] Result<void> remove_from_nft(Which which, std::vector<std::string>& removed);
[[nodiscard]] Result<void> remove_from_iptables(Which which, std::vector<std::string>& removed);

}  // namespace perilune::hooks::divert
