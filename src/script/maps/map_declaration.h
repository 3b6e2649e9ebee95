// The table that a script gives to map.hash and its siblings, read and checked.
#pragma once

#include <array>
#include <cstdint>

#include <lua.h>

#include "script/maps/map_store.h"

namespace perilune::script {

/// A MapDeclaration without owned memory: reading Lua tables may raise, past any destructor.
struct RawDeclaration {
  struct RawShape {
    std::array<ShapePart, kMaxParts> parts{};
    size_t count = 0;
    bool composite = false;

    [[nodiscard]] size_t size() const;
    [[nodiscard]] Shape shape() const { return {{parts.begin(), parts.begin() + count}, composite}; }
  };
  MapKind kind = MapKind::kHash;
  std::array<char, 65> name{};  // with its final zero; empty: not given
  RawShape key;
  RawShape value;
  uint32_t size = 1;
  uint64_t ttl_ns = 0;
  bool renew = true;

  [[nodiscard]] MapDeclaration declaration() const;
};

/// Reads the table at `index` (or nothing, for a counter). Raises an error that names what is wrong and gives an
/// example.
[[nodiscard]] RawDeclaration read_declaration(lua_State* L, int index, MapKind kind);

}  // namespace perilune::script
