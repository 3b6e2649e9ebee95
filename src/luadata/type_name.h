// What the messages of errors call a value.
#pragma once

#include <lauxlib.h>

namespace perilune::luadata {

/// As Lua itself names operands: what the object says it is ("pkt", "data"), else its type. Valid as long as the value.
inline const char* type_name(lua_State* L, int index) {
  const int type = luaL_getmetafield(L, index, "__name");
  const char* name = type == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, index);
  if (type != LUA_TNIL) lua_pop(L, 1);
  return name;
}

}  // namespace perilune::luadata
