// The kinds of maps, as make_map() makes them. Shapes are sound (make_map() has looked).
#pragma once

#include <memory>

#include "base/result.h"
#include "vm/map.h"

namespace perilune::vm {

[[nodiscard]] Result<std::unique_ptr<Map>> make_hash_map(const ir::MapSpec& spec);
[[nodiscard]] Result<std::unique_ptr<Map>> make_lru_map(const ir::MapSpec& spec);
[[nodiscard]] Result<std::unique_ptr<Map>> make_lpm_map(const ir::MapSpec& spec);
[[nodiscard]] Result<std::unique_ptr<Map>> make_array_map(const ir::MapSpec& spec);

}  // namespace perilune::vm
