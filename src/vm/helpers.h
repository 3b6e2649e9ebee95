// The functions that code may call, by the kernel's numbers.
#pragma once

#include <cstdint>

#include "vm/environment.h"

namespace perilune::vm {

/// Ours, beside the kernel's (ir::bpf::helper): what ir::Relocation::Kind::kPull becomes.
inline constexpr int32_t kPullHelper = -1;
/// Likewise ir::Relocation::Kind::kReplace.
inline constexpr int32_t kReplaceHelper = -2;

/// What the helpers of one machine share.
struct HelperState {
  Environment* environment = nullptr;
  uint32_t random_low = 0;  // the half not fetched yet
  bool random_half = false;
};

/// Arguments r1 to r5 and the machine's own; the result goes to r0. Pointers are real ones: to the map object, into the
/// machine's memory.
using Helper = uint64_t (*)(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5, HelperState* state);

/// Null when there is none of that number.
[[nodiscard]] Helper find_helper(int32_t number);

}  // namespace perilune::vm
