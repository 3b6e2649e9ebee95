#include "luadata/write.h"

#include <algorithm>
#include <cstring>

#include <lauxlib.h>

#include "luadata/field.h"
#include "luadata/lua_helpers.h"

namespace perilune::luadata {

uint8_t* writable(lua_State* L, const View& view, uint64_t offset, uint64_t end) {
  Bytes seen = resolve(view);
  if (seen.bytes == nullptr || end > seen.size) return nullptr;
  Memory& memory = *view.memory;
  if (memory.before_write != nullptr) {
    if (!memory.before_write(memory, memory.context)) {
      if (is_set(L, lua_upvalueindex(kModule), "strict")) luaL_error(L, "%s", memory.refusal);
      return nullptr;
    }
    seen = resolve(view);
    if (seen.bytes == nullptr || end > seen.size) return nullptr;
  }
  return seen.bytes + offset;
}

bool is_byte_string(lua_State* L, int index) {
  return lua_isstring(L, index) != 0 || to_view(L, index) != nullptr;
}

void copy_bytes(lua_State* L, const View& view, uint64_t offset, uint64_t room, int index) {
  const View* source = to_view(L, index);
  size_t length = 0;
  const char* text = nullptr;
  if (source != nullptr)
    length = resolve(*source).size;
  else
    text = lua_tolstring(L, index, &length);
  length = std::min<size_t>(length, room);
  if (length == 0) return;
  uint8_t* bytes = writable(L, view, offset, offset + length);
  if (bytes == nullptr) return;
  if (source == nullptr) {
    std::memcpy(bytes, text, length);
    return;
  }
  // Asking the owner may have moved the source too; and the two may overlap.
  const Bytes seen = resolve(*source);
  std::memmove(bytes, seen.bytes, std::min(length, seen.size));
}

int refuse_outside(lua_State* L, Bytes seen, bool unusable) {
  if (!is_set(L, lua_upvalueindex(kModule), "strict")) return 0;
  push_field_name(L, 2);
  const char* name = lua_tostring(L, -1);
  if (seen.bytes == nullptr) return luaL_error(L, "cannot write field %s: this data is no longer there", name);
  if (unusable) return luaL_error(L, "cannot write field %s: its length is 0 or above 64 bits", name);
  return luaL_error(L, "cannot write field %s: it lies outside the %I bytes of this data", name,
                    static_cast<LUAI_UACINT>(seen.size));
}

}  // namespace perilune::luadata
