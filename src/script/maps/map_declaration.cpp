#include "script/maps/map_declaration.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include <lauxlib.h>

#include "base/spelling.h"

namespace perilune::script {
namespace {

constexpr lua_Integer kMaxSize = 16'777'216;
constexpr lua_Number kMaxTtlSeconds = 1e9;  // 31 years

constexpr std::array<std::string_view, 6> kOptions{"key", "name", "renew", "size", "ttl", "value"};

const char* example(MapKind kind) {
  switch (kind) {
    case MapKind::kHash:
      return "map.hash{key='ip', value='u64', size=1000}";
    case MapKind::kLru:
      return "map.lru{key='ip', value='u64', size=1000}";
    case MapKind::kLpm:
      return "map.lpm{key='ip', value='bool', size=1000}";
    case MapKind::kArray:
      return "map.array{value='u64', size=256}";
    case MapKind::kCounter:
      return "map.counter{name='seen'} or map.counter{key='ip', size=1000}";
  }
  return "";
}

bool takes(MapKind kind, std::string_view option) {
  if (option == "key") return kind != MapKind::kArray;
  if (option == "value") return kind != MapKind::kCounter;
  if (option == "ttl" || option == "renew") return kind != MapKind::kArray;
  return true;
}

// Finds misspelt and misplaced options.
void check_options(lua_State* L, int table, MapKind kind) {
  const char* kind_name = to_string(kind).data();
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) {
      luaL_error(L, "map.%s takes named options only, such as %s", kind_name, example(kind));
    }
    size_t length = 0;
    const char* chars = lua_tolstring(L, -2, &length);
    const std::string_view option{chars, length};
    if (std::ranges::find(kOptions, option) == kOptions.end()) {
      const std::string_view meant = nearest(option, kOptions);
      if (meant.empty())
        luaL_error(L, "map.%s has no option '%s'; it is used like %s", kind_name, chars, example(kind));
      luaL_error(L, "map.%s has no option '%s' (did you mean '%s'?)", kind_name, chars, meant.data());
    }
    if (!takes(kind, option))
      luaL_error(L, "map.%s takes no '%s'; it is used like %s", kind_name, chars, example(kind));
  }
}

void read_name(lua_State* L, int table, RawDeclaration& declaration) {
  if (lua_getfield(L, table, "name") != LUA_TNIL) {
    size_t length = 0;
    const char* name = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : "";
    const auto is_plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
             c == '.';
    };
    if (length == 0 || length >= declaration.name.size() || !std::all_of(name, name + length, is_plain)) {
      luaL_error(L, "the name of a map is a string of 1 to 64 letters, digits, '_', '-' and '.'");
    }
    std::memcpy(declaration.name.data(), name, length);
  }
  lua_pop(L, 1);
}

// The shape named by the string on top of the stack.
ShapePart read_part(lua_State* L, const char* role) {
  size_t length = 0;
  const char* name = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : nullptr;
  if (name == nullptr) {
    luaL_error(L, "the %s of a map is the name of a shape, such as 'ip' or 'u32', or an array of names; it is a %s",
               role, luaL_typename(L, -1));
    return {};
  }
  const std::optional<ShapePart> part = parse_shape_part({name, length});
  if (!part.has_value()) {
    if (std::string_view{name, length}.starts_with("string:"))
      luaL_error(L, "'%s' is no shape of a map's %s: the number of bytes in string:N is from 1 to 255", name, role);
    const std::string_view meant = nearest({name, length}, shape_names());
    luaL_error(L,
               "'%s' is no shape of a map's %s%s%s%s; there are u8 to u64, i8 to i64, bool, ip, ipv4, ipv6, mac, "
               "string:1 to string:255",
               name, role, meant.empty() ? "" : " (did you mean '", meant.empty() ? "" : meant.data(),
               meant.empty() ? "" : "'?)");
    return {};
  }
  return *part;
}

void read_shape(lua_State* L, int table, const char* role, size_t longest, RawDeclaration::RawShape& shape) {
  if (lua_getfield(L, table, role) == LUA_TTABLE) {
    const lua_Unsigned count = lua_rawlen(L, -1);
    if (count == 0 || count > kMaxParts)
      luaL_error(L, "the %s of a map has 1 to %d parts", role, static_cast<int>(kMaxParts));
    shape.composite = true;
    for (lua_Unsigned i = 1; i <= count; ++i) {
      lua_rawgeti(L, -1, static_cast<lua_Integer>(i));
      shape.parts[shape.count++] = read_part(L, role);
      lua_pop(L, 1);
    }
  } else {
    shape.parts[shape.count++] = read_part(L, role);
  }
  if (shape.size() > longest) {
    luaL_error(L, "the %s of a map has at most %d bytes; this one has %d", role, static_cast<int>(longest),
               static_cast<int>(shape.size()));
  }
  lua_pop(L, 1);
}

void read_size(lua_State* L, int table, RawDeclaration& declaration) {
  const bool missing = lua_getfield(L, table, "size") == LUA_TNIL;
  int is_integer = 0;
  const lua_Integer size = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &is_integer) : 0;
  const char* kind = to_string(declaration.kind).data();
  if (missing)
    luaL_error(L, "map.%s needs its size, the most entries it may have: %s", kind, example(declaration.kind));
  if (is_integer == 0 || size < 1 || size > kMaxSize) {
    luaL_error(L, "the size of a map is an integer from 1 to %I; it is %s", static_cast<LUAI_UACINT>(kMaxSize),
               luaL_tolstring(L, -1, nullptr));
  }
  declaration.size = static_cast<uint32_t>(size);
  lua_pop(L, 1);
}

void read_ttl(lua_State* L, int table, RawDeclaration& declaration) {
  if (lua_getfield(L, table, "ttl") != LUA_TNIL) {
    const lua_Number seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(seconds >= 1e-9 && seconds <= kMaxTtlSeconds)) {
      luaL_error(L, "the ttl of a map is a number of seconds above 0 (at most 1e9); it is %s",
                 luaL_tolstring(L, -1, nullptr));
    }
    declaration.ttl_ns = static_cast<uint64_t>(std::llround(seconds * 1e9));
  }
  if (lua_getfield(L, table, "renew") != LUA_TNIL) {
    if (!lua_isboolean(L, -1)) luaL_error(L, "renew is true or false; it is a %s", luaL_typename(L, -1));
    if (declaration.ttl_ns == 0)
      luaL_error(L, "renew says whether a write prolongs an entry's life, so it needs a ttl");
    declaration.renew = lua_toboolean(L, -1) != 0;
  }
  lua_pop(L, 2);
}

bool is_network(const RawDeclaration::RawShape& key) {
  const Scalar type = key.parts[0].type;
  return !key.composite && (type == Scalar::kIp || type == Scalar::kIpv4 || type == Scalar::kIpv6);
}

}  // namespace

size_t RawDeclaration::RawShape::size() const {
  size_t total = 0;
  for (size_t i = 0; i < count; ++i)
    total += parts[i].size;
  return total;
}

MapDeclaration RawDeclaration::declaration() const {
  return {kind, name.data(), key.shape(), value.shape(), size, ttl_ns, renew};
}

RawDeclaration read_declaration(lua_State* L, int index, MapKind kind) {
  RawDeclaration declaration;
  declaration.kind = kind;
  if (kind == MapKind::kCounter && lua_isnoneornil(L, index)) {
    lua_settop(L, 0);
    lua_createtable(L, 0, 0);
    index = 1;
  }
  if (!lua_istable(L, index)) {
    luaL_error(L, "map.%s takes a table of options, such as %s", to_string(kind).data(), example(kind));
  }
  check_options(L, index, kind);
  read_name(L, index, declaration);
  const bool has_key = lua_getfield(L, index, "key") != LUA_TNIL;
  const bool has_value = lua_getfield(L, index, "value") != LUA_TNIL;
  const bool has_size = lua_getfield(L, index, "size") != LUA_TNIL;
  const bool has_ttl = lua_getfield(L, index, "ttl") != LUA_TNIL;
  lua_pop(L, 4);
  const bool single_counter = kind == MapKind::kCounter && !has_key;
  if (single_counter && (has_size || has_ttl)) {
    luaL_error(L,
               "a counter without a key is one number: it takes no size and no ttl; with a key it is used like "
               "map.counter{key='ip', size=1000}");
  }
  if (!has_key && kind != MapKind::kArray && !single_counter) {
    luaL_error(L, "map.%s needs the shape of its keys: %s", to_string(kind).data(), example(kind));
  }
  if (!has_value && kind != MapKind::kCounter) {
    luaL_error(L, "map.%s needs the shape of its values: %s", to_string(kind).data(), example(kind));
  }
  if (has_key) read_shape(L, index, "key", kMaxKeyBytes, declaration.key);
  if (kind == MapKind::kLpm && !is_network(declaration.key))
    luaL_error(L, "the keys of map.lpm are 'ip', 'ipv4' or 'ipv6'");
  if (kind == MapKind::kCounter) {
    declaration.value.parts[0] = {Scalar::kUnsigned, 8};
    declaration.value.count = 1;
  } else {
    read_shape(L, index, "value", kMaxValueBytes, declaration.value);
  }
  if (!single_counter) read_size(L, index, declaration);
  read_ttl(L, index, declaration);
  return declaration;
}

}  // namespace perilune::script
