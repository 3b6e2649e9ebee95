#include "bpf/place.h"

#include "bpf/interfaces.h"
#include "bpf/namespaces.h"

namespace perilune::bpf {

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

}  // namespace perilune::bpf
