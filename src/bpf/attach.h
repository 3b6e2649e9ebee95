// Attaching programs to hooks by links: what a link holds is attached as long as somebody holds the link, a process or
// a pin.
#pragma once

#include <cstdint>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "bpf/attach_point.h"

namespace perilune::bpf {

enum class XdpMode : uint8_t { kNone, kNative, kGeneric };
[[nodiscard]] std::string_view to_string(XdpMode mode);

struct XdpLink {
  FileDescriptor fd;
  XdpMode mode = XdpMode::kNone;
  std::string why_generic;  // what the driver said, when it is not native
};

/// In the driver where it can, else before the socket buffer is made for the stack (generic). `interface` is for
/// messages. The current namespace's interface `ifindex`.
[[nodiscard]] Result<XdpLink> attach_xdp(int program, uint32_t ifindex, const std::string& interface);

/// tcx, behind the programs that are there already.
[[nodiscard]] Result<FileDescriptor> attach_tcx(int program, uint32_t ifindex, const std::string& interface,
                                                bool outgoing);

enum class Family : uint8_t { kIpv4 = 2, kIpv6 = 10 };  // NFPROTO_

/// In the current namespace. A taken priority: Error of Fault::kInput, and `taken` is set.
[[nodiscard]] Result<FileDescriptor> attach_netfilter(int program, Family family, NetfilterHook hook, int32_t priority,
                                                      bool& taken);

/// Puts `program` in the place of the link's present one, for tcx and xdp.
[[nodiscard]] Result<void> update_link(int link, int program);
/// Now, whoever else may hold the link. A link whose interface or namespace is gone is detached already: no error.
[[nodiscard]] Result<void> detach_link(int link);

}  // namespace perilune::bpf
