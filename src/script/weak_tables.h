// Weak tables switched off. Collecting a table with weak keys whose values are keys of the same table takes time that
// grows with the square of its size, inside one step of the collector that nothing can interrupt: 20,000 entries
// take 1.6 s, and the 600,000 that fit into 64 MiB half an hour. So the sandbox has none.
#pragma once

#include <lua.h>

namespace perilune::script {

/// Makes the field `__mode` of metatables mean nothing in this state, also when it is set after setmetatable() has
/// looked. Returns false when this build of Lua is laid out in a way we do not know; then only setmetatable() stands in
/// the way.
bool disable_weak_tables(lua_State* L);

}  // namespace perilune::script
