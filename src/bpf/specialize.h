// The runtime's functions for one filter: numbers that are known at load are put in, and what they switch off is left
// out. The verifier would find the same code dead, but leaves the numbers and many of the jumps where they are, for
// every packet; and what only dead code refers to need not be joined.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "bpf/runtime_object.h"

namespace perilune::bpf {

/// References to names that are not in `constants` stay. Lines and references move with their instructions.
/// `runtime` tells how many arguments its functions take.
[[nodiscard]] RuntimeFunction specialize(const RuntimeFunction& function, const RuntimeObject& runtime,
                                         const std::map<std::string, uint64_t>& constants);

}  // namespace perilune::bpf
