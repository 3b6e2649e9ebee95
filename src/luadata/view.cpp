#include "luadata/view.h"

#include <new>

#include <lauxlib.h>

#include "luadata/luadata.h"

namespace perilune::luadata {

const char kViewTag = 0;

namespace {

// Pushes a view without a metatable. `slots`: how many user values it has.
View& push_bare_view(lua_State* L, Memory& memory, uint64_t generation, size_t offset, size_t length, int slots) {
  void* block = lua_newuserdatauv(L, sizeof(View), slots);
  return *new (block) View{&kViewTag, &memory, generation, offset, length};
}

// Pushes a userdata that holds a Memory and, after it, `size` bytes.
Memory& push_storage(lua_State* L, size_t size) {
  auto* block = static_cast<uint8_t*>(lua_newuserdatauv(L, sizeof(Memory) + size, 0));
  auto& memory = *new (block) Memory;
  memory.show(block + sizeof(Memory), size);
  return memory;
}

// Makes the userdata below the view at the top of the stack its owner; only the view is left there.
void adopt_owner(lua_State* L) {
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, kOwnerSlot);
}

}  // namespace

View& check_view(lua_State* L, int index) {
  View* view = to_view(L, index);
  if (view == nullptr) luaL_typeerror(L, index, "data");
  return *view;
}

View& push_part(lua_State* L, const View& parent, int parent_index, size_t offset, size_t length) {
  parent_index = lua_absindex(L, parent_index);
  const bool owned = lua_getiuservalue(L, parent_index, kOwnerSlot) == LUA_TUSERDATA;
  if (!owned) lua_pop(L, 1);
  View& part = push_bare_view(L, *parent.memory, parent.generation, parent.offset + offset, length,
                              owned ? kOwnerSlot : kLayoutSlot);
  if (owned) adopt_owner(L);
  lua_pushvalue(L, lua_upvalueindex(kViewMetatable));
  lua_setmetatable(L, -2);
  return part;
}

uint8_t* push_owned(lua_State* L, size_t size) {
  Memory& memory = push_storage(L, size);
  push_bare_view(L, memory, memory.generation, 0, size, kOwnerSlot);
  adopt_owner(L);
  lua_pushvalue(L, lua_upvalueindex(kViewMetatable));
  lua_setmetatable(L, -2);
  return memory.bytes;
}

void open_views(lua_State* L) {
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kViewTag);
}

void push_view(lua_State* L, Memory& memory, size_t offset, size_t length) {
  luaL_checkstack(L, 3, "pushing a data object");
  push_bare_view(L, memory, memory.generation, offset, length, kLayoutSlot);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kViewTag);
  lua_setmetatable(L, -2);
}

const uint8_t* view_bytes(lua_State* L, int index, size_t& size) {
  const View* view = to_view(L, index);
  const Bytes seen = view == nullptr ? Bytes{nullptr, 0} : resolve(*view);
  size = seen.size;
  return seen.bytes;
}

}  // namespace perilune::luadata

using perilune::luadata::Bytes;
using perilune::luadata::View;

int ldata_newref(lua_State* L, void* pointer, size_t size) {
  namespace ld = perilune::luadata;
  luaL_checkstack(L, 6, "making a data object");
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &ld::kViewTag) == LUA_TNIL) {
    luaopen_data(L);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  ld::Memory& memory = ld::push_storage(L, 0);
  memory.show(static_cast<uint8_t*>(pointer), pointer == nullptr ? 0 : size);
  ld::push_bare_view(L, memory, memory.generation, 0, memory.size, ld::kOwnerSlot);
  ld::adopt_owner(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &ld::kViewTag);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

void ldata_unref(lua_State* L, int reference) {
  if (reference < 0) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  const View* view = perilune::luadata::to_view(L, -1);
  lua_pop(L, 1);
  if (view == nullptr) return;
  view->memory->release();
  luaL_unref(L, LUA_REGISTRYINDEX, reference);
}

void* ldata_topointer(lua_State* L, int index, size_t* size) {
  const View* view = perilune::luadata::to_view(L, index);
  const Bytes seen = view == nullptr ? Bytes{nullptr, 0} : perilune::luadata::resolve(*view);
  if (size != nullptr) *size = seen.size;
  return seen.bytes;
}
