// How people write the kernel's hooks: one spelling everywhere, HOOK:PLACE[@NETNS]. Each hook reads its own places
// (bpf/hooks/).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "bpf/attach_point.h"

namespace perilune::hooks {

/// Shape alone: whether the interface and the namespace exist is found out where they are used. `netns` is taken where
/// the text has no "@NETNS" of its own. Mistakes are the user's fault and say what there is.
[[nodiscard]] Result<bpf::AttachPoint> parse_hook(std::string_view text, const std::string& netns = {});

}  // namespace perilune::hooks
