// What a reload that was interrupted left beside the filter: attachments that were to take the place of the present
// ones. Packets may meet either program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace perilune::bpf {

struct Successor {
  uint32_t program_id = 0;
  std::string folder;  // its pins
};

/// The successor of the attachment whose pins are in `folder`/at_`index`. Nothing: there is none.
[[nodiscard]] Result<std::optional<Successor>> find_successor(const std::string& folder, size_t index);

}  // namespace perilune::bpf
