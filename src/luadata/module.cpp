// The module `data`: data.new, data.layout, and the methods of data objects.
#include <cstring>

#include <lauxlib.h>

#include "luadata/access.h"
#include "luadata/accessors.h"
#include "luadata/field.h"
#include "luadata/layout.h"
#include "luadata/lua_helpers.h"
#include "luadata/luadata.h"
#include "luadata/view.h"
#include "luadata/write.h"

namespace perilune::luadata {
namespace {

// The module table is kept here in the registry, so that opening it again gives the same one.
constexpr const char* kModuleKey = "perilune.data";

// data.new(table): its values 1 to n, as bytes.
int new_from_table(lua_State* L) {
  const lua_Unsigned count = lua_rawlen(L, 1);
  if (count == 0) return 0;
  uint8_t* bytes = push_owned(L, count);
  for (lua_Unsigned i = 0; i < count; ++i) {
    lua_rawgeti(L, 1, static_cast<lua_Integer>(i + 1));
    int is_integer = 0;
    const lua_Integer value = lua_tointegerx(L, -1, &is_integer);
    if (is_integer == 0)
      return luaL_error(L, "data.new: element %I of the table is a %s, not a whole number",
                        static_cast<LUAI_UACINT>(i + 1), luaL_typename(L, -1));
    bytes[i] = static_cast<uint8_t>(value);
    lua_pop(L, 1);
  }
  return 1;
}

int new_from_size(lua_State* L) {
  const lua_Integer size = luaL_checkinteger(L, 1);
  luaL_argcheck(L, size >= 0, 1, "the size is negative");
  if (size == 0) return 0;
  std::memset(push_owned(L, static_cast<size_t>(size)), 0, static_cast<size_t>(size));
  return 1;
}

int new_from_string(lua_State* L) {
  size_t size = 0;
  const char* text = lua_tolstring(L, 1, &size);
  if (size == 0) return 0;
  std::memcpy(push_owned(L, size), text, size);
  return 1;
}

int new_from_view(lua_State* L, const View& source) {
  const size_t size = resolve(source).size;
  if (size == 0) return 0;
  uint8_t* bytes = push_owned(L, size);
  // Making room may have run a finalizer of the script, and cut the source off.
  const Bytes seen = resolve(source);
  const size_t left = seen.size < size ? seen.size : size;
  if (left != 0) std::memcpy(bytes, seen.bytes, left);
  std::memset(bytes + left, 0, size - left);
  return 1;
}

int data_new(lua_State* L) {
  switch (lua_type(L, 1)) {
    case LUA_TNONE:
    case LUA_TNIL:
      return 0;
    case LUA_TTABLE:
      return new_from_table(L);
    case LUA_TNUMBER:
      return new_from_size(L);
    case LUA_TSTRING:
      return new_from_string(L);
    default:
      if (const View* source = to_view(L, 1); source != nullptr) return new_from_view(L, *source);
      return luaL_typeerror(L, 1, "table, number or string");
  }
}

int data_layout(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  compile_layout(L, 1);
  lua_settop(L, 1);
  return 1;
}

int view_layout(lua_State* L) {
  check_view(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  const bool compiled = lua_getmetatable(L, 2) != 0 && lua_rawequal(L, -1, lua_upvalueindex(kLayoutMetatable)) != 0;
  lua_settop(L, 2);
  if (!compiled) compile_layout(L, 2);
  lua_setiuservalue(L, 1, kLayoutSlot);
  return 1;
}

int view_segment(lua_State* L) {
  const View& view = check_view(L, 1);
  const lua_Integer offset = luaL_optinteger(L, 2, 0);
  const bool to_end = lua_isnoneornil(L, 3);
  const lua_Integer wanted = to_end ? 0 : luaL_checkinteger(L, 3);
  const size_t size = resolve(view).size;
  if (offset < 0 || static_cast<uint64_t>(offset) > size || wanted < 0) {
    lua_pushnil(L);
    return 1;
  }
  const size_t rest = size - static_cast<size_t>(offset);
  size_t length = to_end ? rest : static_cast<size_t>(wanted);
  if (length > rest) {
    if (is_set(L, lua_upvalueindex(kModule), "strict_segments")) {
      lua_pushnil(L);
      return 1;
    }
    length = rest;
  }
  push_part(L, view, 1, static_cast<size_t>(offset), length);
  return 1;
}

int view_len(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(resolve(check_view(L, 1)).size));
  return 1;
}

int view_tostring(lua_State* L) {
  const Bytes seen = resolve(check_view(L, 1));
  lua_pushlstring(L, reinterpret_cast<const char*>(seen.bytes), seen.size);
  return 1;
}

// Pushes the bytes of the operand at `index` of a concatenation as a string.
void push_operand(lua_State* L, int index) {
  if (const View* view = to_view(L, index); view != nullptr) {
    const Bytes seen = resolve(*view);
    lua_pushlstring(L, reinterpret_cast<const char*>(seen.bytes), seen.size);
    return;
  }
  if (lua_isstring(L, index) == 0)
    luaL_error(L, "attempt to concatenate a %s value with data", luaL_typename(L, index));
  lua_pushvalue(L, index);
}

// d .. 'x', 'x' .. d, d .. d: the raw bytes, as one string.
int view_concat(lua_State* L) {
  push_operand(L, 1);
  push_operand(L, 2);
  lua_concat(L, 2);
  return 1;
}

constexpr luaL_Reg kFunctions[] = {{"new", data_new}, {"layout", data_layout}, {nullptr, nullptr}};

constexpr luaL_Reg kViewMethods[] = {{"layout", view_layout}, {"segment", view_segment}, {nullptr, nullptr}};

constexpr luaL_Reg kMetamethods[] = {{"__index", index_view},       {"__newindex", newindex_view}, {"__len", view_len},
                                     {"__tostring", view_tostring}, {"__concat", view_concat},     {nullptr, nullptr}};

// Fills the table at `table` with functions that have the four tables at `upvalues` as upvalues.
void set_functions(lua_State* L, int table, const luaL_Reg* functions, int upvalues) {
  lua_pushvalue(L, table);
  for (int i = 0; i < kUpvalueCount; ++i)
    lua_pushvalue(L, upvalues + i);
  luaL_setfuncs(L, functions, kUpvalueCount);
  lua_pop(L, 1);
}

}  // namespace
}  // namespace perilune::luadata

int luaopen_data(lua_State* L) {
  using namespace perilune::luadata;
  luaL_checkstack(L, 16, "opening data");
  if (lua_getfield(L, LUA_REGISTRYINDEX, kModuleKey) == LUA_TTABLE) return 1;
  lua_pop(L, 1);
  open_fields(L);
  open_layouts(L);
  lua_newtable(L);
  const int module = lua_gettop(L);
  lua_newtable(L);
  const int methods = lua_gettop(L);
  lua_newtable(L);
  const int metatable = lua_gettop(L);
  push_layout_metatable(L);
  set_functions(L, module, kFunctions, module);
  set_functions(L, methods, kViewMethods, module);
  set_functions(L, methods, kAccessors, module);
  set_functions(L, metatable, kMetamethods, module);
  lua_settop(L, metatable);
  set_string(L, "__name", "data");
  set_string(L, "__metatable", "data");
  open_views(L);
  lua_pushvalue(L, module);
  lua_setfield(L, LUA_REGISTRYINDEX, kModuleKey);
  lua_settop(L, module);
  return 1;
}
