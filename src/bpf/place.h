// Where filters are: the interfaces that people name, and those that links hold.
#pragma once

#include "base/result.h"
#include "bpf/attach_point.h"

namespace perilune::bpf {

/// The same point with its interface by the name that the kernel knows it by first, whichever of its names was given.
/// An interface or a namespace that is not there is the user's fault.
[[nodiscard]] Result<AttachPoint> resolve(const AttachPoint& point);

}  // namespace perilune::bpf
