#include "base/capabilities.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace perilune {
namespace {

using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;
constexpr std::array<int, 2> kInherited{CAP_NET_ADMIN, CAP_NET_RAW};

std::optional<CapabilitySets> read_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  CapabilitySets sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return std::nullopt;
  return sets;
}

void write_capabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  syscall(SYS_capset, &header, sets.data());
}

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
  const auto sets = read_capabilities();
  return sets && ((*sets)[CAP_TO_INDEX(static_cast<unsigned>(capability))].effective &
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

InheritedCapabilities::InheritedCapabilities() {
  auto sets = read_capabilities();
  if (geteuid() == 0 || !sets) return;
  for (const int capability : kInherited) {
    auto& word = (*sets)[CAP_TO_INDEX(static_cast<unsigned>(capability))];
    word.inheritable |= word.permitted & CAP_TO_MASK(static_cast<unsigned>(capability));
  }
  write_capabilities(*sets);
  for (const int capability : kInherited)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
}

InheritedCapabilities::~InheritedCapabilities() {
  auto sets = read_capabilities();
  if (geteuid() == 0 || !sets) return;
  // A capability that is no longer inheritable is no longer ambient either.
  for (const int capability : kInherited)
    (*sets)[CAP_TO_INDEX(static_cast<unsigned>(capability))].inheritable &=
        ~CAP_TO_MASK(static_cast<unsigned>(capability));
  write_capabilities(*sets);
}

std::string grant_hint() {
  return "run it with sudo, or as a service with AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW";
}

Result<void> keep_only(std::initializer_list<int> capabilities) {
  const auto held = read_capabilities();
  if (!held) return errno_error("read the capabilities of this process", errno);
  CapabilitySets kept{};
  for (const int capability : capabilities) {
    const unsigned word = CAP_TO_INDEX(static_cast<unsigned>(capability));
    const uint32_t bit = CAP_TO_MASK(static_cast<unsigned>(capability)) & (*held)[word].permitted;
    kept[word].permitted |= bit;
    kept[word].effective |= bit;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("set no_new_privs", errno);
  // What a program started by root would gain. Whoever lacks CAP_SETPCAP cannot change it, and is not root.
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (std::find(capabilities.begin(), capabilities.end(), capability) != capabilities.end()) continue;
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  if (syscall(SYS_capset, &header, kept.data()) != 0) return errno_error("give up capabilities", errno);
  return {};
}

}  // namespace perilune
