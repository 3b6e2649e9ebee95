// Where filters are: the interfaces that people name, and those that links hold.
//
// A link stays with its interface, which may be renamed, get another index, or move to another namespace. What was
// written down when a filter was loaded is only where to look first.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "bpf/attach_point.h"
#include "bpf/interfaces.h"
#include "bpf/manifest.h"
#include "bpf/system_call.h"

namespace perilune::bpf {

/// The same point with its interface by the name that the kernel knows it by first, whichever of its names was given.
/// An interface or a namespace that is not there is the user's fault.
[[nodiscard]] Result<AttachPoint> resolve(const AttachPoint& point);

struct Place {
  uint64_t netns = 0;
  Interface interface;
};
/// The interface that holds the link, of a hook at interfaces; the namespace with the number `likely_netns` is asked
/// first. Nothing: it is in a namespace that cannot be seen from here, or (ifindex 0 in the link) the interface is
/// gone.
[[nodiscard]] Result<std::optional<Place>> find_link(const Hook& hook, const LinkInfo& link, uint64_t likely_netns);

/// Where an attachment is now, beside what was noted when it was loaded.
struct Whereabouts {
  AttachPoint point;   // of a namespace without a name: "ns:4026532000"; of one that cannot be seen: "elsewhere"
  uint64_t netns = 0;  // 0: it cannot be seen from here
  uint32_t ifindex = 0;
  std::optional<Interface> interface;  // what holds the link, of a hook at interfaces
  std::string remark;                  // what people would not expect; empty: nothing
};
/// `link` is what attaches it; null: nothing does any more, and the result is where it was.
///
/// A name is no proof: a namespace can be deleted and another one get its name, and the link keeps the first one alive.
[[nodiscard]] Result<Whereabouts> locate(const Attachment& record, const LinkInfo* link);

}  // namespace perilune::bpf
