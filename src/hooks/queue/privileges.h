// Which capability is missing, and how to grant it.
#pragma once

#include <string>

namespace perilune::hooks {

/// Is the capability (a number of linux/capability.h) in this thread's effective set?
[[nodiscard]] bool has_capability(int capability);

/// "run it with sudo, or grant it once: sudo setcap cap_net_admin,cap_net_raw+ep /path/of/this/program".
[[nodiscard]] std::string grant_hint();

/// While it lives, programs this thread starts keep CAP_NET_ADMIN and CAP_NET_RAW, as far as the thread has them.
/// Without it capabilities granted to our file (setcap) would end at iptables and nft. Nothing to do for root.
class InheritedCapabilities {
 public:
  InheritedCapabilities();
  ~InheritedCapabilities();
  InheritedCapabilities(const InheritedCapabilities&) = delete;
  InheritedCapabilities& operator=(const InheritedCapabilities&) = delete;
};

}  // namespace perilune::hooks
