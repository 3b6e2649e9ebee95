// The module `net`: builds the tables of net_tables.h in a state. Each state has its own; nothing is shared between
// scripts.
#include <lauxlib.h>

#include "luadata/layout.h"
#include "luadata/luadata.h"
#include "luadata/net_tables.h"

namespace perilune::luadata {
namespace {

void set_integer_at(lua_State* L, lua_Integer position, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_rawseti(L, -2, position);
}

// Pushes the layout as a script would write it, then compiles it.
void push_net_layout(lua_State* L, const NetLayout& layout) {
  lua_createtable(L, 0, static_cast<int>(layout.fields.size()));
  for (const NetField& field : layout.fields) {
    lua_createtable(L, 3, 0);
    set_integer_at(L, 1, field.offset);
    set_integer_at(L, 2, field.length);
    if (field.type != nullptr) {
      lua_pushstring(L, field.type);
      lua_rawseti(L, -2, 3);
    }
    lua_setfield(L, -2, field.name);
  }
  compile_layout(L, -1);
}

void push_net_constants(lua_State* L, const NetConstants& group) {
  lua_createtable(L, 0, static_cast<int>(group.constants.size()));
  for (const NetConstant& constant : group.constants) {
    lua_pushinteger(L, constant.value);
    lua_setfield(L, -2, constant.name);
  }
}

}  // namespace
}  // namespace perilune::luadata

int luaopen_net(lua_State* L) {
  using namespace perilune::luadata;
  luaL_checkstack(L, 16, "opening net");
  luaopen_data(L);
  lua_pop(L, 1);
  lua_newtable(L);
  for (const NetLayout& layout : net_layouts()) {
    push_net_layout(L, layout);
    lua_setfield(L, -2, layout.name);
  }
  for (const NetConstants& group : net_constants()) {
    push_net_constants(L, group);
    lua_setfield(L, -2, group.name);
  }
  return 1;
}
