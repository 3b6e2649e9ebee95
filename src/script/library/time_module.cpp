// time.now(), time.seconds() and the units: integers, so that every engine can have them.
//
// On captures the time is that of the packets (it never goes back), so that a rate limit judges a file as it would have
// judged the traffic; 0 while the script loads. On live hooks it is the machine's.
#include <lauxlib.h>
#include <lua.h>

#include "script/state/state.h"

namespace perilune::script {
namespace {

constexpr lua_Integer kSecond = 1'000'000'000;

int now(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(State::of(L).now_ns()));
  return 1;
}

int seconds(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(State::of(L).now_ns()) / kSecond);
  return 1;
}

}  // namespace

void install_time(lua_State* L) {
  lua_createtable(L, 0, 8);
  const auto set_function = [L](const char* name, lua_CFunction function) {
    lua_pushcfunction(L, function);
    lua_setfield(L, -2, name);
  };
  const auto set_unit = [L](const char* name, lua_Integer nanoseconds) {
    lua_pushinteger(L, nanoseconds);
    lua_setfield(L, -2, name);
  };
  set_function("now", now);
  set_function("seconds", seconds);
  set_unit("microsecond", 1'000);
  set_unit("millisecond", 1'000'000);
  set_unit("second", kSecond);
  set_unit("minute", 60 * kSecond);
  set_unit("hour", 3'600 * kSecond);
  set_unit("day", 86'400 * kSecond);
  lua_setglobal(L, "time");
}

}  // namespace perilune::script
