#include "bpf/place.h"

#include <algorithm>

#include "bpf/namespaces.h"

namespace perilune::bpf {
namespace {

/// Is the link held by this interface of the current namespace?
Result<bool> holds(const Interface& interface, const LinkInfo& link) {
  if (link.type == LinkType::kXdp) return interface.xdp_program == link.program_id;
  const Result<std::vector<uint32_t>> links = tcx_links(interface.index, link.attach_type);
  if (!links) return tl::make_unexpected(links.error());
  return std::ranges::find(*links, link.id) != links->end();
}

}  // namespace

Result<AttachPoint> resolve(const AttachPoint& point) {
  const Result<NamespaceScope> scope = NamespaceScope::enter(point.netns);
  if (!scope) return tl::make_unexpected(scope.error());
  if (point.hook == EntryPoint::kNetfilter) return point;
  Result<Interface> interface = find_interface(point.interface, point.netns);
  if (!interface) {
    const Error& error = interface.error();
    return tl::make_unexpected(Error{error.fault, fmt::format("{}: {}", to_string(point), error.message), error.hint});
  }
  AttachPoint resolved = point;
  resolved.interface = std::move(interface->name);
  return resolved;
}

Result<std::optional<Place>> find_link(const LinkInfo& link, uint64_t likely_netns) {
  std::optional<Place> found;
  if (link.ifindex == 0) return found;
  const Result<bool> done = visit_namespaces(likely_netns, [&](uint64_t netns) -> Result<bool> {
    Result<std::optional<Interface>> interface = interface_at(link.ifindex);
    if (!interface) return tl::make_unexpected(interface.error());
    if (!*interface) return false;
    const Result<bool> here = holds(**interface, link);
    if (here && *here) found = Place{netns, std::move(**interface)};
    return here;
  });
  if (!done) return tl::make_unexpected(done.error());
  return found;
}

}  // namespace perilune::bpf
