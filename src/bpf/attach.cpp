#include "bpf/attach.h"

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>

#include "base/capabilities.h"
#include "bpf/system_call.h"

namespace perilune::bpf {
long create_link(LinkCreate& create) {
  return system_call(BPF_LINK_CREATE, &create, sizeof create);
}

tl::unexpected<Error> link_refused(const std::string& what, long code) {
  const int number = static_cast<int>(-code);
  return errno_error(what, number, number == EPERM ? capability_hint({CAP_BPF, CAP_NET_ADMIN}) : "");
}

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
  if (native == -EPERM) return link_refused(what, native);
  create.flags = XDP_FLAGS_SKB_MODE;
  const long generic = create_link(create);
  if (generic < 0) return link_refused(what, generic);
  return XdpLink{
      FileDescriptor(static_cast<int>(generic)), XdpMode::kGeneric,
      native == -EOPNOTSUPP || native == -EINVAL ? "its driver has no XDP" : strerror(static_cast<int>(-native))};
}

Result<void> update_link(int link, int program) {
  bpf_attr attributes{};
  attributes.link_update.link_fd = static_cast<uint32_t>(link);
  attributes.link_update.new_prog_fd = static_cast<uint32_t>(program);
  const long done = system_call(BPF_LINK_UPDATE, &attributes, sizeof attributes);
  if (done < 0) return link_refused("replace the program of a link", done);
  return {};
}

Result<void> detach_link(int link) {
  bpf_attr attributes{};
  attributes.link_detach.link_fd = static_cast<uint32_t>(link);
  const long done = system_call(BPF_LINK_DETACH, &attributes, sizeof attributes);
  // ENOLINK, ENODEV: what it was attached to went away.
  if (done < 0 && done != -ENOLINK && done != -ENODEV) return link_refused("detach a link", done);
  return {};
}

}  // namespace perilune::bpf
