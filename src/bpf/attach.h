// Links: what a link holds is attached as long as the link is held, by a process or a pin.
#pragma once

#include <cstdint>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "bpf/system_call.h"

namespace perilune::bpf {

/// BPF_LINK_CREATE's part of union bpf_attr, newer hooks included.
struct LinkCreate {
  uint32_t program = 0;
  uint32_t target = 0;  // ifindex, or a descriptor
  uint32_t attach_type = 0;
  uint32_t flags = 0;
  union {
    struct {
      uint32_t relative;
      uint32_t padding;
      uint64_t expected_revision;
    } tcx;
    NetfilterHookPoint netfilter;
    uint64_t room[4];
  } of{};
};
/// A descriptor, or -errno.
[[nodiscard]] long create_link(LinkCreate& create);
/// `code` is -errno.
[[nodiscard]] tl::unexpected<Error> link_refused(const std::string& what, long code);

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

/// Puts `program` in the place of the link's present one, for tcx and xdp.
[[nodiscard]] Result<void> update_link(int link, int program);
/// Now, although others may hold the link. A link whose interface or namespace is gone is detached already: no error.
[[nodiscard]] Result<void> detach_link(int link);

}  // namespace perilune::bpf
