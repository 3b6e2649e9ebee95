#include "hooks/divert.h"

#include <fmt/format.h>
#include <linux/capability.h>

#include "bpf/interfaces.h"
#include "hooks/divert/backend.h"
#include "hooks/divert/command.h"
#include "hooks/queue/privileges.h"

namespace perilune::hooks {

namespace divert {

bool is_wanted(const Owner& owner, Which which) {
  return which == Which::kAll || !may_be_running(owner);
}

namespace {

Result<void> check_privileges(const std::string& what) {
  if (has_capability(CAP_NET_ADMIN)) return {};
  return system_error(fmt::format("{} needs CAP_NET_ADMIN", what), grant_hint());
}

Result<std::vector<std::string>> remove_rules(Which which) {
  std::vector<std::string> removed;
  if (auto done = remove_from_nft(which, removed); !done) return tl::make_unexpected(done.error());
  if (auto done = remove_from_iptables(which, removed); !done) return tl::make_unexpected(done.error());
  return removed;
}

}  // namespace

Result<std::unique_ptr<Divert>> install_rules(const std::vector<Rule>& rules) {
  auto with_nft = install_with_nft(rules);
  if (with_nft) return with_nft;
  auto with_iptables = install_with_iptables(rules);
  if (with_iptables) return with_iptables;
  return system_error(fmt::format("cannot put the divert rule in place: {}; {}", with_iptables.error().message,
                                  with_nft.error().message),
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
  if (const auto leftovers = remove_rules(Which::kEnded); !leftovers) {
    (void)(*installed)->remove();
    return tl::make_unexpected(leftovers.error());
  }
  return installed;
}

}  // namespace divert

Result<std::unique_ptr<Divert>> install_divert(const DivertSpec& spec, const DivertQueues& queues, bool fail_open) {
  return divert::install_for(divert::this_process(), spec, queues, fail_open);
}

Result<std::vector<std::string>> remove_diverts(bool also_of_running_processes) {
  if (auto may = divert::check_privileges("removing divert rules"); !may) return tl::make_unexpected(may.error());
  return divert::remove_rules(also_of_running_processes ? divert::Which::kAll : divert::Which::kEnded);
}

}  // namespace perilune::hooks
