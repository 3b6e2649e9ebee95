// Moving virtual registers to memory.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "ir/generate/low.h"

namespace perilune::ir {

struct Spilling {
  std::vector<bool> chosen;                  // by register
  std::vector<int32_t> cells;                // by register; kNoCell: computed anew for each use
  std::vector<std::optional<Low>> formulas;  // by register: how
};

/// Decides for each of the chosen registers whether it is computed anew or kept in a cell, which `give` picks.
[[nodiscard]] Spilling plan_spills(const LowFunction& function, const std::vector<Register>& chosen,
                                   const std::function<int32_t(Register)>& give);

/// Stores after definitions, loads or computations before uses. Arguments of edges refer to their cells.
void apply_spills(LowFunction& function, const Spilling& spilling);

}  // namespace perilune::ir
