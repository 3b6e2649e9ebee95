// One compiled field of a layout: where its bytes are and what they mean, checked once so that an access is one
// comparison and one read.
//
// A compiled field is a Lua userdata that takes the place of the script's `{offset, length, ...}` in the layout table.
// The table stays the script's own: whatever is found in it is checked to be such a userdata before it is used.
#pragma once

#include <cstdint>

#include <lua.h>

namespace perilune::luadata {

enum class FieldKind : uint8_t {
  kByte,
  kBig16,
  kBig32,
  kBig64,
  kLittle16,
  kLittle32,
  kLittle64,
  kBits,  // any width, any alignment
  kString,
  kIpv4,
  kIpv6,
  kMac,
  kLayout,  // a layout inside a layout; the table is the userdata's user value
};

struct Field {
  const void* tag;  // &kFieldTag
  uint64_t offset;  // of the first byte touched
  uint64_t end;     // one past the last byte touched; kNowhere when the field lies in no object (no bits, or above 64)
  uint64_t length;  // as written: bits of a number, bytes of everything else
  FieldKind kind;
  bool is_signed;
  bool little_endian;
  uint8_t first_bit;  // of a number: 0 to 7
  uint8_t width;      // of a number: 1 to 64
};

inline constexpr uint64_t kNowhere = UINT64_MAX;
extern const char kFieldTag;

/// The field at `index`, or null when what is there is something else.
[[nodiscard]] inline const Field* to_field(lua_State* L, int index) {
  const auto* field = static_cast<const Field*>(lua_touserdata(L, index));
  return field != nullptr && lua_rawlen(L, index) == sizeof(Field) && field->tag == &kFieldTag ? field : nullptr;
}

/// Compiles the description at `entry` of the field named by the value at `key` and pushes the compiled field. Raises a
/// Lua error that names the field when the description is wrong. Runs no code of the script.
void push_compiled_field(lua_State* L, int key, int entry);

/// Pushes the name of a field for a message: 'name' (cut when long), [3], or what else the value at `key` is.
const char* push_field_name(lua_State* L, int key);

/// Creates the metatable of fields in the registry.
void open_fields(lua_State* L);

}  // namespace perilune::luadata
