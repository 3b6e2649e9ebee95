#include "bpf/place.h"

#include <algorithm>

#include "bpf/hook.h"
#include "bpf/namespaces.h"

namespace perilune::bpf {
namespace {

/// Sets where the link is, and the remark.
Result<void> find_namespace(Whereabouts& where, const LinkInfo& link) {
  const bool stays = !where.point.hook->at_interface();
  const uint64_t noted = where.netns;
  const Result<std::optional<uint64_t>> number = namespace_number(where.point.netns);
  if (!number) return tl::make_unexpected(number.error());
  if (stays) {
    // The link does not say where it is, and stays in the namespace in which it was made.
    const Result<bool> seen = *number == noted ? true : is_visible(noted);
    if (!seen) return tl::make_unexpected(seen.error());
    if (!*seen) where.netns = 0;
  } else {
    where.ifindex = link.of.device.ifindex;
    Result<std::optional<Place>> place = find_link(*where.point.hook, link, noted);
    if (!place) return tl::make_unexpected(place.error());
    where.netns = *place ? (*place)->netns : 0;
    if (*place) {
      where.point.interface = (*place)->interface.name;
      where.interface = std::move((*place)->interface);
    }
  }
  if (where.netns == 0) {
    where.remark = stays ? "its namespace cannot be seen from here"
                         : "its interface is in a namespace that cannot be seen from here";
  }
  if (!where.point.netns.empty() && *number && **number != noted) {
    where.remark +=
        fmt::format("{}'{}' is another namespace by now", where.remark.empty() ? "" : ": ", where.point.netns);
  }
  return {};
}

}  // namespace

Result<AttachPoint> resolve(const AttachPoint& point) {
  const Result<NamespaceScope> scope = NamespaceScope::enter(point.netns);
  if (!scope) return tl::make_unexpected(scope.error());
  if (!point.hook->at_interface()) return point.hook->resolve(point);
  Result<Interface> interface = find_interface(point.interface, point.netns);
  if (!interface) {
    const Error& error = interface.error();
    return tl::make_unexpected(Error{error.fault, fmt::format("{}: {}", to_string(point), error.message), error.hint});
  }
  AttachPoint resolved = point;
  resolved.interface = std::move(interface->name);
  return resolved;
}

Result<std::optional<Place>> find_link(const Hook& hook, const LinkInfo& link, uint64_t likely_netns) {
  std::optional<Place> found;
  const uint32_t ifindex = link.of.device.ifindex;
  if (ifindex == 0) return found;
  const Result<bool> done = visit_namespaces(likely_netns, [&](uint64_t netns) -> Result<bool> {
    Result<std::optional<Interface>> interface = interface_at(ifindex);
    if (!interface) return tl::make_unexpected(interface.error());
    if (!*interface) return false;
    const Result<bool> here = hook.holds(**interface, link);
    if (here && *here) found = Place{netns, std::move(**interface)};
    return here;
  });
  if (!done) return tl::make_unexpected(done.error());
  return found;
}

Result<Whereabouts> locate(const Attachment& record, const LinkInfo* link) {
  Whereabouts where{record.point, record.netns, record.ifindex, {}, {}};
  if (record.point.hook->scope() == Scope::kMachine) return where;
  if (link != nullptr) {
    if (const Result<void> found = find_namespace(where, *link); !found) return tl::make_unexpected(found.error());
  }
  std::string& named = where.point.netns;
  if (where.netns == 0) {
    named = "elsewhere";
    return where;
  }
  const Result<std::optional<std::string>> name = namespace_name(where.netns);
  if (!name) return tl::make_unexpected(name.error());
  const Result<std::optional<uint64_t>> noted = namespace_number(record.point.netns);
  if (!noted) return tl::make_unexpected(noted.error());
  // A path or a process id is no name of a namespace, but it may still lead there.
  const bool still_leads_there = link == nullptr ? where.netns == record.netns : *noted == where.netns;
  if (*name) {
    named = **name;
  } else if (named.empty() || !still_leads_there) {
    named = fmt::format("ns:{}", where.netns);
  }
  return where;
}

}  // namespace perilune::bpf
