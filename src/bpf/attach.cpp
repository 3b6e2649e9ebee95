#include "bpf/attach.h"

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>

#include "bpf/capabilities.h"
#include "bpf/system_call.h"

namespace perilune::bpf {
namespace {

/// BPF_LINK_CREATE's part of union bpf_attr, newer hooks included.
struct LinkCreate {
  uint32_t program = 0;
  uint32_t target = 0;  // ifindex
  uint32_t attach_type = 0;
  uint32_t flags = 0;
  union {
    struct {
      uint32_t relative;
      uint32_t padding;
      uint64_t expected_revision;
    } tcx;
    struct {
      uint32_t family;
      uint32_t hook;
      int32_t priority;
      uint32_t flags;
    } netfilter;
    uint64_t room[4];
  } of{};
};

/// Negative: -errno.
long create_link(LinkCreate& create) {
  return system_call(BPF_LINK_CREATE, &create, sizeof create);
}

tl::unexpected<Error> refused(const std::string& what, long code) {
  const int number = static_cast<int>(-code);
  return errno_error(what, number, number == EPERM ? capability_hint({CAP_BPF, CAP_NET_ADMIN}) : "");
}

}  // namespace

std::string_view to_string(XdpMode mode) {
  switch (mode) {
    case XdpMode::kNative:
      return "native";
    case XdpMode::kGeneric:
      return "generic";
    case XdpMode::kNone:
      break;
  }
  return "";
}

Result<XdpLink> attach_xdp(int program, uint32_t ifindex, const std::string& interface) {
  LinkCreate create;
  create.program = static_cast<uint32_t>(program);
  create.target = ifindex;
  create.attach_type = static_cast<uint32_t>(AttachType::kXdp);
  create.flags = XDP_FLAGS_DRV_MODE;
  const long native = create_link(create);
  if (native >= 0) return XdpLink{FileDescriptor(static_cast<int>(native)), XdpMode::kNative, {}};
  const std::string what = fmt::format("attach to xdp:{}", interface);
  if (native == -EBUSY || native == -EEXIST) {
    return errno_error(
        what, static_cast<int>(-native),
        fmt::format("another program holds XDP on {}: 'ip link show dev {}' shows its id; tc:{}:in can be "
                    "shared with others",
                    interface, interface, interface));
  }
  if (native == -EPERM) return refused(what, native);
  create.flags = XDP_FLAGS_SKB_MODE;
  const long generic = create_link(create);
  if (generic < 0) return refused(what, generic);
  return XdpLink{
      FileDescriptor(static_cast<int>(generic)), XdpMode::kGeneric,
      native == -EOPNOTSUPP || native == -EINVAL ? "its driver has no XDP" : strerror(static_cast<int>(-native))};
}

Result<FileDescriptor> attach_tcx(int program, uint32_t ifindex, const std::string& interface, bool outgoing) {
  LinkCreate create;
  create.program = static_cast<uint32_t>(program);
  create.target = ifindex;
  create.attach_type = static_cast<uint32_t>(outgoing ? AttachType::kTcxEgress : AttachType::kTcxIngress);
  const long fd = create_link(create);
  const std::string what = fmt::format("attach to tc:{}:{}", interface, outgoing ? "out" : "in");
  if (fd == -ERANGE) return errno_error(what, ERANGE, "the kernel takes no more programs there: unload one");
  if (fd < 0) return refused(what, fd);
  return FileDescriptor(static_cast<int>(fd));
}

Result<FileDescriptor> attach_netfilter(int program, Family family, NetfilterHook hook, int32_t priority, bool& taken) {
  LinkCreate create;
  create.program = static_cast<uint32_t>(program);
  create.attach_type = static_cast<uint32_t>(AttachType::kNetfilter);
  create.of.netfilter.family = static_cast<uint32_t>(family);
  create.of.netfilter.hook = static_cast<uint32_t>(hook);
  create.of.netfilter.priority = priority;
  const long fd = create_link(create);
  taken = fd == -EBUSY;
  if (taken) {
    return input_error(
        fmt::format("another program holds priority {} at netfilter:{}", priority, to_string(hook)),
        fmt::format("choose another, such as netfilter:{}:{}, or leave it out: the next free one is taken",
                    to_string(hook), priority + 1));
  }
  const std::string what =
      fmt::format("attach to netfilter:{} ({})", to_string(hook), family == Family::kIpv4 ? "IPv4" : "IPv6");
  if (fd < 0) return refused(what, fd);
  return FileDescriptor(static_cast<int>(fd));
}

Result<void> update_link(int link, int program) {
  bpf_attr attributes{};
  attributes.link_update.link_fd = static_cast<uint32_t>(link);
  attributes.link_update.new_prog_fd = static_cast<uint32_t>(program);
  const long done = system_call(BPF_LINK_UPDATE, &attributes, sizeof attributes);
  if (done < 0) return refused("replace the program of a link", done);
  return {};
}

Result<void> detach_link(int link) {
  bpf_attr attributes{};
  attributes.link_detach.link_fd = static_cast<uint32_t>(link);
  const long done = system_call(BPF_LINK_DETACH, &attributes, sizeof attributes);
  // ENOLINK, ENODEV: what it was attached to went away.
  if (done < 0 && done != -ENOLINK && done != -ENODEV) return refused("detach a link", done);
  return {};
}

}  // namespace perilune::bpf
