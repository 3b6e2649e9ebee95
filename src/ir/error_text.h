// The messages of script errors in generated code.
#pragma once

#include <cstdint>
#include <string>

#include "ir/code.h"

namespace perilune::ir {

/// The message of an error site with the header's error_values, signed, in their places.
[[nodiscard]] std::string error_text(const Site& site, uint64_t first, uint64_t second);

}  // namespace perilune::ir
