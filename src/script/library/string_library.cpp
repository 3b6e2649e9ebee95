// string: Lua's own functions behind a charge for the bytes they go through, and find, match, gmatch and gsub of our
// own.
#include <lauxlib.h>
#include <lualib.h>

#include "script/library/string_patterns.h"
#include "script/state/charged.h"
#include "script/state/state.h"
#include "script/state/state_internals.h"

namespace perilune::script {
namespace {

void charge_strings(lua_State* L) {
  uint64_t units = 0;
  for (int i = lua_gettop(L); i > 0; --i)
    units += 1 + string_length(L, i) / kBytesPerInstruction;
  State::charge(L, units);
}

/// Formats are read byte by byte; strings are copied, with %q byte by byte.
void charge_format(lua_State* L) {
  uint64_t units = string_length(L, 1) / 4;
  for (int i = lua_gettop(L); i > 1; --i)
    units += 1 + string_length(L, i) / 4;
  State::charge(L, units);
}

/// Results, or arguments, one a byte.
void charge_bytes(lua_State* L) {
  if (lua_type(L, 3) != LUA_TNUMBER) return;
  State::charge(L, string_length(L, 1) / 4);
}

int string_rep(lua_State* L) {
  size_t length = 0;
  size_t separator = 0;
  luaL_checklstring(L, 1, &length);
  const lua_Integer count = luaL_checkinteger(L, 2);
  luaL_optlstring(L, 3, "", &separator);
  if (count > 1) {
    if (length + separator == 0) {  // Lua would copy nothing, that many times
      lua_pushliteral(L, "");
      return 1;
    }
    // What cannot fit into memory fails before a byte is copied; it need not be paid for.
    const auto times = static_cast<uint64_t>(count);
    if (times <= StateInternals::of(L).allocator.limit() / (length + separator)) {
      State::charge(L, times / 2 + times * (length + separator) / kBytesCopiedPerInstruction);
    }
  }
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

}  // namespace

void install_string(lua_State* L) {
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
  for (const char* name : {"upper", "lower", "reverse", "char", "unpack", "pack", "packsize"}) {
    wrap(L, name, charged<charge_strings>);
  }
  wrap(L, "format", charged<charge_format>);
  wrap(L, "byte", charged<charge_bytes>);
  wrap(L, "rep", string_rep);
  set_pattern_functions(L);
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  lua_pop(L, 1);

  // The metatable of all strings stays out of reach.
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);
}

}  // namespace perilune::script
