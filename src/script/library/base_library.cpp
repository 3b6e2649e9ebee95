// The base functions a script finds: Lua's own, without those that load code, and with pcall, xpcall, setmetatable and
// getmetatable made proof against scripts that want to outlive their budget.
#include <lauxlib.h>
#include <lualib.h>

#include "script/state/state_internals.h"

namespace perilune::script {
namespace {

/// Hands the error of a spent budget on: nothing may catch it.
void rethrow_if_spent(lua_State* L) {
  Budget& budget = StateInternals::of(L).budget;
  if (budget.spent() != Budget::Spent::kNo) budget.raise(L);
}

int finish_protected_call(lua_State* L, int status, int hidden) {
  rethrow_if_spent(L);
  if (status != LUA_OK) {
    // Making a message can take long: Lua looks for the name of the function through all globals.
    StateInternals::of(L).budget.check_time(L);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
  }
  return lua_gettop(L) - hidden;
}

int base_pcall(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  return finish_protected_call(L, lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0), 0);
}

/// A script's message handler. Lua runs handlers of errors raised by a hook with hooks switched off, so a handler must
/// never see the error of a spent budget: it could run for ever.
int guarded_handler(lua_State* L) {
  if (StateInternals::of(L).budget.spent() != Budget::Spent::kNo) return 1;
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

int base_xpcall(lua_State* L) {
  const int count = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, guarded_handler, 1);
  lua_replace(L, 2);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  return finish_protected_call(L, lua_pcall(L, count - 2, LUA_MULTRET, 2), 2);
}

/// True when the metatable at index 2 has the raw field `name`.
bool has_raw_field(lua_State* L, const char* name) {
  lua_pushstring(L, name);
  const bool found = lua_rawget(L, 2) != LUA_TNIL;
  lua_pop(L, 1);
  return found;
}

int base_setmetatable(lua_State* L) {
  const int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) return luaL_error(L, "cannot change a protected metatable");
  if (type == LUA_TTABLE) {
    // A finaliser runs whenever the collector likes, outside any budget. One that is added later has no effect.
    if (has_raw_field(L, "__gc")) {
      return luaL_error(L, "a metatable with '__gc' cannot be used: finalizers are not available in the sandbox");
    }
    // A collection of weak keys can take time that grows with the square of a chain of values that are keys themselves.
    // This keeps scripts from it by mistake only: a mode that is set afterwards works, and then nothing but the limit
    // of memory bounds how long one collection takes.
    if (has_raw_field(L, "__mode")) {
      return luaL_error(L, "a metatable with '__mode' cannot be used: weak tables are not available in the sandbox");
    }
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

/// As Lua's, but metatables are shown of tables only: those of strings and of our own objects are not a script's
/// business.
int base_getmetatable(lua_State* L) {
  luaL_checkany(L, 1);
  if (lua_getmetatable(L, 1) == 0) {
    lua_pushnil(L);
    return 1;
  }
  const bool has_stand_in = luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL;
  if (!has_stand_in && lua_type(L, 1) != LUA_TTABLE) lua_pushboolean(L, 0);
  return 1;
}

int base_collectgarbage(lua_State* L) {
  const char* what = luaL_optstring(L, 1, "collect");
  if (std::string_view(what) == "count") {
    lua_pushnumber(L, static_cast<lua_Number>(State::of(L).memory_used()) / 1024);
    return 1;
  }
  return luaL_error(
      L, "collectgarbage '%s' is not available in the sandbox (only 'count' is): garbage is collected automatically",
      what);
}

constexpr luaL_Reg kReplaced[] = {
    {"pcall", base_pcall},
    {"xpcall", base_xpcall},
    {"setmetatable", base_setmetatable},
    {"getmetatable", base_getmetatable},
    {"collectgarbage", base_collectgarbage},
    {nullptr, nullptr},
};

constexpr const char* kRemoved[] = {"dofile", "load", "loadfile", "print", "warn"};

}  // namespace

void install_base(lua_State* L) {
  luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
  luaL_setfuncs(L, kReplaced, 0);
  for (const char* name : kRemoved) {
    lua_pushnil(L);
    lua_setfield(L, -2, name);
  }
  lua_pop(L, 1);
  install_require(L);
}

}  // namespace perilune::script
