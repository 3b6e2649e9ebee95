#include "script/packet_object.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <lauxlib.h>

#include "base/bytes.h"
#include "base/spelling.h"
#include "luadata/memory.h"
#include "luadata/type_name.h"

namespace perilune::script {
namespace {

enum class Field : uint8_t {
  kBlock,
  kDirection,
  kDst,
  kDport,
  kEthertype,
  kFragment,
  kFrame,
  kIfindex,
  kInterface,
  kLength,
  kMark,
  kNumber,
  kPass,
  kPayload,
  kProtocol,
  kReject,
  kReply,
  kSport,
  kSrc,
  kTime,
  kTransport,
  kTruncated,
  kVersion,
  kVlan,
};

// In the order of the enumeration.
constexpr std::array<std::string_view, 24> kNames{
    "block",     "direction", "dst",  "dport",  "ethertype", "fragment",  "frame",    "ifindex",
    "interface", "length",    "mark", "number", "pass",      "payload",   "protocol", "reject",
    "reply",     "sport",     "src",  "time",   "transport", "truncated", "version",  "vlan"};
static_assert(kNames[static_cast<size_t>(Field::kVlan)] == "vlan");

// What a Lua `pkt` is: the packet it belongs to. The rest is found through the closures' upvalues.
struct Object {
  uint64_t generation;
};
constexpr char kMetatableKey = 0;

// Upvalues of __index, __newindex and __tostring.
enum Upvalue { kMetatable = 1, kFieldNumbers, kAnchor, kVerdictMethods };

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

// The number of the field named by the second argument, or -1.
int field_number(lua_State* L) {
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(kFieldNumbers));
  int found = 0;
  const lua_Integer number = lua_tointegerx(L, -1, &found);
  lua_pop(L, 1);
  return found != 0 ? static_cast<int>(number) : -1;
}

int unknown_field(lua_State* L) {
  if (lua_type(L, 2) != LUA_TSTRING) {
    return luaL_error(L, "pkt has named fields only, such as pkt.src; it was indexed with a %s",
                      luadata::type_name(L, 2));
  }
  size_t length = 0;
  const char* name = lua_tolstring(L, 2, &length);
  const std::string_view meant = nearest({name, length}, kNames);
  if (meant.empty()) return luaL_error(L, "pkt has no field '%s'", name);
  return luaL_error(L, "pkt has no field '%s' (did you mean '%s'?)", name, meant.data());
}

void push_bytes_or_nil(lua_State* L, const PacketMemory& memory, size_t offset, size_t length) {
  const auto bytes = memory.packet().bytes;
  if (offset + length > bytes.size()) {
    lua_pushnil(L);
  } else {
    lua_pushlstring(L, reinterpret_cast<const char*>(bytes.data()) + offset, length);
  }
}

void push_address(lua_State* L, const PacketMemory& memory, bool source) {
  const packet::Location& location = memory.arrived();
  switch (location.version) {
    case 4:
      return push_bytes_or_nil(L, memory, location.network + (source ? 12U : 16U), 4);
    case 6:
      return push_bytes_or_nil(L, memory, location.network + (source ? 8U : 24U), 16);
    default:
      lua_pushnil(L);
  }
}

// Of the IP packet as its header says, so that it is the same on every hook, with a link header and padding or without.
// Segmentation-offload packets say 0; then, and without IP, what there is behind the link header.
size_t packet_length(const PacketMemory& memory) {
  const packet::Location& location = memory.arrived();
  const packet::Packet& packet = memory.packet();
  const uint8_t* network = packet.bytes.data() + location.network;
  const size_t there = packet.bytes.size() - location.network;
  if (location.version == 4 && there >= 4) {
    if (const uint16_t total = read_be16(network + 2); total != 0) return total;
  }
  if (location.version == 6 && there >= 6) {
    if (const uint16_t payload = read_be16(network + 4); payload != 0) return size_t{40} + payload;
  }
  return packet.wire_length - location.network;
}

void push_string_or_nil(lua_State* L, std::string_view text) {
  if (text.empty()) {
    lua_pushnil(L);
  } else {
    lua_pushlstring(L, text.data(), text.size());
  }
}

void push_integer_if(lua_State* L, bool known, uint64_t value) {
  if (known) {
    lua_pushinteger(L, static_cast<lua_Integer>(value));
  } else {
    lua_pushnil(L);
  }
}

int get_field(lua_State* L) {
  PacketMemory& memory = check_packet(L);
  const int number = field_number(L);
  if (number < 0) return unknown_field(L);
  const packet::Packet& packet = memory.packet();
  const packet::Location& location = memory.arrived();
  const packet::Location& current = memory.current();
  const auto field = static_cast<Field>(number);
  switch (field) {
    case Field::kDirection:
      push_string_or_nil(L, packet::to_string(packet.direction));
      break;
    case Field::kSrc:
      push_address(L, memory, true);
      break;
    case Field::kDst:
      push_address(L, memory, false);
      break;
    case Field::kSport:
      push_integer_if(L, location.has_ports, location.source_port);
      break;
    case Field::kDport:
      push_integer_if(L, location.has_ports, location.destination_port);
      break;
    case Field::kEthertype:
      push_integer_if(L, location.ethertype != 0, location.ethertype);
      break;
    case Field::kFragment:
      lua_pushboolean(L, location.fragment ? 1 : 0);
      break;
    case Field::kFrame:
      if (packet.has_frame) {
        luadata::push_view(L, memory.memory(), 0, memory.memory().size);
      } else {
        lua_pushnil(L);
      }
      break;
    case Field::kIfindex:
      push_integer_if(L, packet.ifindex != 0, packet.ifindex);
      break;
    case Field::kInterface:
      push_string_or_nil(L, packet.interface);
      break;
    case Field::kLength:
      lua_pushinteger(L, static_cast<lua_Integer>(packet_length(memory)));
      break;
    case Field::kMark:
      lua_pushinteger(L, memory.mark());
      break;
    case Field::kNumber:
      lua_pushinteger(L, static_cast<lua_Integer>(packet.number));
      break;
    case Field::kPayload:
      luadata::push_view(L, memory.memory(), memory.payload().offset, memory.payload().length);
      break;
    case Field::kProtocol:
      push_integer_if(L, location.version != 0, location.protocol);
      break;
    case Field::kTime:
      lua_pushinteger(L, static_cast<lua_Integer>(packet.time_ns));
      break;
    case Field::kTransport:
      if (current.has_transport) {
        luadata::push_view(L, memory.memory(), current.transport, current.payload - current.transport);
      } else {
        lua_pushnil(L);
      }
      break;
    case Field::kTruncated:
      lua_pushboolean(L, location.truncated ? 1 : 0);
      break;
    case Field::kVersion:
      push_integer_if(L, location.version != 0, location.version);
      break;
    case Field::kVlan:
      push_integer_if(L, location.vlan_tags > 0, location.vlan & 0xfffU);
      break;
    case Field::kPass:
    case Field::kBlock:
    case Field::kReject:
    case Field::kReply:
      lua_rawgeti(L, lua_upvalueindex(kVerdictMethods), number);
      break;
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
    if (memory.owns(bytes)) {  // such as pkt.payload = pld:segment(4)
      void* copy = lua_newuserdatauv(L, size, 0);
      bytes = static_cast<const uint8_t*>(std::memcpy(copy, luadata::view_bytes(L, 3, size), size));
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
  const int number = field_number(L);
  if (number == static_cast<int>(Field::kMark)) return set_mark(L, memory);
  if (number == static_cast<int>(Field::kPayload)) return set_payload(L, memory);
  if (number >= 0) {
    return luaL_error(
        L, "pkt.%s cannot be set (only pkt.mark and pkt.payload can); write to the packet through hdr and pld",
        lua_tostring(L, 2));
  }
  return unknown_field(L);
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
  lua_createtable(L, 0, kNames.size());
  const int numbers = lua_gettop(L);
  for (size_t i = 0; i < kNames.size(); ++i) {
    lua_pushinteger(L, static_cast<lua_Integer>(i));
    lua_setfield(L, numbers, kNames[i].data());
  }
  lua_createtable(L, 0, 4);
  const int methods = lua_gettop(L);
  for (const Field field : {Field::kPass, Field::kBlock, Field::kReject, Field::kReply}) {
    lua_pushstring(L, kNames[static_cast<size_t>(field)].data());
    lua_pushcclosure(L, verdict_method, 1);
    lua_rawseti(L, methods, static_cast<lua_Integer>(field));
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
