#include "script/maps/map_codec.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>

#include <lauxlib.h>

#include "base/bytes.h"
#include "luadata/address_text.h"
#include "luadata/type_name.h"
#include "script/maps/map_kinds.h"
#include "script/state/state.h"

namespace perilune::script {
namespace {

// One value on its way into a map: enough to say what is wrong with it.
struct Place {
  lua_State* L;
  const Map& map;
  const char* role;  // "key" or "value"
  int part;          // of a composite, from 1; 0: the whole
};

// What a script wrote, short: "the number 70000", "a string of 300 bytes", "a table".
const char* describe(lua_State* L, int index) {
  switch (lua_type(L, index)) {
    case LUA_TNUMBER:
      if (lua_isinteger(L, index) != 0)
        return lua_pushfstring(L, "the integer %I", static_cast<LUAI_UACINT>(lua_tointeger(L, index)));
      return lua_pushfstring(L, "the number %f", lua_tonumber(L, index));
    case LUA_TBOOLEAN:
      return lua_toboolean(L, index) != 0 ? "true" : "false";
    case LUA_TNIL:
      return "nil";
    case LUA_TSTRING: {
      size_t length = 0;
      const char* text = lua_tolstring(L, index, &length);
      const bool is_short =
          length <= 48 && std::all_of(text, text + length, [](char c) { return c >= ' ' && c <= '~'; });
      if (is_short) return lua_pushfstring(L, "the string '%s'", text);
      return lua_pushfstring(L, "a string of %I bytes", static_cast<LUAI_UACINT>(length));
    }
    case LUA_TUSERDATA:
      return "an object (use tostring on data)";
    default:
      return lua_pushfstring(L, "a %s", luadata::type_name(L, index));
  }
}

// Raises "map 'x': the key has shape 'u16' (an integer from 0 to 65535); got the integer 70000".
[[noreturn]] void refuse(const Place& place, int index, const char* expected) {
  lua_State* L = place.L;
  index = lua_absindex(L, index);
  const char* part = place.part == 0 ? "" : lua_pushfstring(L, "part %d of ", place.part);
  luaL_error(L, "map '%s': %sthe %s is %s; got %s", place.map.declaration().name.c_str(), part, place.role, expected,
             describe(L, index));
  std::abort();  // luaL_error does not return
}

const char* integer_range(lua_State* L, const ShapePart& part) {
  const int bits = part.size * 8;
  if (part.size == 8) return lua_pushfstring(L, "an integer (%c64)", part.type == Scalar::kSigned ? 'i' : 'u');
  const lua_Integer span = lua_Integer{1} << bits;
  if (part.type == Scalar::kSigned)
    return lua_pushfstring(L, "an integer from %I to %I (i%d)", -span / 2, span / 2 - 1, bits);
  return lua_pushfstring(L, "an integer from 0 to %I (u%d)", span - 1, bits);
}

bool in_range(const ShapePart& part, lua_Integer value) {
  if (part.size == 8) return true;
  const lua_Integer span = lua_Integer{1} << (part.size * 8);
  if (part.type == Scalar::kSigned) return value >= -span / 2 && value < span / 2;
  return value >= 0 && value < span;
}

// An address in one of its spellings.
struct Address {
  uint8_t family = 0;  // 4, 6, or 0: none
  uint8_t bytes[16] = {};
};

Address parse_address_text(std::string_view text) {
  Address address;
  if (luadata::ipv4_from_text(text.data(), text.size(), address.bytes)) {
    address.family = 4;
  } else if (luadata::ipv6_from_text(text.data(), text.size(), address.bytes)) {
    address.family = 6;
  }
  return address;
}

// "192.0.2.0/24": the length of the prefix, or -1. `text` becomes what is in front of the slash.
int take_prefix_length(std::string_view& text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return -1;
  unsigned length = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + slash + 1, end, length);
  if (error != std::errc{} || stopped != end || length > 128) return -1;
  text = text.substr(0, slash);
  return static_cast<int>(length);
}

struct Network {
  Address address;
  int length = -1;  // -1: the whole address
};

Network parse_network_text(std::string_view text, bool prefix_allowed) {
  Network network;
  if (prefix_allowed) network.length = take_prefix_length(text);
  network.address = parse_address_text(text);
  if (network.length > (network.address.family == 4 ? 32 : 128)) network.address.family = 0;
  return network;
}

// The string at `index` as an address, or (prefix_allowed) a network.
//
// Strings of 4 and 16 bytes are addresses as pkt.src gives them, but some texts have such lengths ('2001:db8::1:2:34'
// has 16 bytes). While the script loads, where lists come from, text wins. In filter, where packets come from, bytes
// win; only that a string of 16 bytes which is also a text raises an error, so that no text is ever silently taken for
// another address. No address in use looks like that: it would be in 3000::/5, or begin with '::' and be in 3a3a::/16.
Network read_network(const Place& place, int index, bool prefix_allowed, const char* expected) {
  lua_State* L = place.L;
  if (lua_type(L, index) != LUA_TSTRING) refuse(place, index, expected);
  size_t size = 0;
  const char* chars = lua_tolstring(L, index, &size);
  const std::string_view text{chars, size};
  const bool raw = size == 4 || size == 16;
  const bool loading = State::of(L).loading();
  if (!raw || loading || size == 16) {
    const Network network = parse_network_text(text, prefix_allowed);
    if (network.address.family != 0) {
      if (raw && !loading) {
        luaL_error(L,
                   "map '%s': '%s' can be an address as text or as 16 bytes; make such keys while the script loads, or "
                   "write a zero more",
                   place.map.declaration().name.c_str(), chars);
      }
      return network;
    }
  }
  if (!raw) refuse(place, index, expected);
  Network network;
  network.address.family = size == 4 ? 4 : 6;
  std::memcpy(network.address.bytes, chars, size);
  return network;
}

bool encode_part(const Place& place, int index, const ShapePart& part, KeyUse use, uint8_t* bytes) {
  lua_State* L = place.L;
  switch (part.type) {
    case Scalar::kUnsigned:
    case Scalar::kSigned: {
      int is_integer = 0;
      const lua_Integer value = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &is_integer) : 0;
      if (is_integer == 0 || (!in_range(part, value) && use == KeyUse::kWrite))
        refuse(place, index, integer_range(L, part));
      store_integer(part, value, bytes);
      return in_range(part, value);
    }
    case Scalar::kBoolean:
      if (lua_type(L, index) != LUA_TBOOLEAN) refuse(place, index, "true or false (bool)");
      bytes[0] = lua_toboolean(L, index) != 0 ? 1 : 0;
      return true;
    case Scalar::kIpv4: {
      constexpr const char* kExpected = "an IPv4 address (ipv4; declare 'ip' for IPv4 and IPv6)";
      const Address address = read_network(place, index, false, kExpected).address;
      if (address.family != 4) refuse(place, index, kExpected);
      std::memcpy(bytes, address.bytes, 4);
      return true;
    }
    case Scalar::kIpv6: {
      constexpr const char* kExpected = "an IPv6 address (ipv6; declare 'ip' for IPv4 and IPv6)";
      const Address address = read_network(place, index, false, kExpected).address;
      if (address.family != 6) refuse(place, index, kExpected);
      std::memcpy(bytes, address.bytes, 16);
      return true;
    }
    case Scalar::kIp: {
      const Address address = read_network(place, index, false, "an IPv4 or IPv6 address (ip)").address;
      bytes[0] = address.family;
      std::memcpy(bytes + 1, address.bytes, 16);
      return true;
    }
    case Scalar::kMac: {
      constexpr const char* kExpected = "a MAC address: 6 bytes, or text such as '02:00:5e:00:53:01' (mac)";
      if (lua_type(L, index) != LUA_TSTRING) refuse(place, index, kExpected);
      size_t size = 0;
      const char* chars = lua_tolstring(L, index, &size);
      if (size == 6) {
        std::memcpy(bytes, chars, 6);
      } else if (!luadata::mac_from_text(chars, size, bytes)) {
        refuse(place, index, kExpected);
      }
      return true;
    }
    case Scalar::kString: {
      const bool is_string = lua_type(L, index) == LUA_TSTRING;
      size_t size = 0;
      const char* chars = is_string ? lua_tolstring(L, index, &size) : nullptr;
      if (!is_string || (size > part.longest() && use == KeyUse::kWrite)) {
        refuse(place, index,
               lua_pushfstring(L, "a string of at most %d bytes (string:%d)", part.longest(), part.longest()));
      }
      if (size > part.longest()) return false;
      const auto length = static_cast<uint16_t>(size);
      std::memcpy(bytes, &length, sizeof length);
      std::memcpy(bytes + 2, chars, size);
      std::memset(bytes + 2 + size, 0, part.longest() - size);
      return true;
    }
  }
  return false;
}

bool encode(Place place, int index, const Shape& shape, KeyUse use, uint8_t* bytes) {
  lua_State* L = place.L;
  index = lua_absindex(L, index);
  if (!shape.composite) return encode_part(place, index, shape.parts[0], use, bytes);
  const auto count = static_cast<int>(shape.parts.size());
  if (!lua_istable(L, index) || static_cast<int>(lua_rawlen(L, index)) != count) {
    refuse(place, index, lua_pushfstring(L, "an array of %d values, such as {pkt.src, pkt.dport}", count));
  }
  bool fits = true;
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(L, index, i);
    place.part = i;
    const ShapePart& part = shape.parts[static_cast<size_t>(i - 1)];
    fits = encode_part(place, lua_gettop(L), part, use, bytes) && fits;
    bytes += part.size;
    lua_pop(L, 1);
  }
  return fits;
}

// A network: text '192.0.2.0/24', an address (all its bits), or {address, bits}.
bool encode_lpm_key(const Place& place, int index, uint8_t* bytes) {
  lua_State* L = place.L;
  index = lua_absindex(L, index);
  Network network;
  if (lua_istable(L, index)) {
    lua_rawgeti(L, index, 1);
    lua_rawgeti(L, index, 2);
    network = read_network(place, -2, false, kNetworkExpected);
    int is_integer = 0;
    const lua_Integer length = lua_tointegerx(L, -1, &is_integer);
    if (is_integer == 0 || length < 0 || length > (network.address.family == 4 ? 32 : 128)) {
      refuse(place, -1, network.address.family == 4 ? "{address, bits from 0 to 32}" : "{address, bits from 0 to 128}");
    }
    network.length = static_cast<int>(length);
    lua_pop(L, 2);
  } else {
    network = read_network(place, index, true, kNetworkExpected);
  }
  const uint8_t family = network.address.family;
  const Scalar declared = place.map.declaration().key.parts[0].type;
  if ((declared == Scalar::kIpv4 && family != 4) || (declared == Scalar::kIpv6 && family != 6)) {
    refuse(place, index,
           declared == Scalar::kIpv4 ? "an IPv4 network (ipv4; declare 'ip' for IPv4 and IPv6)"
                                     : "an IPv6 network (ipv6; declare 'ip' for IPv4 and IPv6)");
  }
  bytes[lpm_key::kFamily] = family;
  bytes[lpm_key::kLength] = static_cast<uint8_t>(network.length >= 0 ? network.length : (family == 4 ? 32 : 128));
  std::memcpy(bytes + lpm_key::kAddress, network.address.bytes, 16);
  return true;
}

bool encode_index(const Place& place, int index, KeyUse use, uint8_t* bytes) {
  lua_State* L = place.L;
  const uint32_t size = place.map.declaration().size;
  int is_integer = 0;
  const lua_Integer number = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &is_integer) : 0;
  const bool inside = number >= 0 && number < static_cast<lua_Integer>(size);
  if (is_integer == 0 || (!inside && use == KeyUse::kWrite)) {
    refuse(place, index, lua_pushfstring(L, "an index from 0 to %I", static_cast<LUAI_UACINT>(size) - 1));
  }
  const auto stored = static_cast<uint32_t>(number);
  std::memcpy(bytes, &stored, sizeof stored);
  return inside;
}

void push_part(lua_State* L, const ShapePart& part, const uint8_t* bytes) {
  const auto* chars = reinterpret_cast<const char*>(bytes);
  switch (part.type) {
    case Scalar::kUnsigned:
    case Scalar::kSigned:
      lua_pushinteger(L, load_integer(part, bytes));
      break;
    case Scalar::kBoolean:
      lua_pushboolean(L, bytes[0]);
      break;
    case Scalar::kIpv4:
    case Scalar::kIpv6:
    case Scalar::kMac:
      lua_pushlstring(L, chars, part.size);
      break;
    case Scalar::kIp:
      lua_pushlstring(L, chars + 1, bytes[0] == 4 ? 4 : 16);
      break;
    case Scalar::kString:
      lua_pushlstring(L, chars + 2, read_host<uint16_t>(bytes));
      break;
  }
}

void push_shaped(lua_State* L, const Shape& shape, const uint8_t* bytes) {
  if (!shape.composite) return push_part(L, shape.parts[0], bytes);
  lua_createtable(L, static_cast<int>(shape.parts.size()), 0);
  lua_Integer i = 0;
  for (const ShapePart& part : shape.parts) {
    push_part(L, part, bytes);
    lua_rawseti(L, -2, ++i);
    bytes += part.size;
  }
}

}  // namespace

bool encode_key(lua_State* L, int index, const Map& map, KeyUse use, uint8_t* bytes) {
  const Place place{L, map, "key", 0};
  switch (map.declaration().kind) {
    case MapKind::kLpm:
      return encode_lpm_key(place, index, bytes);
    case MapKind::kArray:
      return encode_index(place, index, use, bytes);
    case MapKind::kHash:
    case MapKind::kLru:
    case MapKind::kCounter:
      return encode(place, index, map.declaration().key, use, bytes);
  }
  return false;
}

void encode_value(lua_State* L, int index, const Map& map, uint8_t* bytes) {
  // Writing: what does not fit is refused.
  (void)encode({L, map, "value", 0}, index, map.declaration().value, KeyUse::kWrite, bytes);
}

void push_key(lua_State* L, const Map& map, const uint8_t* bytes) {
  switch (map.declaration().kind) {
    case MapKind::kLpm: {
      char text[luadata::kAddressTextSize];
      if (bytes[lpm_key::kFamily] == 4) {
        luadata::ipv4_to_text(bytes + lpm_key::kAddress, text);
      } else {
        luadata::ipv6_to_text(bytes + lpm_key::kAddress, text);
      }
      lua_pushfstring(L, "%s/%d", text, bytes[lpm_key::kLength]);
      break;
    }
    case MapKind::kArray:
      lua_pushinteger(L, read_host<uint32_t>(bytes));
      break;
    case MapKind::kHash:
    case MapKind::kLru:
    case MapKind::kCounter:
      if (map.declaration().key.parts.empty()) {
        lua_pushliteral(L, "");
      } else {
        push_shaped(L, map.declaration().key, bytes);
      }
      break;
  }
}

void push_value(lua_State* L, const Map& map, const uint8_t* bytes) {
  push_shaped(L, map.declaration().value, bytes);
}

}  // namespace perilune::script
