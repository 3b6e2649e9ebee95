// The compiled filter in the place where the entry calls it: a call and its return cost several nanoseconds a packet
// where the processor needs its returns protected.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "bpf/runtime_object.h"
#include "ir/code.h"

namespace perilune::bpf {

struct InlinedFilter {
  RuntimeFunction function;  // the entry with the filter's instructions; lines are the entry's alone
  uint32_t begin = 0;        // of the filter's instructions there
  uint32_t end = 0;
};

/// Nothing when the entry does not call `filter` in one place, or the two are too large for one function: then the
/// call has to stay.
[[nodiscard]] std::optional<InlinedFilter> inline_filter(const RuntimeFunction& entry, std::string_view filter,
                                                         const ir::Code& code);

}  // namespace perilune::bpf
