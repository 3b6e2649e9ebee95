// A place in the kernel where a filter can be attached.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bpf/program.h"

namespace perilune::bpf {

enum class NetfilterHook : uint8_t { kPrerouting = 0, kInput = 1, kForward = 2, kOutput = 3, kPostrouting = 4 };
[[nodiscard]] std::string_view to_string(NetfilterHook hook);

struct AttachPoint {
  EntryPoint hook = EntryPoint::kXdp;
  std::string interface;  // xdp, tc
  NetfilterHook netfilter = NetfilterHook::kPrerouting;
  std::optional<int32_t> priority;  // netfilter; nothing: 0, or the next one that is free
  std::string netns;  // a name of /run/netns, a process id, or a path; empty: the namespace this program runs in

  bool operator==(const AttachPoint&) const = default;
};

/// The one spelling: "xdp:eth0", "tc:eth0:in", "netfilter:input", "netfilter:input:10", each with "@NETNS" behind it
/// where a namespace is named.
[[nodiscard]] std::string to_string(const AttachPoint& point);

}  // namespace perilune::bpf
