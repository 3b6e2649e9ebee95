// A data object as Lua has it: a userdata that says which part of which Memory it shows, and when it was made.
//
// User value 1 is the layout applied to it (nil: none). Objects whose bytes belong to Lua have a user value 2, the
// userdata that holds the Memory and the bytes, which lives as long as any view of it does. Views have no finalizer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <lua.h>

#include "luadata/memory.h"

namespace perilune::luadata {

struct View {
  const void* tag;  // &kViewTag
  Memory* memory;
  uint64_t generation;  // of the memory when the first view of this line was made
  size_t offset;
  size_t length;
};

extern const char kViewTag;
inline constexpr int kLayoutSlot = 1;
inline constexpr int kOwnerSlot = 2;

/// The bytes a view can see right now. `bytes` is null when it was cut off (then `size` is 0).
struct Bytes {
  uint8_t* bytes;
  size_t size;
};

[[nodiscard]] inline Bytes resolve(const View& view) {
  const Memory& memory = *view.memory;
  if (view.generation != memory.generation || memory.bytes == nullptr || view.offset > memory.size) return {nullptr, 0};
  return {memory.bytes + view.offset, std::min(view.length, memory.size - view.offset)};
}

/// The view at `index`, or null when what is there is something else.
[[nodiscard]] inline View* to_view(lua_State* L, int index) {
  auto* view = static_cast<View*>(lua_touserdata(L, index));
  return view != nullptr && lua_rawlen(L, index) == sizeof(View) && view->tag == &kViewTag ? view : nullptr;
}

/// The view that is argument `index` of a function; raises an argument error when it is none.
View& check_view(lua_State* L, int index);

/// The functions of the module share these upvalues.
enum Upvalue : int { kModule = 1, kMethods, kViewMetatable, kLayoutMetatable, kUpvalueCount = kLayoutMetatable };

/// Pushes a view of a part of `parent` (a view at stack index `parent_index`) that starts `offset` bytes into it, with
/// no layout. Only for functions of the module: takes the metatable from their upvalues.
View& push_part(lua_State* L, const View& parent, int parent_index, size_t offset, size_t length);

/// Pushes a view of `size` new bytes that belong to Lua and are not set yet, and returns them. For functions of the
/// module.
uint8_t* push_owned(lua_State* L, size_t size);

/// Makes the table at the top of the stack known as the metatable of views (it stays there).
void open_views(lua_State* L);

}  // namespace perilune::luadata
