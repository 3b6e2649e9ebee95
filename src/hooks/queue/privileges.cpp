#include "hooks/queue/privileges.h"

#include <array>
#include <climits>
#include <cstdint>
#include <optional>

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace perilune::hooks {

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

}  // namespace

bool has_capability(int capability) {
  const auto sets = read_capabilities();
  return sets && ((*sets)[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

InheritedCapabilities::InheritedCapabilities() {
  auto sets = read_capabilities();
  if (geteuid() == 0 || !sets) return;
  for (const int capability : kInherited) {
    auto& word = (*sets)[CAP_TO_INDEX(capability)];
    word.inheritable |= word.permitted & CAP_TO_MASK(capability);
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
    (*sets)[CAP_TO_INDEX(capability)].inheritable &= ~CAP_TO_MASK(capability);
  write_capabilities(*sets);
}

std::string grant_hint() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string program = length > 0 ? std::string(path.data(), static_cast<size_t>(length)) : "build/perilune";
  return fmt::format("run it with sudo, or grant it once: sudo setcap cap_net_admin,cap_net_raw+ep {}", program);
}

}  // namespace perilune::hooks
