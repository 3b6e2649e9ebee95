// table: what Lua's own functions do, paid for before or while it is done. A table's length and its elements may come
// from metamethods, so `table.remove` of an object that says it has 2^62 elements would loop for ever: insert, remove
// and concat are written anew with a charge in the loop; move, unpack, pack and sort are Lua's own behind a charge.
// What Lua's own functions refuse at once is left to them uncharged: so the error is theirs, word for word.
#include <bit>

#include <lauxlib.h>
#include <lualib.h>

#include "script/state/charged.h"
#include "script/state/state.h"

namespace perilune::script {
namespace {

constexpr uint64_t kUnitsPerMove = 2;  // reading and writing one element

/// Raises unless argument 1 is a table, or has all the metamethods to stand in for one.
void check_table(lua_State* L, bool writes) {
  if (lua_type(L, 1) == LUA_TTABLE) return;
  bool stands_in = true;
  for (const char* name : {"__index", "__len", "__newindex"}) {
    if (*(name + 2) == 'n' && !writes) continue;
    if (luaL_getmetafield(L, 1, name) == LUA_TNIL) {
      stands_in = false;
    } else {
      lua_pop(L, 1);
    }
  }
  if (!stands_in) luaL_checktype(L, 1, LUA_TTABLE);
}

lua_Integer checked_length(lua_State* L, bool writes) {
  check_table(L, writes);
  return luaL_len(L, 1);
}

/// t[to] = t[from]
void move_element(lua_State* L, lua_Integer from, lua_Integer to) {
  State::charge(L, kUnitsPerMove);
  lua_geti(L, 1, from);
  lua_seti(L, 1, to);
}

int table_insert(lua_State* L) {
  const auto wrapping = [](lua_Integer value, lua_Unsigned n) {
    return static_cast<lua_Integer>(static_cast<lua_Unsigned>(value) + n);
  };
  const lua_Integer end = wrapping(checked_length(L, true), 1);  // the first free place
  lua_Integer position = end;
  switch (lua_gettop(L)) {
    case 2:
      break;
    case 3:
      position = luaL_checkinteger(L, 2);
      luaL_argcheck(L, static_cast<lua_Unsigned>(position) - 1U < static_cast<lua_Unsigned>(end), 2,
                    "position out of bounds");
      for (lua_Integer i = end; i > position; --i)
        move_element(L, i - 1, i);
      break;
    default:
      return luaL_error(L, "wrong number of arguments to 'insert'");
  }
  lua_seti(L, 1, position);
  return 0;
}

int table_remove(lua_State* L) {
  const lua_Integer size = checked_length(L, true);
  lua_Integer position = luaL_optinteger(L, 2, size);
  if (position != size && static_cast<lua_Unsigned>(position) - 1U > static_cast<lua_Unsigned>(size)) {
    return lua_tocfunction(L, lua_upvalueindex(1))(L);  // raises: it is out of bounds
  }
  lua_geti(L, 1, position);
  for (; position < size; ++position)
    move_element(L, position + 1, position);
  lua_pushnil(L);
  lua_seti(L, 1, position);
  return 1;
}

/// The error of Lua's own function for that element alone.
void refuse_field(lua_State* L, lua_Integer i) {
  lua_settop(L, 1);
  lua_pushliteral(L, "");
  lua_pushinteger(L, i);
  lua_pushinteger(L, i);
  lua_tocfunction(L, lua_upvalueindex(1))(L);
  // Only where a metamethod gave something else this time.
  luaL_error(L, "invalid value (at index %I) in table for 'concat'", static_cast<LUAI_UACINT>(i));
}

void add_field(lua_State* L, luaL_Buffer* buffer, lua_Integer i) {
  lua_geti(L, 1, i);
  if (lua_isstring(L, -1) == 0) refuse_field(L, i);
  State::charge(L, kUnitsPerMove + string_length(L, -1) / kBytesCopiedPerInstruction);
  luaL_addvalue(buffer);
}

int table_concat(lua_State* L) {
  lua_Integer last = checked_length(L, false);
  size_t separator_length = 0;
  const char* separator = luaL_optlstring(L, 2, "", &separator_length);
  lua_Integer i = luaL_optinteger(L, 3, 1);
  last = luaL_optinteger(L, 4, last);
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (; i < last; ++i) {
    add_field(L, &buffer, i);
    luaL_addlstring(&buffer, separator, separator_length);
  }
  if (i == last) add_field(L, &buffer, i);
  luaL_pushresult(&buffer);
  return 1;
}

void charge_move(lua_State* L) {
  if (lua_isinteger(L, 2) == 0 && lua_isnumber(L, 2) == 0) return;
  const lua_Integer first = lua_tointeger(L, 2);
  const lua_Integer last = lua_tointeger(L, 3);
  const lua_Integer to = lua_tointeger(L, 4);
  if (last < first) return;
  const auto count = static_cast<lua_Unsigned>(last) - static_cast<lua_Unsigned>(first);  // less one
  constexpr auto kMost = static_cast<lua_Unsigned>(LUA_MAXINTEGER);
  const bool too_many = count >= kMost;
  const bool wraps_around = to > 0 && static_cast<lua_Unsigned>(to) + count > kMost;
  if (too_many || wraps_around) return;
  State::charge(L, count < (lua_Unsigned{1} << 60) ? (count + 1) * kUnitsPerMove : count);
}

void charge_arguments(lua_State* L) {
  State::charge(L, static_cast<uint64_t>(lua_gettop(L)));
}

void charge_unpack(lua_State* L) {
  // Whatever it is asked for, unpack gives no more than the stack holds.
  constexpr lua_Unsigned kMost = LUAI_MAXSTACK;
  const lua_Integer first = luaL_optinteger(L, 2, 1);
  const lua_Integer last = lua_isnoneornil(L, 3) ? static_cast<lua_Integer>(lua_rawlen(L, 1)) : luaL_checkinteger(L, 3);
  if (last < first) return;
  const auto count = static_cast<lua_Unsigned>(last) - static_cast<lua_Unsigned>(first);
  if (count < kMost) State::charge(L, count + 1);
}

/// n elements sorted with about 1.4 * n * log2(n) comparisons, each worth several instructions. As Lua has it, the
/// function is looked at where there is something to compare.
void check_and_charge_sort(lua_State* L, lua_Integer count) {
  const auto n = static_cast<uint64_t>(count);
  luaL_argcheck(L, n < INT32_MAX, 1, "array too big");
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  State::charge(L, 4 * n * static_cast<uint64_t>(std::bit_width(n)));
}

/// Comparing strings takes as long as they are, and nothing interrupts a sort without a function of the script's.
void charge_compared_strings(lua_State* L, int table, lua_Integer count) {
  if (!lua_isnoneornil(L, 2)) return;
  uint64_t bytes = 0;
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(L, table, i);
    bytes += string_length(L, -1);
    lua_pop(L, 1);
  }
  State::charge(L,
                bytes / kBytesPerInstruction * 2 * static_cast<uint64_t>(std::bit_width(static_cast<uint64_t>(count))));
}

/// Sorting what has metamethods: read once into a plain table, sorted there, and written back. So the length cannot
/// change under the sort, and each metamethod is called a known number of times.
int sort_by_copy(lua_State* L) {
  const lua_Integer count = checked_length(L, true);
  if (count < 2) return 0;
  check_and_charge_sort(L, count);
  lua_createtable(L, 0, 0);
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_geti(L, 1, i);
    lua_rawseti(L, 3, i);
  }
  charge_compared_strings(L, 3, count);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 3);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 0);
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(L, 3, i);
    lua_seti(L, 1, i);
  }
  return 0;
}

int table_sort(lua_State* L) {
  lua_settop(L, 2);
  if (lua_type(L, 1) != LUA_TTABLE || lua_getmetatable(L, 1) != 0) {
    lua_settop(L, 2);
    return sort_by_copy(L);
  }
  const auto count = static_cast<lua_Integer>(lua_rawlen(L, 1));
  if (count < 2) return 0;
  check_and_charge_sort(L, count);
  charge_compared_strings(L, 1, count);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

}  // namespace

void install_table(lua_State* L) {
  luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
  wrap(L, "insert", table_insert);
  wrap(L, "remove", table_remove);
  wrap(L, "concat", table_concat);
  wrap(L, "move", charged<charge_move>);
  wrap(L, "pack", charged<charge_arguments>);
  wrap(L, "unpack", charged<charge_unpack>);
  wrap(L, "sort", table_sort);
  lua_pop(L, 1);
}

}  // namespace perilune::script
