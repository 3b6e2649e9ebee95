// Small steps of the Lua API that several files here take.
#pragma once

#include <lua.h>

namespace perilune::luadata {

/// table[name] = value, for the table at the top of the stack.
inline void set_string(lua_State* L, const char* name, const char* value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/// Whether table[name] is true, for the table at `index`; its metatable is not asked.
inline bool is_set(lua_State* L, int index, const char* name) {
  index = lua_absindex(L, index);
  lua_pushstring(L, name);
  lua_rawget(L, index);
  const bool set = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return set;
}

}  // namespace perilune::luadata
