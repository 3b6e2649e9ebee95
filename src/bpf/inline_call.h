// A function in the place where another calls it: a call and its return cost several nanoseconds a packet where the
// processor needs its returns protected.
#pragma once

#include <cstdint>
#include <optional>

#include "bpf/runtime_object.h"

namespace perilune::bpf {

/// `caller` with `callee` instead of its call at instruction `site`. Lines and references of both move along. Nothing
/// when the two are too large for one function, or use too much stack: then the call has to stay.
[[nodiscard]] std::optional<RuntimeFunction> inline_call(const RuntimeFunction& caller, uint32_t site,
                                                         const RuntimeFunction& callee);

}  // namespace perilune::bpf
