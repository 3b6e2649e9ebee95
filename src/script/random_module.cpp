// random(n): an integer from 1 to n, all equally likely; random(m, n): from m to n. For sampling and load sharing, not
// for secrets.
//
// xoshiro256** (Blackman and Vigna, 2018), the generator of Lua's own math.random, in a state of its own: a script that
// draws from both does not disturb either.
#include <array>
#include <bit>
#include <cstdint>
#include <random>

#include <lauxlib.h>
#include <lua.h>

#include "script/state.h"

namespace perilune::script {
namespace {

struct Generator {
  std::array<uint64_t, 4> words;
};

uint64_t next(Generator& generator) {
  auto& s = generator.words;
  const uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = std::rotl(s[3], 45);
  return result;
}

// SplitMix64: spreads one word of seed over the state, which must not be all zeros.
Generator seeded(uint64_t seed) {
  Generator generator{};
  for (uint64_t& word : generator.words) {
    seed += 0x9e3779b97f4a7c15U;
    uint64_t mixed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    word = mixed ^ (mixed >> 31);
  }
  return generator;
}

uint64_t system_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// 0 .. limit, without bias: numbers beyond it, under the mask that covers it, are drawn again (less than once on
// average).
uint64_t up_to(Generator& generator, uint64_t limit) {
  const uint64_t mask = limit == 0 ? 0 : ~uint64_t{0} >> std::countl_zero(limit);
  uint64_t number = next(generator) & mask;
  while (number > limit)
    number = next(generator) & mask;
  return number;
}

// Upvalue 1: the generator.
int random(lua_State* L) {
  auto* generator = static_cast<Generator*>(lua_touserdata(L, lua_upvalueindex(1)));
  const bool two = lua_gettop(L) >= 2;
  const lua_Integer first = two ? luaL_checkinteger(L, 1) : 1;
  const lua_Integer last = luaL_checkinteger(L, two ? 2 : 1);
  if (first > last) {
    if (two) return luaL_error(L, "random(%I, %I): the first number must not be the larger", first, last);
    return luaL_error(L, "random(%I): the number must be at least 1", last);
  }
  const uint64_t span = static_cast<uint64_t>(last) - static_cast<uint64_t>(first);
  const uint64_t drawn = static_cast<uint64_t>(first) + up_to(*generator, span);
  lua_pushinteger(L, static_cast<lua_Integer>(drawn));
  return 1;
}

}  // namespace

void install_random(lua_State* L) {
  auto* generator = static_cast<Generator*>(lua_newuserdatauv(L, sizeof(Generator), 0));
  const auto& seed = State::of(L).options().seed;
  *generator = seeded(seed.has_value() ? *seed : system_seed());
  lua_pushcclosure(L, random, 1);
  lua_setglobal(L, "random");
}

}  // namespace perilune::script
