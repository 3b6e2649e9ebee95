// Functions of Lua's own libraries behind a charge to the budget: they run as they are, after paying for what they will
// do.
#pragma once

#include <cstdint>

#include <lauxlib.h>
#include <lua.h>

#include "script/state/state.h"

namespace perilune::script {

/// Looks at the arguments on the stack (any of which may be missing or of a wrong type: the function behind complains)
/// and charges for the work they mean. Leaves the stack as it was.
using Charge = void (*)(lua_State* L);

/// The original, a C function, is the first upvalue.
template <Charge charge_for>
int charged(lua_State* L) {
  charge_for(L);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/// Puts `charged` in front of the function `name` of the table on top of the stack.
inline void wrap(lua_State* L, const char* name, lua_CFunction wrapper) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, wrapper, 1);
  lua_setfield(L, -2, name);
}

/// The length of the string at `index`, or 0.
inline uint64_t string_length(lua_State* L, int index) {
  return lua_type(L, index) == LUA_TSTRING ? lua_rawlen(L, index) : 0;
}

/// Bytes a C function looks at one by one in the time of one instruction.
inline constexpr uint64_t kBytesPerInstruction = 16;

/// The same for plain copying.
inline constexpr uint64_t kBytesCopiedPerInstruction = 256;

}  // namespace perilune::script
