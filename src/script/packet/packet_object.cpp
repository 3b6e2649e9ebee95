#include "script/packet/packet_object.h"

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include <lauxlib.h>

#include "base/spelling.h"
#include "luadata/memory.h"
#include "luadata/type_name.h"
#include "packet/kind.h"

namespace perilune::script {
namespace {

using event::Field;
using event::Form;

// What a Lua `pkt` is: the packet it belongs to. The rest is found through the closures' upvalues.
struct Object {
  uint64_t generation;
};
constexpr char kMetatableKey = 0;

// Upvalues of __index, __newindex and __tostring.
enum Upvalue { kMetatable = 1, kFieldNumbers, kAnchor, kMethods };

[[noreturn]] void raise(lua_State* L, const char* message) {
  luaL_error(L, "%s", message);
  std::abort();  // luaL_error does not return
}

// The packet `pkt` (the first argument) belongs to; raises when it is gone.
PacketMemory& check_packet(lua_State* L) {
  const auto* object = static_cast<const Object*>(lua_touserdata(L, 1));
  if (object == nullptr || lua_getmetatable(L, 1) == 0 || lua_rawequal(L, -1, lua_upvalueindex(kMetatable)) == 0) {
    raise(L, "this is not a packet object (pkt)");
  }
  lua_pop(L, 1);
  PacketMemory* memory = static_cast<const PacketAnchor*>(lua_touserdata(L, lua_upvalueindex(kAnchor)))->packet;
  if (memory == nullptr || !memory->shown() || object->generation != memory->generation()) {
    raise(L, "this packet is gone: pkt is valid only during the call that got it (copy what you need from it)");
  }
  return *memory;
}

// The number of the field named by the second argument, or that of a method, from 1 on, negative; nothing: there is
// none.
std::optional<lua_Integer> field_number(lua_State* L) {
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(kFieldNumbers));
  int found = 0;
  const lua_Integer number = lua_tointegerx(L, -1, &found);
  lua_pop(L, 1);
  if (found == 0) return std::nullopt;
  return number;
}

int unknown_field(lua_State* L) {
  if (lua_type(L, 2) != LUA_TSTRING) {
    return luaL_error(L, "pkt has named fields only, such as pkt.src; it was indexed with a %s",
                      luadata::type_name(L, 2));
  }
  size_t length = 0;
  const char* name = lua_tolstring(L, 2, &length);
  const std::string_view meant = nearest({name, length}, packet::kind().names);
  if (meant.empty()) return luaL_error(L, "pkt has no field '%s'", name);
  return luaL_error(L, "pkt has no field '%s' (did you mean '%s'?)", name, meant.data());
}

uint32_t number_at(const pl_packet& record, size_t place) {
  uint32_t number = 0;
  std::memcpy(&number, reinterpret_cast<const uint8_t*>(&record) + place, sizeof number);
  return number;
}

void push_bytes(lua_State* L, const pl_packet& record, size_t place, size_t length) {
  lua_pushlstring(L, reinterpret_cast<const char*>(&record) + place, length);
}

void push_number(lua_State* L, const pl_packet& record, const Field& field) {
  uint64_t number = 0;  // of `size` bytes, on a little-endian machine as on any other
  if (field.size == sizeof number) {
    std::memcpy(&number, reinterpret_cast<const uint8_t*>(&record) + field.at, sizeof number);
  } else {
    number = number_at(record, field.at) & field.mask;
  }
  lua_pushinteger(L, static_cast<lua_Integer>(number));
}

void push_region(lua_State* L, PacketMemory& memory, const Field& field) {
  if (field.at == event::kFirstByte) return luadata::push_view(L, memory.memory(), 0, memory.memory().size);
  const pl_packet& record = memory.record();
  const event::Kind& kind = packet::kind();
  const uint32_t begin = number_at(record, kind.now(field.at));
  luadata::push_view(L, memory.memory(), begin, number_at(record, kind.now(field.extent)) - begin);
}

void push_field(lua_State* L, PacketMemory& memory, const Field& field) {
  const pl_packet& record = memory.record();
  const size_t needs_at = field.form == Form::kRegion ? packet::kind().now(field.needs_at) : field.needs_at;
  if (field.needs != 0 && (number_at(record, needs_at) & field.needs) == 0) return lua_pushnil(L);
  switch (field.form) {
    case Form::kNumber:
      return push_number(L, record, field);
    case Form::kFlag:
      return lua_pushboolean(L, (number_at(record, field.at) & field.mask) != 0 ? 1 : 0);
    case Form::kAddress:
      return push_bytes(L, record, field.at, number_at(record, field.extent) == 4 ? 4 : 16);
    case Form::kText:
      return push_bytes(L, record, field.at, number_at(record, field.extent));
    case Form::kWord: {
      const std::string_view word = field.words[number_at(record, field.at)];
      lua_pushlstring(L, word.data(), word.size());
      return;
    }
    case Form::kRegion:
      return push_region(L, memory, field);
  }
}

int get_field(lua_State* L) {
  PacketMemory& memory = check_packet(L);
  const auto number = field_number(L);
  if (!number) return unknown_field(L);
  if (*number < 0) {
    lua_rawgeti(L, lua_upvalueindex(kMethods), -*number);
  } else {
    push_field(L, memory, packet::kind().fields[static_cast<size_t>(*number)]);
  }
  return 1;
}

int set_mark(lua_State* L, PacketMemory& memory) {
  int is_integer = 0;
  const lua_Integer value = lua_type(L, 3) == LUA_TNUMBER ? lua_tointegerx(L, 3, &is_integer) : 0;
  if (is_integer == 0) {
    return luaL_error(L, "pkt.mark is an integer from 0 to 0xffffffff; it was set to a %s", luadata::type_name(L, 3));
  }
  if (value < 0 || value > 0xffffffffLL) {
    return luaL_error(L, "pkt.mark is an integer from 0 to 0xffffffff; it was set to %I",
                      static_cast<LUAI_UACINT>(value));
  }
  memory.set_mark(static_cast<uint32_t>(value));
  return 0;
}

int set_payload(lua_State* L, PacketMemory& memory) {
  size_t size = 0;
  const uint8_t* bytes = nullptr;
  if (lua_type(L, 3) == LUA_TSTRING) {
    bytes = reinterpret_cast<const uint8_t*>(lua_tolstring(L, 3, &size));
  } else {
    bytes = luadata::view_bytes(L, 3, size);
    if (bytes == nullptr) {
      return luaL_error(L, "pkt.payload is set to a string or a data object that is still there; it was set to a %s",
                        luadata::type_name(L, 3));
    }
  }
  const packet::ResizeRefusal refusal = memory.replace_payload({bytes, size});
  if (refusal != packet::ResizeRefusal::kNone) {
    return luaL_error(L, "the payload cannot be replaced: %s", packet::to_string(refusal).data());
  }
  return 0;
}

int set_field(lua_State* L) {
  PacketMemory& memory = check_packet(L);
  if (!field_number(L)) return unknown_field(L);
  const std::string_view name = lua_tostring(L, 2);
  if (name == "mark") return set_mark(L, memory);
  if (name == "payload") return set_payload(L, memory);
  return luaL_error(L,
                    "pkt.%s cannot be set (only pkt.mark and pkt.payload can); write to the packet through hdr and pld",
                    name.data());
}

int to_text(lua_State* L) {
  const PacketMemory& memory = check_packet(L);
  lua_pushfstring(L, "packet %I", static_cast<LUAI_UACINT>(memory.packet().number));
  return 1;
}

int verdict_method(lua_State* L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

}  // namespace

void install_packet_object(lua_State* L, int anchor) {
  anchor = lua_absindex(L, anchor);
  lua_createtable(L, 0, 8);  // the metatable
  const int metatable = lua_gettop(L);
  const event::Kind& kind = packet::kind();
  lua_createtable(L, 0, static_cast<int>(kind.names.size()));
  const int numbers = lua_gettop(L);
  const auto note = [&](std::string_view name, lua_Integer number) {
    lua_pushlstring(L, name.data(), name.size());
    lua_pushinteger(L, number);
    lua_rawset(L, numbers);
  };
  for (size_t i = 0; i < kind.fields.size(); ++i)
    note(kind.fields[i].name, static_cast<lua_Integer>(i));
  lua_createtable(L, static_cast<int>(kind.methods.size()), 0);
  const int methods = lua_gettop(L);
  for (const std::string_view name : kind.methods) {
    lua_pushlstring(L, name.data(), name.size());
    lua_pushcclosure(L, verdict_method, 1);
    lua_rawseti(L, methods, luaL_len(L, methods) + 1);
    note(name, -luaL_len(L, methods));
  }
  const auto add = [&](const char* event, lua_CFunction function) {
    for (const int upvalue : {metatable, numbers, anchor, methods})
      lua_pushvalue(L, upvalue);
    lua_pushcclosure(L, function, 4);
    lua_setfield(L, metatable, event);
  };
  add("__index", get_field);
  add("__newindex", set_field);
  add("__tostring", to_text);
  lua_pushstring(L, "pkt");
  lua_setfield(L, metatable, "__name");
  lua_pushboolean(L, 0);  // getmetatable(pkt) gives false, setmetatable fails
  lua_setfield(L, metatable, "__metatable");
  lua_pushvalue(L, metatable);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kMetatableKey);
  lua_settop(L, metatable - 1);
}

void push_packet_object(lua_State* L, uint64_t generation) {
  static_cast<Object*>(lua_newuserdatauv(L, sizeof(Object), 0))->generation = generation;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kMetatableKey);
  lua_setmetatable(L, -2);
}

}  // namespace perilune::script
