// What this process may do, by name.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include <linux/capability.h>

namespace perilune {

[[nodiscard]] bool has_capability(int capability);
/// Those of `wanted` that this process lacks, as "CAP_BPF", ... CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON.
[[nodiscard]] std::vector<std::string> missing_capabilities(std::initializer_list<int> wanted);
/// "CAP_BPF and CAP_NET_ADMIN are missing: run it with sudo, or as a service with AmbientCapabilities=CAP_BPF ...";
/// empty when none of `wanted` is missing.
[[nodiscard]] std::string capability_hint(std::initializer_list<int> wanted);

}  // namespace perilune
