// Lua values to the bytes of a map's keys and values, and back.
//
// A value of the wrong type raises a script error that names the map, what it expects and what it got. A key that has
// the right type but cannot be in the map (70000 for u16, a string too long) is an error when writing; a read just
// finds nothing.
#pragma once

#include <cstdint>

#include <lua.h>

#include "script/maps/map_store.h"

namespace perilune::script {

/// What the key of an lpm map is, for messages.
inline constexpr const char* kNetworkExpected = "a network such as '192.0.2.0/24', {address, bits}, or an address";

enum class KeyUse : uint8_t { kRead, kWrite };

/// Writes the key at `index` to `bytes` (kMaxKeyBytes of room). False: no such key can be there (kRead only). Raises.
[[nodiscard]] bool encode_key(lua_State* L, int index, const Map& map, KeyUse use, uint8_t* bytes);
/// Writes the value at `index` to `bytes` (kMaxValueBytes of room). Raises.
void encode_value(lua_State* L, int index, const Map& map, uint8_t* bytes);

/// Pushes one value. Raises only when memory runs out.
void push_key(lua_State* L, const Map& map, const uint8_t* bytes);
void push_value(lua_State* L, const Map& map, const uint8_t* bytes);

}  // namespace perilune::script
