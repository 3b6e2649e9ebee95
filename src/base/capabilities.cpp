#include "base/capabilities.h"

#include <array>

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace perilune {
namespace {

std::string name_of(int capability) {
  switch (capability) {
    case CAP_BPF:
      return "CAP_BPF";
    case CAP_NET_ADMIN:
      return "CAP_NET_ADMIN";
    case CAP_PERFMON:
      return "CAP_PERFMON";
    case CAP_SYS_ADMIN:
      return "CAP_SYS_ADMIN";
    default:
      return fmt::format("capability {}", capability);
  }
}

}  // namespace

bool has_capability(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return false;
  return (sets[CAP_TO_INDEX(static_cast<unsigned>(capability))].effective &
          CAP_TO_MASK(static_cast<unsigned>(capability))) != 0;
}

std::vector<std::string> missing_capabilities(std::initializer_list<int> wanted) {
  const bool administrator = has_capability(CAP_SYS_ADMIN);
  std::vector<std::string> missing;
  for (const int capability : wanted) {
    const bool implied = administrator && (capability == CAP_BPF || capability == CAP_PERFMON);
    if (!implied && !has_capability(capability)) missing.push_back(name_of(capability));
  }
  return missing;
}

std::string capability_hint(std::initializer_list<int> wanted) {
  const std::vector<std::string> missing = missing_capabilities(wanted);
  if (missing.empty()) return {};
  return fmt::format("{} {} missing: run it with sudo, or as a service with AmbientCapabilities={}",
                     fmt::join(missing, " and "), missing.size() == 1 ? "is" : "are", fmt::join(missing, " "));
}

}  // namespace perilune
