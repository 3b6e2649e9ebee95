#include "hooks/queue/privileges.h"

#include <array>
#include <climits>
#include <cstdint>

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace perilune::hooks {

bool has_capability(int capability) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return false;
  const auto index = static_cast<unsigned>(capability);
  return (data[index / 32].effective & (uint32_t{1} << (index % 32))) != 0;
}

std::string grant_hint() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string program = length > 0 ? std::string(path.data(), static_cast<size_t>(length)) : "build/perilune";
  return fmt::format("run it with sudo, or grant it once: sudo setcap cap_net_admin,cap_net_raw+ep {}", program);
}

}  // namespace perilune::hooks
