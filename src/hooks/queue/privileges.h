// Which capability is missing, and how to grant it.
#pragma once

#include <string>

namespace perilune::hooks {

/// Is the capability (a number of linux/capability.h) in this thread's effective set?
[[nodiscard]] bool has_capability(int capability);

/// "run it with sudo, or grant it once: sudo setcap cap_net_admin,cap_net_raw+ep /path/of/this/program".
[[nodiscard]] std::string grant_hint();

}  // namespace perilune::hooks
