// Capabilities: which one is missing, how to grant it, and giving up those that are not needed (capabilities(7)).
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include <linux/capability.h>

#include "base/result.h"

namespace perilune {

/// Is the capability (a number of linux/capability.h) in this thread's effective set?
[[nodiscard]] bool has_capability(int capability);
/// Those of `wanted` that this process lacks, as "CAP_BPF", ... CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON.
[[nodiscard]] std::vector<std::string> missing_capabilities(std::initializer_list<int> wanted);
/// "CAP_BPF and CAP_NET_ADMIN are missing: run it with sudo, or as a service with AmbientCapabilities=CAP_BPF ...";
/// empty when none of `wanted` is missing.
[[nodiscard]] std::string capability_hint(std::initializer_list<int> wanted);

/// "run it with sudo, or as a service with AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW". Not setcap on the program: a
/// file that everybody can run would hand the firewall to every local user.
[[nodiscard]] std::string grant_hint();

/// This thread, and the threads and programs it starts, keep of their capabilities only those named; no program they
/// start gains any (no_new_privs).
[[nodiscard]] Result<void> keep_only(std::initializer_list<int> capabilities);

/// While it lives, programs this thread starts keep CAP_NET_ADMIN and CAP_NET_RAW, as far as the thread has them.
/// Without it capabilities granted to our file would end at iptables and nft. Nothing to do for root.
class InheritedCapabilities {
 public:
  InheritedCapabilities();
  ~InheritedCapabilities();
  InheritedCapabilities(const InheritedCapabilities&) = delete;
  InheritedCapabilities& operator=(const InheritedCapabilities&) = delete;
};

}  // namespace perilune
