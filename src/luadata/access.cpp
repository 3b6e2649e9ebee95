// The order in which a key is looked up: the methods `layout` and `segment`, which shadow fields of these names, as
// they always did; the fields of the layout, whatever the key is; the accessors (getuint8...), which are younger than
// the scripts that may have fields of these names; bytes by number.
//
// A read is one look at the view, one raw look-up in the layout table, one comparison with the view's length, and the
// load. `data.strict` is asked only where something failed.
#include "luadata/access.h"

#include <cstring>
#include <string_view>

#include <lauxlib.h>

#include "luadata/address_text.h"
#include "luadata/bits.h"
#include "luadata/field.h"
#include "luadata/lua_helpers.h"
#include "luadata/type_name.h"
#include "luadata/view.h"
#include "luadata/write.h"

namespace perilune::luadata {
namespace {

using std::string_view;

template <typename T>
T load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

constexpr bool kSwapBig = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

constexpr uint16_t swap(uint16_t value) {
  return __builtin_bswap16(value);
}
constexpr uint32_t swap(uint32_t value) {
  return __builtin_bswap32(value);
}
constexpr uint64_t swap(uint64_t value) {
  return __builtin_bswap64(value);
}

template <typename T>
uint64_t load_big(const uint8_t* bytes) {
  const T value = load<T>(bytes);
  return kSwapBig ? swap(value) : value;
}

template <typename T>
uint64_t load_little(const uint8_t* bytes) {
  const T value = load<T>(bytes);
  return kSwapBig ? value : swap(value);
}

template <typename T>
void store(uint8_t* bytes, uint64_t value, bool swapped) {
  auto stored = static_cast<T>(value);
  if (swapped) stored = swap(stored);
  std::memcpy(bytes, &stored, sizeof stored);
}

uint64_t load_number(const Field& field, const uint8_t* bytes) {
  switch (field.kind) {
    case FieldKind::kByte:
      return bytes[0];
    case FieldKind::kBig16:
      return load_big<uint16_t>(bytes);
    case FieldKind::kBig32:
      return load_big<uint32_t>(bytes);
    case FieldKind::kBig64:
      return load_big<uint64_t>(bytes);
    case FieldKind::kLittle16:
      return load_little<uint16_t>(bytes);
    case FieldKind::kLittle32:
      return load_little<uint32_t>(bytes);
    case FieldKind::kLittle64:
      return load_little<uint64_t>(bytes);
    default:
      return read_bits(bytes, field.first_bit, field.width, field.little_endian);
  }
}

void store_number(const Field& field, uint8_t* bytes, uint64_t value) {
  switch (field.kind) {
    case FieldKind::kByte:
      bytes[0] = static_cast<uint8_t>(value);
      break;
    case FieldKind::kBig16:
      store<uint16_t>(bytes, value, kSwapBig);
      break;
    case FieldKind::kBig32:
      store<uint32_t>(bytes, value, kSwapBig);
      break;
    case FieldKind::kBig64:
      store<uint64_t>(bytes, value, kSwapBig);
      break;
    case FieldKind::kLittle16:
      store<uint16_t>(bytes, value, !kSwapBig);
      break;
    case FieldKind::kLittle32:
      store<uint32_t>(bytes, value, !kSwapBig);
      break;
    case FieldKind::kLittle64:
      store<uint64_t>(bytes, value, !kSwapBig);
      break;
    default:
      write_bits(bytes, field.first_bit, field.width, field.little_endian, value);
  }
}

// The field for the key at index 2 in the layout of the view at index 1, left at the top of the stack; null (the stack
// as it was) when there is none. A field the script added or changed since the layout was compiled is compiled now.
const Field* find_field(lua_State* L) {
  if (lua_getiuservalue(L, 1, kLayoutSlot) != LUA_TTABLE) {
    lua_pop(L, 1);
    return nullptr;
  }
  lua_pushvalue(L, 2);
  const int type = lua_rawget(L, -2);
  if (const Field* field = to_field(L, -1); field != nullptr) return field;
  if (type == LUA_TNIL) {
    lua_pop(L, 2);
    return nullptr;
  }
  push_compiled_field(L, 2, -1);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, -5);
  return to_field(L, -1);
}

int push_text(lua_State* L, const Field& field, const uint8_t* bytes) {
  char text[kAddressTextSize];
  if (field.kind == FieldKind::kIpv4)
    ipv4_to_text(bytes, text);
  else if (field.kind == FieldKind::kIpv6)
    ipv6_to_text(bytes, text);
  else
    mac_to_text(bytes, text);
  lua_pushstring(L, text);
  return 1;
}

// The inner layout's view: from its offset to the end of the outer one. The field is at the top of the stack.
int push_inner(lua_State* L, const View& view, const Field& field, size_t size) {
  const int field_index = lua_gettop(L);
  push_part(L, view, 1, field.offset, size - field.offset);
  lua_getiuservalue(L, field_index, 1);
  lua_setiuservalue(L, -2, kLayoutSlot);
  return 1;
}

int read_field(lua_State* L, const View& view, const Field& field) {
  const Bytes seen = resolve(view);
  if (seen.bytes == nullptr || field.end > seen.size) {
    lua_pushnil(L);
    return 1;
  }
  const uint8_t* bytes = seen.bytes + field.offset;
  switch (field.kind) {
    case FieldKind::kString:
      lua_pushlstring(L, reinterpret_cast<const char*>(bytes), field.length);
      return 1;
    case FieldKind::kIpv4:
    case FieldKind::kIpv6:
    case FieldKind::kMac:
      return push_text(L, field, bytes);
    case FieldKind::kLayout:
      return push_inner(L, view, field, seen.size);
    default: {
      const uint64_t value = load_number(field, bytes);
      lua_pushinteger(L, field.is_signed ? sign_extend(value, field.width) : static_cast<lua_Integer>(value));
      return 1;
    }
  }
}

// Nothing answers to the key at index 2.
int unknown_field(lua_State* L) {
  if (is_set(L, lua_upvalueindex(kModule), "strict")) {
    const bool has_layout = lua_getiuservalue(L, 1, kLayoutSlot) == LUA_TTABLE;
    push_field_name(L, 2);
    return luaL_error(L, has_layout ? "no field %s in this data's layout" : "no field %s: this data has no layout",
                      lua_tostring(L, -1));
  }
  lua_pushnil(L);
  return 1;
}

[[noreturn]] void bad_value(lua_State* L, const char* what) {
  push_field_name(L, 2);
  luaL_error(L, "field %s: cannot write a %s, it needs %s", lua_tostring(L, -1), type_name(L, 3), what);
  __builtin_unreachable();
}

lua_Integer number_value(lua_State* L) {
  int is_integer = 0;
  const lua_Integer value = lua_tointegerx(L, 3, &is_integer);
  if (is_integer == 0) {
    if (lua_type(L, 3) == LUA_TNUMBER) {
      push_field_name(L, 2);
      luaL_error(L, "field %s: cannot write %f, it needs a whole number", lua_tostring(L, -1), lua_tonumber(L, 3));
    }
    bad_value(L, "a whole number");
  }
  return value;
}

int write_number(lua_State* L, const View& view, const Field& field) {
  const auto value = static_cast<uint64_t>(number_value(L));
  if (uint8_t* bytes = writable(L, view, field.offset, field.end); bytes != nullptr) store_number(field, bytes, value);
  return 0;
}

int write_address(lua_State* L, const View& view, const Field& field) {
  uint8_t parsed[16];
  size_t length = 0;
  const char* text = lua_type(L, 3) == LUA_TSTRING ? lua_tolstring(L, 3, &length) : nullptr;
  const char* what = field.kind == FieldKind::kIpv4   ? "an IPv4 address such as '192.0.2.1'"
                     : field.kind == FieldKind::kIpv6 ? "an IPv6 address such as '2001:db8::1'"
                                                      : "a MAC address such as '02:00:5e:00:53:01'";
  if (text == nullptr) bad_value(L, what);
  const bool parses = field.kind == FieldKind::kIpv4   ? ipv4_from_text(text, length, parsed)
                      : field.kind == FieldKind::kIpv6 ? ipv6_from_text(text, length, parsed)
                                                       : mac_from_text(text, length, parsed);
  if (!parses) {
    push_field_name(L, 2);
    push_field_name(L, 3);
    return luaL_error(L, "field %s: %s is not %s", lua_tostring(L, -2), lua_tostring(L, -1), what);
  }
  if (uint8_t* bytes = writable(L, view, field.offset, field.end); bytes != nullptr)
    std::memcpy(bytes, parsed, field.length);
  return 0;
}

int write_string(lua_State* L, const View& view, const Field& field) {
  if (!is_byte_string(L, 3)) bad_value(L, "a string");
  copy_bytes(L, view, field.offset, field.length, 3);
  return 0;
}

int write_field(lua_State* L, const View& view, const Field& field) {
  if (field.kind == FieldKind::kLayout) {
    push_field_name(L, 2);
    return luaL_error(L, "field %s is a layout: write the fields inside it", lua_tostring(L, -1));
  }
  const Bytes seen = resolve(view);
  if (seen.bytes == nullptr || field.end > seen.size) return refuse_outside(L, seen, field.end == kNowhere);
  switch (field.kind) {
    case FieldKind::kString:
      return write_string(L, view, field);
    case FieldKind::kIpv4:
    case FieldKind::kIpv6:
    case FieldKind::kMac:
      return write_address(L, view, field);
    default:
      return write_number(L, view, field);
  }
}

// d[i] = v for an integer key `position` that is no field.
int write_byte(lua_State* L, const View& view, lua_Integer position) {
  const Bytes seen = resolve(view);
  if (position < 0 || static_cast<uint64_t>(position) >= seen.size) return refuse_outside(L, seen, false);
  const lua_Integer value = number_value(L);
  const auto offset = static_cast<size_t>(position);
  if (uint8_t* bytes = writable(L, view, offset, offset + 1); bytes != nullptr) *bytes = static_cast<uint8_t>(value);
  return 0;
}

// Whether the key at index 2 is the name of a method that shadows fields. Its length is asked first: one call for most
// keys.
bool is_shadowing_method(lua_State* L) {
  const lua_Unsigned length = lua_rawlen(L, 2);
  if ((length != sizeof "layout" - 1 && length != sizeof "segment" - 1) || lua_type(L, 2) != LUA_TSTRING) return false;
  const string_view name(lua_tostring(L, 2), length);
  return name == "layout" || name == "segment";
}

// Pushes the method for the key at index 2; false (nothing pushed) when there is none.
bool push_method(lua_State* L) {
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(kMethods)) != LUA_TNIL) return true;
  lua_pop(L, 1);
  return false;
}

}  // namespace

int index_view(lua_State* L) {
  const View& view = check_view(L, 1);
  if (is_shadowing_method(L)) return push_method(L) ? 1 : 0;
  if (const Field* field = find_field(L); field != nullptr) return read_field(L, view, *field);
  if (lua_type(L, 2) == LUA_TSTRING) return push_method(L) ? 1 : unknown_field(L);
  int is_integer = 0;
  const lua_Integer position = lua_tointegerx(L, 2, &is_integer);
  if (is_integer == 0) return unknown_field(L);
  const Bytes seen = resolve(view);
  if (position < 0 || static_cast<uint64_t>(position) >= seen.size)
    lua_pushnil(L);
  else
    lua_pushinteger(L, seen.bytes[position]);
  return 1;
}

int newindex_view(lua_State* L) {
  const View& view = check_view(L, 1);
  if (is_shadowing_method(L)) {
    if (!is_set(L, lua_upvalueindex(kModule), "strict")) return 0;
    return luaL_error(L, "cannot write '%s': it is a method of data objects", lua_tostring(L, 2));
  }
  if (const Field* field = find_field(L); field != nullptr) return write_field(L, view, *field);
  int is_integer = 0;
  const lua_Integer position = lua_tointegerx(L, 2, &is_integer);
  if (lua_type(L, 2) == LUA_TNUMBER && is_integer != 0) return write_byte(L, view, position);
  unknown_field(L);
  return 0;
}

}  // namespace perilune::luadata
