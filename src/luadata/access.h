// d.field, d.field = v, d[i] and d[i] = v.
#pragma once

#include <lua.h>

namespace perilune::luadata {

/// The metamethods __index and __newindex of views. They take the upvalues of the module.
int index_view(lua_State* L);
int newindex_view(lua_State* L);

}  // namespace perilune::luadata
