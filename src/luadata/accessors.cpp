// As in Lunatik: offsets in bytes, whole widths, the byte order of the machine, and an error when the bytes are not all
// there. A write the memory's owner refuses is silent, or the owner's error with `data.strict`, as it is for fields.
#include "luadata/accessors.h"

#include <cstdint>
#include <cstring>

#include "luadata/view.h"
#include "luadata/write.h"

namespace perilune::luadata {
namespace {

// The argument error of an access to `length` bytes at argument 2.
int out_of_range(lua_State* L, Bytes seen, lua_Integer offset, lua_Integer length) {
  if (seen.bytes == nullptr) return luaL_argerror(L, 1, "this data is no longer there");
  lua_pushfstring(L, "out of range: %I bytes at offset %I of %I", static_cast<LUAI_UACINT>(length),
                  static_cast<LUAI_UACINT>(offset), static_cast<LUAI_UACINT>(seen.size));
  return luaL_argerror(L, 2, lua_tostring(L, -1));
}

bool in_range(Bytes seen, lua_Integer offset, lua_Integer length) {
  if (seen.bytes == nullptr || offset < 0 || length < 0) return false;
  const auto start = static_cast<uint64_t>(offset);
  return start <= seen.size && static_cast<uint64_t>(length) <= seen.size - start;
}

template <typename T>
int get_integer(lua_State* L) {
  const View& view = check_view(L, 1);
  const lua_Integer offset = luaL_checkinteger(L, 2);
  const Bytes seen = resolve(view);
  if (!in_range(seen, offset, sizeof(T))) return out_of_range(L, seen, offset, sizeof(T));
  T value;
  std::memcpy(&value, seen.bytes + offset, sizeof value);
  lua_pushinteger(L, static_cast<lua_Integer>(value));
  return 1;
}

template <typename T>
int set_integer(lua_State* L) {
  const View& view = check_view(L, 1);
  const lua_Integer offset = luaL_checkinteger(L, 2);
  const auto value = static_cast<T>(luaL_checkinteger(L, 3));
  const Bytes seen = resolve(view);
  if (!in_range(seen, offset, sizeof(T))) return out_of_range(L, seen, offset, sizeof(T));
  const auto start = static_cast<uint64_t>(offset);
  if (uint8_t* bytes = writable(L, view, start, start + sizeof(T)); bytes != nullptr)
    std::memcpy(bytes, &value, sizeof value);
  return 0;
}

int get_string(lua_State* L) {
  const View& view = check_view(L, 1);
  const lua_Integer offset = luaL_checkinteger(L, 2);
  const bool to_end = lua_isnoneornil(L, 3);
  const lua_Integer wanted = to_end ? 0 : luaL_checkinteger(L, 3);
  const Bytes seen = resolve(view);
  if (!in_range(seen, offset, wanted)) return out_of_range(L, seen, offset, wanted);
  const size_t length = to_end ? seen.size - static_cast<size_t>(offset) : static_cast<size_t>(wanted);
  lua_pushlstring(L, reinterpret_cast<const char*>(seen.bytes + offset), length);
  return 1;
}

int set_string(lua_State* L) {
  const View& view = check_view(L, 1);
  const lua_Integer offset = luaL_checkinteger(L, 2);
  const View* source = to_view(L, 3);
  size_t length = 0;
  if (source != nullptr)
    length = resolve(*source).size;
  else
    luaL_checklstring(L, 3, &length);
  const Bytes seen = resolve(view);
  if (!in_range(seen, offset, static_cast<lua_Integer>(length)))
    return out_of_range(L, seen, offset, static_cast<lua_Integer>(length));
  copy_bytes(L, view, static_cast<uint64_t>(offset), length, 3);
  return 0;
}

}  // namespace

const luaL_Reg kAccessors[] = {{"getbyte", get_integer<uint8_t>},
                               {"setbyte", set_integer<uint8_t>},
                               {"getint8", get_integer<int8_t>},
                               {"setint8", set_integer<int8_t>},
                               {"getuint8", get_integer<uint8_t>},
                               {"setuint8", set_integer<uint8_t>},
                               {"getint16", get_integer<int16_t>},
                               {"setint16", set_integer<int16_t>},
                               {"getuint16", get_integer<uint16_t>},
                               {"setuint16", set_integer<uint16_t>},
                               {"getint32", get_integer<int32_t>},
                               {"setint32", set_integer<int32_t>},
                               {"getuint32", get_integer<uint32_t>},
                               {"setuint32", set_integer<uint32_t>},
                               {"getint64", get_integer<int64_t>},
                               {"setint64", set_integer<int64_t>},
                               {"getuint64", get_integer<uint64_t>},
                               {"setuint64", set_integer<uint64_t>},
                               {"getnumber", get_integer<lua_Integer>},
                               {"setnumber", set_integer<lua_Integer>},
                               {"getstring", get_string},
                               {"setstring", set_string},
                               {nullptr, nullptr}};

}  // namespace perilune::luadata
