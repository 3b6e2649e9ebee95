#include "hooks/divert.h"

#include <fmt/format.h>
#include <linux/capability.h>

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

}  // namespace divert

Result<std::unique_ptr<Divert>> install_divert(const DivertSpec& spec, uint16_t first_queue, uint16_t last_queue,
                                               bool fail_open) {
  if (auto may = divert::check_privileges("putting the divert rule in place"); !may) {
    return tl::make_unexpected(may.error());
  }
  auto leftovers = divert::remove_rules(divert::Which::kEnded);
  if (!leftovers) return tl::make_unexpected(leftovers.error());

  const divert::Rule rule{spec, first_queue, last_queue, fail_open, divert::this_process()};
  auto with_nft = divert::install_with_nft(rule);
  if (with_nft) return with_nft;
  auto with_iptables = divert::install_with_iptables(rule);
  if (with_iptables) return with_iptables;
  return system_error(fmt::format("cannot put the divert rule in place: {}; {}", with_iptables.error().message,
                                  with_nft.error().message),
                      with_iptables.error().hint);
}

Result<std::vector<std::string>> remove_diverts(bool also_of_running_processes) {
  if (auto may = divert::check_privileges("removing divert rules"); !may) return tl::make_unexpected(may.error());
  return divert::remove_rules(also_of_running_processes ? divert::Which::kAll : divert::Which::kEnded);
}

}  // namespace perilune::hooks
