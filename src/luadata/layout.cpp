// Compiling a layout table: every entry becomes a Field, here and in the layouts inside it.
//
// Layouts may contain each other, and themselves; nesting may be as deep as memory allows: what is still to do is kept
// in a table, not on the stack.
#include "luadata/layout.h"

#include <lauxlib.h>

#include "luadata/field.h"
#include "luadata/lua_helpers.h"

namespace perilune::luadata {
namespace {

// The address stands for the metatable in the registry.
const char kLayoutTag = 0;

bool is_compiled(lua_State* L, int table) {
  if (lua_getmetatable(L, table) == 0) return false;
  push_layout_metatable(L);
  const bool compiled = lua_rawequal(L, -1, -2) != 0;
  lua_pop(L, 2);
  return compiled;
}

// The layouts met inside others and still to compile: an array that has each table as a key too, so that layouts that
// contain each other are compiled once. Stack slot `table` holds it, or nil until the first is met.
struct Pending {
  int table;
  int outermost;
  lua_Integer count = 0;

  void add(lua_State* L, int layout) {
    if (lua_rawequal(L, layout, outermost) != 0) return;
    if (lua_isnil(L, table)) {
      lua_newtable(L);
      lua_replace(L, table);
    }
    lua_pushvalue(L, layout);
    if (lua_rawget(L, table) == LUA_TNIL) {
      lua_pushvalue(L, layout);
      lua_pushboolean(L, 1);
      lua_rawset(L, table);
      lua_pushvalue(L, layout);
      lua_rawseti(L, table, ++count);
    }
    lua_pop(L, 1);
  }
};

// Compiles the entries of the table at `layout`; leaves the stack as it was.
void compile_entries(lua_State* L, int layout, Pending& pending) {
  lua_pushnil(L);
  while (lua_next(L, layout) != 0) {
    const int entry = lua_gettop(L);
    const int key = entry - 1;
    if (to_field(L, entry) == nullptr) {
      push_compiled_field(L, key, entry);
      lua_replace(L, entry);
      lua_pushvalue(L, key);
      lua_pushvalue(L, entry);
      lua_rawset(L, layout);
    }
    if (to_field(L, entry)->kind == FieldKind::kLayout) {
      lua_getiuservalue(L, entry, 1);
      if (!is_compiled(L, -1)) pending.add(L, lua_gettop(L));
    }
    lua_settop(L, key);
  }
}

// Marks the table at `layout` as compiled, unless the script gave it a metatable of its own: then it is looked through
// again each time it is applied.
void mark_compiled(lua_State* L, int layout) {
  if (lua_getmetatable(L, layout) != 0) {
    lua_pop(L, 1);
    return;
  }
  push_layout_metatable(L);
  lua_setmetatable(L, layout);
}

}  // namespace

void compile_layout(lua_State* L, int index) {
  luaL_checkstack(L, 24, "compiling a layout");
  const int layout = lua_absindex(L, index);
  lua_pushnil(L);
  const int inner = lua_gettop(L);
  Pending pending{.table = inner, .outermost = layout};
  compile_entries(L, layout, pending);
  for (lua_Integer i = 1; i <= pending.count; ++i) {
    lua_rawgeti(L, inner, i);
    compile_entries(L, inner + 1, pending);
    lua_settop(L, inner);
  }
  mark_compiled(L, layout);
  for (lua_Integer i = 1; i <= pending.count; ++i) {
    lua_rawgeti(L, inner, i);
    mark_compiled(L, inner + 1);
    lua_settop(L, inner);
  }
  lua_settop(L, inner - 1);
}

void open_layouts(lua_State* L) {
  // Protected: a script that could write into it might give a finalizer to every layout.
  lua_createtable(L, 0, 2);
  set_string(L, "__name", "data.layout");
  set_string(L, "__metatable", "data.layout");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kLayoutTag);
}

void push_layout_metatable(lua_State* L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kLayoutTag);
}

}  // namespace perilune::luadata
