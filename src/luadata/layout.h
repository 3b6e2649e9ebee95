// A layout: a plain Lua table, name to field, whose entries are compiled in place.
#pragma once

#include <lua.h>

namespace perilune::luadata {

/// Compiles the layout table at `index` in place, and every layout inside it. Raises a Lua error that names the field
/// when one is wrong; the table is then as good as before (some entries are compiled, the others are not). Runs no code
/// of the script.
void compile_layout(lua_State* L, int index);

/// Creates the metatable that marks a compiled layout in the registry.
void open_layouts(lua_State* L);

/// Pushes that metatable.
void push_layout_metatable(lua_State* L);

}  // namespace perilune::luadata
