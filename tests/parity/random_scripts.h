// Random scripts within the language that compiles: arithmetic, control flow, bounded loops, text and patterns,
// constant tables, views and layouts, writes, maps, functions, variables of the script, and a few errors.
#pragma once

#include <cstdint>
#include <vector>

#include "script_tree.h"

namespace perilune::parity {

/// The same seed gives the same script.
[[nodiscard]] std::vector<Statement> random_script(uint64_t seed);

}  // namespace perilune::parity
