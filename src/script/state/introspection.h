// For code that reads a loaded script instead of running it: what its values are.
#pragma once

#include <lua.h>

namespace perilune::script {

class Map;

/// Pushes the table that has each library function of the sandbox as a key and its name ("string.match", "ipairs") as
/// the value. Scripts cannot reach it.
void push_library_names(lua_State* L);

/// The map behind the object at `index`, or null when it is none.
[[nodiscard]] Map* to_map(lua_State* L, int index);

/// Remembers the names of all functions found in the globals, and in tables there. While the sandbox is being set up.
void remember_library_names(lua_State* L);

}  // namespace perilune::script
