// A place in the kernel where a filter can be attached.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace perilune::bpf {

class Hook;

struct AttachPoint {
  const Hook* hook = nullptr;       // of the table (hook.h)
  std::string interface;            // of hooks at interfaces
  std::string part;                 // which of the hook's places it is, such as "in" or "input"; empty: there is one
  std::optional<int32_t> priority;  // netfilter; nothing: 0, or the next one that is free
  std::string netns;  // a name of /run/netns, a process id, or a path; empty: the namespace this program runs in

  bool operator==(const AttachPoint&) const = default;
};

/// The one spelling: "xdp:eth0", "tc:eth0:in", "netfilter:input", "netfilter:input:10", each with "@NETNS" after it
/// where a namespace is named.
[[nodiscard]] std::string to_string(const AttachPoint& point);

}  // namespace perilune::bpf
