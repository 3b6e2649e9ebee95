#include "script/state/introspection.h"

#include <cstring>

#include <lauxlib.h>

namespace perilune::script {
namespace {

constexpr char kNamesKey = 0;

// names[function] = text, unless it has a name already. The function is at the top of the stack; it is popped.
void remember(lua_State* L, int names, const char* text) {
  lua_pushvalue(L, -1);
  if (lua_rawget(L, names) != LUA_TNIL) {
    lua_pop(L, 2);
    return;
  }
  lua_pop(L, 1);
  lua_pushstring(L, text);
  lua_rawset(L, names);
}

}  // namespace

void remember_library_names(lua_State* L) {
  lua_newtable(L);
  const int names = lua_gettop(L);
  lua_pushglobaltable(L);
  const int globals = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, globals) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) {
      lua_pop(L, 1);
      continue;
    }
    const char* name = lua_tostring(L, -2);
    if (lua_iscfunction(L, -1) != 0) {
      remember(L, names, name);
      continue;
    }
    if (!lua_istable(L, -1) || std::strcmp(name, "_G") == 0) {
      lua_pop(L, 1);
      continue;
    }
    const int library = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, library) != 0) {
      if (lua_type(L, -2) == LUA_TSTRING && lua_iscfunction(L, -1) != 0) {
        lua_pushfstring(L, "%s.%s", name, lua_tostring(L, -2));
        lua_insert(L, -2);
        remember(L, names, lua_tostring(L, -2));
        lua_remove(L, -1);
      } else {
        lua_pop(L, 1);
      }
    }
    lua_settop(L, library - 1);
  }
  lua_settop(L, names);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kNamesKey);
}

void push_library_names(lua_State* L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kNamesKey);
}

Map* to_map(lua_State* L, int index) {
  index = lua_absindex(L, index);
  if (lua_type(L, index) != LUA_TUSERDATA || lua_rawlen(L, index) != sizeof(void*) || lua_getmetatable(L, index) == 0)
    return nullptr;
  lua_pushliteral(L, "__name");
  lua_rawget(L, -2);
  const char* name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  const bool is_map = std::strcmp(name, "map") == 0;  // metatables of userdata cannot be set by scripts
  lua_pop(L, 2);
  Map* map = nullptr;
  if (is_map) std::memcpy(static_cast<void*>(&map), lua_touserdata(L, index), sizeof(void*));
  return map;
}

}  // namespace perilune::script
