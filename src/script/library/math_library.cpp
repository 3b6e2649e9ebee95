// math and utf8: Lua's own. `math.random` is seeded by the options, so that a run can be repeated; utf8's functions pay
// for the length of what they walk.
#include <lauxlib.h>
#include <lualib.h>

#include "script/state/charged.h"
#include "script/state/state.h"

namespace perilune::script {
namespace {

void charge_text(lua_State* L) {
  State::charge(L, string_length(L, 1) / kBytesPerInstruction * 4);
}

void charge_arguments(lua_State* L) {
  State::charge(L, static_cast<uint64_t>(lua_gettop(L)) / 4);
}

void seed_random(lua_State* L) {
  const auto& seed = State::of(L).options().seed;
  lua_getfield(L, -1, "randomseed");
  if (seed) {
    lua_pushinteger(L, static_cast<lua_Integer>(*seed));
    lua_pushinteger(L, State::of(L).options().worker);
  }
  lua_call(L, seed ? 2 : 0, 0);
}

}  // namespace

void install_math(lua_State* L) {
  luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
  seed_random(L);
  wrap(L, "max", charged<charge_arguments>);
  wrap(L, "min", charged<charge_arguments>);
  lua_pop(L, 1);

  luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 1);
  wrap(L, "len", charged<charge_text>);
  wrap(L, "offset", charged<charge_text>);
  wrap(L, "codepoint", charged<charge_text>);
  wrap(L, "char", charged<charge_arguments>);
  lua_pop(L, 1);
}

}  // namespace perilune::script
