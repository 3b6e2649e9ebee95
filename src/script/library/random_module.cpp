// random(n): an integer from 1 to n, all equally likely; random(m, n): from m to n. For sampling and load sharing, not
// for secrets.
//
// The generator is Lua's (random.h), in a state of its own: a script that draws from math.random, too, does not disturb
// either.
#include <bit>
#include <cstdint>

#include <lauxlib.h>
#include <lua.h>

#include "script/library/random.h"
#include "script/state/state.h"

namespace perilune::script {
namespace {

// 0 .. limit, without bias: numbers beyond it, under the mask that covers it, are drawn again (less than once on
// average).
uint64_t up_to(Random& generator, uint64_t limit) {
  const uint64_t mask = limit == 0 ? 0 : ~uint64_t{0} >> std::countl_zero(limit);
  uint64_t number = generator.next() & mask;
  while (number > limit)
    number = generator.next() & mask;
  return number;
}

int random(lua_State* L) {
  const bool two = lua_gettop(L) >= 2;
  const lua_Integer first = two ? luaL_checkinteger(L, 1) : 1;
  const lua_Integer last = luaL_checkinteger(L, two ? 2 : 1);
  if (first > last) {
    if (two) return luaL_error(L, "random(%I, %I): the first number must not be the larger", first, last);
    return luaL_error(L, "random(%I): the number must be at least 1", last);
  }
  const uint64_t span = static_cast<uint64_t>(last) - static_cast<uint64_t>(first);
  const uint64_t drawn = static_cast<uint64_t>(first) + up_to(State::of(L).random(), span);
  lua_pushinteger(L, static_cast<lua_Integer>(drawn));
  return 1;
}

}  // namespace

void install_random(lua_State* L) {
  lua_pushcfunction(L, random);
  lua_setglobal(L, "random");
}

}  // namespace perilune::script
