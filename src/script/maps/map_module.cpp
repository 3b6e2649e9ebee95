// The module `map`: map.hash, map.lru, map.lpm, map.array, map.counter; and what can be done with a map.
//
//   m[key]            the value, or nil          map.get(m, key), m:get(key)
//   m[key] = value    nil deletes                map.set(m, key, value), m:set(key, value)
//   m:add(key, n)     adds n (1 when left out), gives the sum
//   #m                entries                    pairs(m): a copy of them, oldest first
//   c:add(n), c:get() a counter without a key
//
// Maps are declared while the script loads. Writes of the main chunk count once: those of workers other than the first
// are ignored, so that a counter set up there is not set up again and again.
//
// A map whose keys are strings has no methods: a packet could otherwise make allowed[name] true by carrying the name
// 'get'. There these words are keys as all others, and the functions map.get, map.set and map.add serve it.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include <lauxlib.h>
#include <lua.h>

#include "luadata/type_name.h"
#include "script/maps/map_codec.h"
#include "script/maps/map_declaration.h"
#include "script/maps/map_store.h"
#include "script/state/state.h"

namespace perilune::script {
namespace {

// A Lua map object. Maps live as long as their store, and the store longer than any object of this state.
struct Handle {
  Map* map;
};

// How the functions below find the store.
struct StoreHandle {
  MapStore* store;
};

// Upvalues of every function below.
enum Upvalue { kMetatable = 1, kMethods, kDeclared, kStore };

[[noreturn]] void refuse_argument(lua_State* L, int index) {
  luaL_error(L, "argument %d is a map; got a %s", index, luadata::type_name(L, index));
  std::abort();  // luaL_error does not return
}

Map& check_map(lua_State* L, int index) {
  const auto* handle = static_cast<const Handle*>(lua_touserdata(L, index));
  if (handle == nullptr || lua_getmetatable(L, index) == 0 || lua_rawequal(L, -1, lua_upvalueindex(kMetatable)) == 0) {
    refuse_argument(L, index);
  }
  lua_pop(L, 1);
  return *handle->map;
}

const char* name_of(const Map& map) {
  return map.declaration().name.c_str();
}
bool is_counter(const Map& map) {
  return map.declaration().kind == MapKind::kCounter;
}
bool is_single(const Map& map) {
  return is_counter(map) && map.declaration().key.parts.empty();
}

// The time matters only to maps with times to live; reading the clock costs.
uint64_t time_for(lua_State* L, const Map& map) {
  if (map.declaration().ttl_ns == 0) return Map::kNoTime;
  const State& state = State::of(L);
  return state.loading() && state.options().clock != nullptr ? Map::kNoTime : state.now_ns();
}

bool writes_count(lua_State* L) {
  const State& state = State::of(L);
  return !state.loading() || state.options().worker == 0;
}

[[nodiscard]] int full(lua_State* L, const Map& map) {
  return luaL_error(L, "map '%s' is full (%I entries)", name_of(map), static_cast<LUAI_UACINT>(map.declaration().size));
}

// Pushes the value of the key at `key`.
int get_at(lua_State* L, Map& map, int key) {
  std::array<uint8_t, kMaxKeyBytes> key_bytes;
  std::array<uint8_t, kMaxValueBytes> value;
  if (is_single(map)) return luaL_error(L, "counter '%s' has no key: use its methods get() and add(n)", name_of(map));
  const bool possible = !lua_isnil(L, key) && encode_key(L, key, map, KeyUse::kRead, key_bytes.data());
  if (possible && map.get(key_bytes.data(), value.data(), time_for(L, map))) {
    push_value(L, map, value.data());
  } else if (is_counter(map)) {
    lua_pushinteger(L, 0);  // what has not been counted has been counted zero times
  } else {
    lua_pushnil(L);
  }
  return 1;
}

int set_at(lua_State* L, Map& map, int key, int value) {
  std::array<uint8_t, kMaxKeyBytes> key_bytes;
  std::array<uint8_t, kMaxValueBytes> value_bytes;
  if (is_single(map)) return luaL_error(L, "counter '%s' has no key: use its methods get() and add(n)", name_of(map));
  if (lua_isnil(L, key)) return luaL_error(L, "map '%s': the key is nil", name_of(map));
  (void)encode_key(L, key, map, KeyUse::kWrite, key_bytes.data());
  if (lua_isnil(L, value)) {
    if (map.declaration().kind == MapKind::kArray) {
      return luaL_error(L, "map '%s' is an array: its entries cannot be deleted", name_of(map));
    }
    if (writes_count(L)) map.erase(key_bytes.data());
    return 0;
  }
  if (is_counter(map))
    return luaL_error(L, "counter '%s' only counts: use add(key, n), or = nil to forget a key", name_of(map));
  encode_value(L, value, map, value_bytes.data());
  if (!writes_count(L)) return 0;
  if (map.set(key_bytes.data(), value_bytes.data(), time_for(L, map)) == Map::Outcome::kFull) return full(L, map);
  return 0;
}

// The C++ string is gone before Lua raises.
void copy_value_shape(const Map& map, std::span<char> text) {
  std::snprintf(text.data(), text.size(), "%s", map.declaration().value.text().c_str());
}

int not_integers(lua_State* L, const Map& map) {
  std::array<char, 160> shape;
  copy_value_shape(map, shape);
  return luaL_error(L, "map '%s' has values of shape %s: only integers can be added to", name_of(map), shape.data());
}

lua_Integer amount_at(lua_State* L, const Map& map, int index) {
  if (lua_isnoneornil(L, index)) return 1;
  int is_integer = 0;
  const lua_Integer amount = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &is_integer) : 0;
  if (is_integer == 0)
    luaL_error(L, "map '%s': what is added is an integer; got a %s", name_of(map), luadata::type_name(L, index));
  return amount;
}

int map_get(lua_State* L) {
  Map& map = check_map(L, 1);
  if (!is_single(map)) {
    lua_settop(L, 2);
    return get_at(L, map, 2);
  }
  std::array<uint8_t, sizeof(uint64_t)> value{};
  (void)map.get(nullptr, value.data(), 0);
  push_value(L, map, value.data());
  return 1;
}

int map_set(lua_State* L) {
  Map& map = check_map(L, 1);
  lua_settop(L, 3);
  return set_at(L, map, 2, 3);
}

int map_add(lua_State* L) {
  std::array<uint8_t, kMaxKeyBytes> key;
  Map& map = check_map(L, 1);
  const bool single = is_single(map);
  lua_settop(L, single ? 2 : 3);
  const lua_Integer amount = amount_at(L, map, single ? 2 : 3);
  if (!map.declaration().value.is_integer()) return not_integers(L, map);
  if (!single) {
    if (lua_isnil(L, 2)) return luaL_error(L, "map '%s': the key is nil", name_of(map));
    (void)encode_key(L, 2, map, KeyUse::kWrite, key.data());
  }
  if (!writes_count(L)) {
    if (is_counter(map)) return 0;
    return get_at(L, map, 2);
  }
  int64_t sum = 0;
  switch (map.add(key.data(), amount, time_for(L, map), State::of(L).options().worker, sum)) {
    case Map::Outcome::kFull:
      return full(L, map);
    case Map::Outcome::kAbsent:
      lua_pushnil(L);
      return 1;
    case Map::Outcome::kDone:
      break;
  }
  if (is_counter(map)) return 0;  // engines may count per processor, where no one knows the sum
  lua_pushinteger(L, sum);
  return 1;
}

// Is the key at index 2 the name of a method? Then pushes the method.
bool push_method(lua_State* L) {
  if (lua_type(L, 2) != LUA_TSTRING) return false;
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(kMethods)) != LUA_TNIL) return true;
  lua_pop(L, 1);
  return false;
}

int map_index(lua_State* L) {
  Map& map = check_map(L, 1);
  if (!map.declaration().key.is_string() && push_method(L)) return 1;
  return get_at(L, map, 2);
}

int map_newindex(lua_State* L) {
  return set_at(L, check_map(L, 1), 2, 3);
}

int map_length(lua_State* L) {
  Map& map = check_map(L, 1);
  State::charge(L, map.declaration().kind == MapKind::kLru ? map.declaration().size / 8
                                                           : 1);  // an lru map with a ttl looks at each entry
  lua_pushinteger(L, static_cast<lua_Integer>(map.count(time_for(L, map))));
  return 1;
}

int map_to_text(lua_State* L) {
  const Map& map = check_map(L, 1);
  lua_pushfstring(L, "map '%s' (%s)", name_of(map), to_string(map.declaration().kind).data());
  return 1;
}

// A copy of a map's entries, after its head, in the memory of the state (so that it counts against the limit).
struct Snapshot {
  size_t count;
  size_t at;
};

// The iterator of pairs(m). Upvalues: the map object, its snapshot.
int next_entry(lua_State* L) {
  const Map& map = *static_cast<const Handle*>(lua_touserdata(L, lua_upvalueindex(1)))->map;
  auto* snapshot = static_cast<Snapshot*>(lua_touserdata(L, lua_upvalueindex(2)));
  if (snapshot->at == snapshot->count) {
    lua_pushnil(L);
    return 1;
  }
  const uint8_t* entries = reinterpret_cast<const uint8_t*>(snapshot + 1);
  const uint8_t* entry = entries + snapshot->at * (map.key_size() + map.value_size());
  ++snapshot->at;
  push_key(L, map, entry);
  push_value(L, map, entry + map.key_size());
  return 2;
}

int map_pairs(lua_State* L) {
  Map& map = check_map(L, 1);
  const uint64_t now = time_for(L, map);
  const uint64_t count = map.count(now);
  const size_t size = count * (map.key_size() + map.value_size());
  State::charge(L, count + size / 64);
  lua_pushvalue(L, 1);
  auto* snapshot = static_cast<Snapshot*>(lua_newuserdatauv(L, sizeof(Snapshot) + size, 0));
  *snapshot = {map.copy({reinterpret_cast<uint8_t*>(snapshot + 1), size}, now), 0};
  lua_pushcclosure(L, next_entry, 2);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

// What MapStore::declare() needs with C++ objects that must not live when Lua raises. Null: `problem` says why.
Map* declare(MapStore& store, const RawDeclaration& raw, std::array<char, 512>& problem) {
  try {
    auto declared = store.declare(raw.declaration());
    if (declared.has_value()) return *declared;
    std::snprintf(problem.data(), problem.size(), "%s", declared.error().c_str());
  } catch (const std::bad_alloc&) {
    std::snprintf(problem.data(), problem.size(), "map '%s': there is no memory for it", raw.name.data());
  }
  return nullptr;
}

MapStore& store_of(lua_State* L) {
  return *static_cast<const StoreHandle*>(lua_touserdata(L, lua_upvalueindex(kStore)))->store;
}

int declare_map(lua_State* L, MapKind kind) {
  if (!State::of(L).loading()) {
    return luaL_error(
        L, "maps are declared while the script loads, outside its functions; this is called for every packet");
  }
  RawDeclaration raw = read_declaration(L, 1, kind);
  const auto position = static_cast<lua_Integer>(lua_rawlen(L, lua_upvalueindex(kDeclared))) + 1;
  if (raw.name[0] == '\0') std::snprintf(raw.name.data(), raw.name.size(), "map%d", static_cast<int>(position));
  if (lua_getfield(L, lua_upvalueindex(kDeclared), raw.name.data()) != LUA_TNIL) {
    return luaL_error(L, "there is a map '%s' already; give each its own name", raw.name.data());
  }
  std::array<char, 512> problem{};
  Map* map = declare(store_of(L), raw, problem);
  if (map == nullptr) return luaL_error(L, "%s", problem.data());
  static_cast<Handle*>(lua_newuserdatauv(L, sizeof(Handle), 0))->map = map;
  lua_pushvalue(L, lua_upvalueindex(kMetatable));
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_setfield(L, lua_upvalueindex(kDeclared), raw.name.data());
  lua_pushboolean(L, 1);
  lua_rawseti(L, lua_upvalueindex(kDeclared), position);
  return 1;
}

template <MapKind kKind>
int declare_kind(lua_State* L) {
  return declare_map(L, kKind);
}

int drop_private_store(lua_State* L) {
  auto* handle = static_cast<StoreHandle*>(lua_touserdata(L, 1));
  const std::unique_ptr<MapStore> owned(std::exchange(handle->store, nullptr));
  return 0;
}

// Pushes the handle of the store: the shared one, or one of this state's own. Its finalizer is the first one that a
// state gets, so it runs last.
void push_store(lua_State* L) {
  auto* handle = static_cast<StoreHandle*>(lua_newuserdatauv(L, sizeof(StoreHandle), 0));
  handle->store = State::of(L).options().maps;
  if (handle->store != nullptr) return;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, drop_private_store);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  handle->store = std::make_unique<MapStore>().release();
}

}  // namespace

void install_map(lua_State* L) {
  const int base = lua_gettop(L);
  lua_createtable(L, 0, 8);  // the metatable
  lua_createtable(L, 0, 3);  // the methods
  lua_createtable(L, 0, 0);  // names declared in this state, and how many
  push_store(L);
  const auto add = [L, base](int table, const char* name, lua_CFunction function) {
    for (int upvalue = kMetatable; upvalue <= kStore; ++upvalue)
      lua_pushvalue(L, base + upvalue);
    lua_pushcclosure(L, function, kStore);
    lua_setfield(L, table, name);
  };
  const int metatable = base + kMetatable;
  add(metatable, "__index", map_index);
  add(metatable, "__newindex", map_newindex);
  add(metatable, "__len", map_length);
  add(metatable, "__pairs", map_pairs);
  add(metatable, "__tostring", map_to_text);
  lua_pushliteral(L, "map");
  lua_setfield(L, metatable, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, metatable, "__metatable");

  lua_createtable(L, 0, 8);  // the module
  const int module = lua_gettop(L);
  for (const int table : {base + kMethods, module}) {
    add(table, "get", map_get);
    add(table, "set", map_set);
    add(table, "add", map_add);
  }
  add(module, "hash", declare_kind<MapKind::kHash>);
  add(module, "lru", declare_kind<MapKind::kLru>);
  add(module, "lpm", declare_kind<MapKind::kLpm>);
  add(module, "array", declare_kind<MapKind::kArray>);
  add(module, "counter", declare_kind<MapKind::kCounter>);
  lua_setglobal(L, "map");
  lua_settop(L, base);
}

}  // namespace perilune::script
