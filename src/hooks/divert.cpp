#include "hooks/divert.h"

#include <fmt/format.h>
#include <linux/capability.h>

#include "base/capabilities.h"
#include "base/command.h"
#include "bpf/interfaces.h"
#include "hooks/divert/backend.h"

namespace perilune::hooks {

namespace divert {

namespace {

Result<void> check_privileges(const std::string& what) {
  if (has_capability(CAP_NET_ADMIN)) return {};
  return system_error(fmt::format("{} needs CAP_NET_ADMIN", what), grant_hint());
}

Result<std::vector<FoundRule>> find_rules() {
  std::vector<FoundRule> found;
  if (auto done = find_in_nft(found); !done) return tl::make_unexpected(done.error());
  if (auto done = find_in_iptables(found); !done) return tl::make_unexpected(done.error());
  return found;
}

Result<void> remove_rule(const FoundRule& rule) {
  const auto done = run_command(rule.removal);
  if (!done) return tl::make_unexpected(done.error());
  if (done->status == 0) return {};
  return system_error(fmt::format("{} failed: {}", to_line(rule.removal), done->errors));
}

/// With the rules of this run in place, what ended runs of the same filter left behind goes.
class WithNotes final : public Divert {
 public:
  explicit WithNotes(std::unique_ptr<Divert> installed) : installed_(std::move(installed)) {}

  [[nodiscard]] std::vector<std::string> description() const override { return installed_->description(); }
  [[nodiscard]] std::vector<std::string> notes() const override {
    std::vector<std::string> all = installed_->notes();
    all.insert(all.end(), notes_.begin(), notes_.end());
    return all;
  }
  Result<void> remove() override { return installed_->remove(); }

  Result<void> replace_leftovers(const Owner& owner) {
    const auto found = find_rules();
    if (!found) return tl::make_unexpected(found.error());
    for (const FoundRule& rule : *found) {
      const auto running = may_be_running(rule.owner);
      if (!running) return tl::make_unexpected(running.error());
      if (*running) continue;
      if (is_same_filter(rule.owner, owner)) {
        if (auto removed = remove_rule(rule); !removed) return removed;
      } else {
        notes_.push_back(fmt::format(
            "another filter's run has ended without being asked to, and its rule stays, because what it diverts would "
            "pass without it: {}; start that filter again, or remove the rule with: {}",
            rule.description, to_line(rule.removal)));
      }
    }
    return {};
  }

 private:
  std::unique_ptr<Divert> installed_;
  std::vector<std::string> notes_;
};

}  // namespace

Error withdrawn(Error error, Divert& installed) {
  if (const auto removed = installed.remove(); !removed) {
    error.message += fmt::format("; the rule that was in place already stays, and nothing passes there: {}",
                                 removed.error().message);
    error.hint = "remove it with: perilune run --undivert";
  }
  return error;
}

Result<std::unique_ptr<Divert>> install_rules(const std::vector<Rule>& rules) {
  std::string why_not_nft;
  auto with_nft = install_with_nft(rules, why_not_nft);
  if (!with_nft || *with_nft) return with_nft;
  auto with_iptables = install_with_iptables(rules);
  if (with_iptables) return with_iptables;
  return system_error(
      fmt::format("cannot put the divert rule in place: {}; {}", with_iptables.error().message, why_not_nft),
      with_iptables.error().hint);
}

Result<std::unique_ptr<Divert>> install_for(const Owner& owner, DivertSpec spec, const DivertQueues& queues,
                                            bool fail_open) {
  if (auto may = check_privileges("putting the divert rule in place"); !may) return tl::make_unexpected(may.error());
  if (!spec.interface.empty()) {
    const auto found = bpf::find_interface(spec.interface);
    const bool awaited = spec.wait_for_interface && !found && found.error().fault == Fault::kInput;
    if (!found && !awaited) {
      const bool absent = found.error().fault == Fault::kInput;
      return tl::make_unexpected(
          Error{found.error().fault, found.error().message,
                found.error().hint + (absent ? "; --wait-interface waits for one that comes later" : "")});
    }
    if (found) spec.interface = found->name;  // rules know no alternative names
  }
  auto installed = install_rules(rules_for(spec, queues, fail_open, owner));
  if (!installed) return installed;
  auto divert = std::make_unique<WithNotes>(std::move(*installed));
  if (const auto replaced = divert->replace_leftovers(owner); !replaced) {
    return tl::make_unexpected(withdrawn(replaced.error(), *divert));
  }
  return divert;
}

}  // namespace divert

Result<std::unique_ptr<Divert>> install_divert(const DivertSpec& spec, const DivertQueues& queues, bool fail_open) {
  const auto owner = divert::this_process(divert::identity_of(spec));
  if (!owner) return tl::make_unexpected(owner.error());
  return divert::install_for(*owner, spec, queues, fail_open);
}

Result<std::vector<QueueRange>> queues_of_other_filters(const DivertSpec* spec) {
  if (auto may = divert::check_privileges("judging live traffic"); !may) return tl::make_unexpected(may.error());
  const auto found = divert::find_rules();
  if (!found) return tl::make_unexpected(found.error());
  const divert::Owner own{.filter = spec == nullptr ? 0 : divert::identity_of(*spec)};
  std::vector<QueueRange> queues;
  for (const divert::FoundRule& rule : *found) {
    if (divert::is_same_filter(rule.owner, own)) continue;
    queues.insert(queues.end(), rule.queues.begin(), rule.queues.end());
  }
  return queues;
}

Result<std::vector<std::string>> remove_diverts(bool also_of_running_processes) {
  if (auto may = divert::check_privileges("removing divert rules"); !may) return tl::make_unexpected(may.error());
  const auto found = divert::find_rules();
  if (!found) return tl::make_unexpected(found.error());
  std::vector<std::string> removed;
  for (const divert::FoundRule& rule : *found) {
    const auto running = also_of_running_processes ? Result<bool>(false) : divert::may_be_running(rule.owner);
    if (!running) return tl::make_unexpected(running.error());
    if (*running) continue;
    if (auto done = divert::remove_rule(rule); !done) return tl::make_unexpected(done.error());
    removed.push_back(rule.description);
  }
  return removed;
}

}  // namespace perilune::hooks
