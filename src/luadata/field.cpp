#include "luadata/field.h"

#include <bit>
#include <cstring>
#include <optional>

#include <lauxlib.h>

#include "luadata/lua_helpers.h"

namespace perilune::luadata {

const char kFieldTag = 0;

namespace {

constexpr bool kHostIsLittle = std::endian::native == std::endian::little;
constexpr size_t kMaxNameLength = 64;

enum class FieldType { kNumber, kSigned, kString, kIpv4, kIpv6, kMac };

// A description on its way to a Field, with what messages need. The stack holds the description's parts at these
// indices.
struct Description {
  lua_State* L;
  int key;
  int offset;
  int length;
  int type;
  int endian;
  int layout;
};

[[noreturn]] void fail(const Description& description, const char* what) {
  push_field_name(description.L, description.key);
  luaL_error(description.L, "field %s: %s", lua_tostring(description.L, -1), what);
  __builtin_unreachable();
}

// Pushes entry[name] when it is set, else entry[position].
int push_part(lua_State* L, int entry, const char* name, int position) {
  lua_pushstring(L, name);
  lua_rawget(L, entry);
  if (lua_isnil(L, -1) && position != 0) {
    lua_pop(L, 1);
    lua_rawgeti(L, entry, position);
  }
  return lua_gettop(L);
}

uint64_t size_part(const Description& description, int index, const char* name) {
  lua_State* L = description.L;
  if (lua_isnil(L, index)) {
    lua_pushfstring(L, "its %s is missing", name);
    fail(description, lua_tostring(L, -1));
  }
  int is_integer = 0;
  const lua_Integer value = lua_tointegerx(L, index, &is_integer);
  if (is_integer == 0) {
    if (lua_type(L, index) == LUA_TNUMBER)
      lua_pushfstring(L, "its %s %f is not a whole number", name, lua_tonumber(L, index));
    else
      lua_pushfstring(L, "its %s must be a whole number, got a %s", name, luaL_typename(L, index));
    fail(description, lua_tostring(L, -1));
  }
  if (value < 0) {
    lua_pushfstring(L, "its %s %I is negative", name, static_cast<LUAI_UACINT>(value));
    fail(description, lua_tostring(L, -1));
  }
  return static_cast<uint64_t>(value);
}

// The word at `index`, cut for a message when it is not one we know.
const char* word_part(const Description& description, int index, const char* name) {
  lua_State* L = description.L;
  if (lua_type(L, index) != LUA_TSTRING) {
    lua_pushfstring(L, "its %s must be a string, got a %s", name, luaL_typename(L, index));
    fail(description, lua_tostring(L, -1));
  }
  return lua_tostring(L, index);
}

[[noreturn]] void fail_word(const Description& description, int index, const char* name, const char* known) {
  lua_State* L = description.L;
  push_field_name(L, index);
  lua_pushfstring(L, "unknown %s %s (%s)", name, lua_tostring(L, -1), known);
  fail(description, lua_tostring(L, -1));
}

constexpr const char* kKnownTypes = "use 'number', 'signed', 'string', 'ipv4', 'ipv6' or 'mac'";
constexpr const char* kKnownEndians = "use 'big', 'net', 'little' or 'host'";

// Byte orders are distinguished by their first letter.
std::optional<bool> little_endian_of(const char* word) {
  switch (word[0]) {
    case 'b':
    case 'n':
      return false;
    case 'l':
      return true;
    case 'h':
      return kHostIsLittle;
    default:
      return std::nullopt;
  }
}

// Types too, except where two share it: "si..." is signed, any other "s..." a string; the addresses are written out.
std::optional<FieldType> type_of(const char* word) {
  switch (word[0]) {
    case 'n':
      return FieldType::kNumber;
    case 's':
      return word[1] == 'i' ? FieldType::kSigned : FieldType::kString;
    case 'm':
      return FieldType::kMac;
    case 'i':
      if (std::strcmp(word, "ipv4") == 0) return FieldType::kIpv4;
      if (std::strcmp(word, "ipv6") == 0) return FieldType::kIpv6;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

FieldKind number_kind(unsigned first_bit, uint64_t width, bool little_endian) {
  if (first_bit != 0) return FieldKind::kBits;
  switch (width) {
    case 8:
      return FieldKind::kByte;
    case 16:
      return little_endian ? FieldKind::kLittle16 : FieldKind::kBig16;
    case 32:
      return little_endian ? FieldKind::kLittle32 : FieldKind::kBig32;
    case 64:
      return little_endian ? FieldKind::kLittle64 : FieldKind::kBig64;
    default:
      return FieldKind::kBits;
  }
}

void set_number(Field& field, uint64_t offset_bits, bool is_signed, bool little_endian) {
  field.first_bit = static_cast<uint8_t>(offset_bits % 8);
  field.offset = offset_bits / 8;
  field.is_signed = is_signed;
  field.little_endian = little_endian;
  field.kind = number_kind(field.first_bit, field.length, little_endian);
  if (field.length == 0 || field.length > 64) {
    field.end = kNowhere;
    return;
  }
  field.width = static_cast<uint8_t>(field.length);
  field.end = field.offset + (field.first_bit + field.length + 7) / 8;
}

// An address is measured in bytes, as a string is, or in bits, as a number is; its length says which was meant.
void set_address(const Description& description, Field& field, uint64_t offset, uint64_t size) {
  if (field.length == size * 8) {
    if (offset % 8 != 0) fail(description, "an address must start at a whole byte");
    offset /= 8;
  } else if (field.length != size) {
    lua_pushfstring(description.L, "an address of this type is %d bytes long (or %d, counted in bits)",
                    static_cast<int>(size), static_cast<int>(size * 8));
    fail(description, lua_tostring(description.L, -1));
  }
  field.length = size;
  field.offset = offset;
  field.end = offset + size;
}

uint64_t address_size(FieldType type) {
  switch (type) {
    case FieldType::kIpv4:
      return 4;
    case FieldType::kIpv6:
      return 16;
    case FieldType::kMac:
      return 6;
    default:
      return 0;
  }
}

// Reads type and byte order. The spelling before July 2014 has the byte order third.
FieldType read_type(const Description& description, bool& little_endian) {
  lua_State* L = description.L;
  FieldType type = FieldType::kNumber;
  const bool has_endian = !lua_isnil(L, description.endian);
  if (!lua_isnil(L, description.type)) {
    const char* word = word_part(description, description.type, "type");
    if (const auto known = type_of(word)) {
      type = *known;
    } else if (const auto order = little_endian_of(word)) {
      if (has_endian) fail(description, "its byte order is given twice");
      little_endian = *order;
    } else {
      fail_word(description, description.type, "type", kKnownTypes);
    }
  }
  if (has_endian) {
    const auto order = little_endian_of(word_part(description, description.endian, "byte order"));
    if (!order) fail_word(description, description.endian, "byte order", kKnownEndians);
    little_endian = *order;
  }
  return type;
}

Field describe_value(const Description& description) {
  lua_State* L = description.L;
  Field field{};
  field.tag = &kFieldTag;
  bool little_endian = false;
  const FieldType type = read_type(description, little_endian);
  const uint64_t offset = size_part(description, description.offset, "offset");
  const uint64_t fixed_size = address_size(type);
  if (fixed_size != 0 && lua_isnil(L, description.length))
    field.length = fixed_size;
  else
    field.length = size_part(description, description.length, "length");
  switch (type) {
    case FieldType::kNumber:
    case FieldType::kSigned:
      set_number(field, offset, type == FieldType::kSigned, little_endian);
      break;
    case FieldType::kString:
      field.kind = FieldKind::kString;
      field.offset = offset;
      field.end = field.length == 0 ? kNowhere : offset + field.length;
      break;
    case FieldType::kIpv4:
      field.kind = FieldKind::kIpv4;
      set_address(description, field, offset, fixed_size);
      break;
    case FieldType::kIpv6:
      field.kind = FieldKind::kIpv6;
      set_address(description, field, offset, fixed_size);
      break;
    case FieldType::kMac:
      field.kind = FieldKind::kMac;
      set_address(description, field, offset, fixed_size);
      break;
  }
  return field;
}

Field describe_layout(const Description& description) {
  lua_State* L = description.L;
  if (!lua_istable(L, description.layout)) {
    lua_pushfstring(L, "its layout must be a table, got a %s", luaL_typename(L, description.layout));
    fail(description, lua_tostring(L, -1));
  }
  if (!lua_isnil(L, description.type) || !lua_isnil(L, description.endian))
    fail(description, "a layout inside a layout has an offset and nothing else");
  Field field{};
  field.tag = &kFieldTag;
  field.kind = FieldKind::kLayout;
  field.offset = size_part(description, description.offset, "offset");
  field.end = field.offset;
  return field;
}

// Pushes the userdata for `field` (and its inner layout, at index `layout`, when it has one).
void push_field(lua_State* L, const Field& field, int layout) {
  const bool nested = field.kind == FieldKind::kLayout;
  void* block = lua_newuserdatauv(L, sizeof(Field), nested ? 1 : 0);
  std::memcpy(block, &field, sizeof field);
  if (nested) {
    lua_pushvalue(L, layout);
    lua_setiuservalue(L, -2, 1);
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kFieldTag);
  lua_setmetatable(L, -2);
}

int field_tostring(lua_State* L) {
  const Field* field = to_field(L, 1);
  luaL_argexpected(L, field != nullptr, 1, "data.field");
  const auto offset = static_cast<LUAI_UACINT>(field->offset);
  const auto length = static_cast<LUAI_UACINT>(field->length);
  switch (field->kind) {
    case FieldKind::kString:
      lua_pushfstring(L, "field: string of %I bytes at byte %I", length, offset);
      break;
    case FieldKind::kIpv4:
      lua_pushfstring(L, "field: ipv4 at byte %I", offset);
      break;
    case FieldKind::kIpv6:
      lua_pushfstring(L, "field: ipv6 at byte %I", offset);
      break;
    case FieldKind::kMac:
      lua_pushfstring(L, "field: mac at byte %I", offset);
      break;
    case FieldKind::kLayout:
      lua_pushfstring(L, "field: layout at byte %I", offset);
      break;
    default:
      lua_pushfstring(L, "field: %s of %I bits at byte %I bit %d, %s-endian", field->is_signed ? "signed" : "number",
                      length, offset, static_cast<int>(field->first_bit), field->little_endian ? "little" : "big");
  }
  return 1;
}

}  // namespace

const char* push_field_name(lua_State* L, int key) {
  key = lua_absindex(L, key);
  int is_integer = 0;
  const lua_Integer integer = lua_tointegerx(L, key, &is_integer);
  if (lua_type(L, key) == LUA_TSTRING) {
    size_t length = 0;
    const char* name = lua_tolstring(L, key, &length);
    if (length <= kMaxNameLength) return lua_pushfstring(L, "'%s'", name);
    lua_pushlstring(L, name, kMaxNameLength);
    lua_pushfstring(L, "'%s...'", lua_tostring(L, -1));
    lua_remove(L, -2);
    return lua_tostring(L, -1);
  }
  if (is_integer != 0) return lua_pushfstring(L, "[%I]", static_cast<LUAI_UACINT>(integer));
  if (lua_type(L, key) == LUA_TNUMBER) return lua_pushfstring(L, "[%f]", lua_tonumber(L, key));
  return lua_pushfstring(L, "[a %s]", luaL_typename(L, key));
}

void push_compiled_field(lua_State* L, int key, int entry) {
  luaL_checkstack(L, 16, "compiling a layout");
  key = lua_absindex(L, key);
  entry = lua_absindex(L, entry);
  Description description{.L = L, .key = key, .offset = 0, .length = 0, .type = 0, .endian = 0, .layout = 0};
  if (!lua_istable(L, entry)) {
    lua_pushfstring(L, "must be a table {offset, length [, type [, endian]]}, got a %s", luaL_typename(L, entry));
    fail(description, lua_tostring(L, -1));
  }
  const int top = lua_gettop(L);
  description.offset = push_part(L, entry, "offset", 1);
  description.length = push_part(L, entry, "length", 2);
  description.type = push_part(L, entry, "type", 3);
  description.endian = push_part(L, entry, "endian", 4);
  description.layout = push_part(L, entry, "layout", 0);
  if (lua_isnil(L, description.layout) && lua_istable(L, description.length)) description.layout = description.length;
  if (lua_isnil(L, description.layout))
    push_field(L, describe_value(description), 0);
  else
    push_field(L, describe_layout(description), description.layout);
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
}

void open_fields(lua_State* L) {
  lua_createtable(L, 0, 3);
  set_string(L, "__name", "data.field");
  set_string(L, "__metatable", "data.field");
  lua_pushcfunction(L, field_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kFieldTag);
}

}  // namespace perilune::luadata
