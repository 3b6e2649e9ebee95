// The maps of compiled code as the script declared them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "script/maps/map_store.h"
#include "vm/map.h"

namespace perilune::engine {

/// Makes the maps of `store` hold what those of the running code hold now. `declarations` belong to `maps`, one by
/// one. How keys and values of the two differ: see compiler/lowering/lowering_maps.cpp.
void show_maps(std::span<const script::MapDeclaration> declarations, std::span<const std::unique_ptr<vm::Map>> maps,
               script::MapStore& store);

}  // namespace perilune::engine
