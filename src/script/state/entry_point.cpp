#include "script/state/entry_point.h"

#include <lua.h>

namespace perilune::script {
namespace {

// Called protected: pushing the name may raise. Argument 1: lua_Debug to fill; argument 2: the name of the entry point.
int inspect(lua_State* L) {
  auto* info = static_cast<lua_Debug*>(lua_touserdata(L, 1));
  lua_pushglobaltable(L);
  lua_pushstring(L, static_cast<const char*>(lua_touserdata(L, 2)));
  lua_rawget(L, -2);
  if (lua_isfunction(L, -1)) lua_getinfo(L, ">S", info);
  return 0;
}

}  // namespace

EntryPoint find_entry_point(State& state, const std::string& script_path) {
  lua_State* L = state.lua();
  lua_Debug info{};
  lua_pushcfunction(L, inspect);
  lua_pushlightuserdata(L, &info);
  lua_pushlightuserdata(L, const_cast<char*>(state.options().function.c_str()));
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) lua_pop(L, 1);
  if (info.source == nullptr || info.source[0] != '@') return {script_path, 0};
  return {info.source + 1, static_cast<uint32_t>(info.linedefined > 0 ? info.linedefined : 0)};
}

}  // namespace perilune::script
