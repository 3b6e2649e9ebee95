// Lua finds a metamethod by comparing the address of the key with that of the name, kept in a table of names in its
// global state
// (`tmname`). There is no call to change it, so this looks for six consecutive words in the memory of that state which
// are the addresses of "__index", "__newindex", "__gc", "__mode", "__len" and "__eq", in this order. A match cannot be
// an accident. The word of "__mode" is then made to name a string that can never be found in a table by this way: a
// long one, since the look-up compares with short strings only.
#include "script/weak_tables.h"

#include <array>
#include <cstring>

namespace perilune::script {
namespace {

constexpr std::array<const char*, 6> kNames = {"__index", "__newindex", "__gc", "__mode", "__len", "__eq"};
constexpr size_t kMode = 3;

// Longer than any string Lua keeps unique (LUAI_MAXSHORTLEN is 40).
constexpr const char* kNobody = "a name that no metatable has: weak tables are switched off in this state";

// The global state follows the main thread in one block; `tmname` lies well within this distance in every 5.4 release.
constexpr size_t kThreadAndGlobalState = 1400;

}  // namespace

bool disable_weak_tables(lua_State* L) {
  std::array<const void*, kNames.size()> words{};
  for (size_t i = 0; i < kNames.size(); ++i) {
    lua_pushstring(L, kNames[i]);  // unique, and kept for ever by Lua itself
    words[i] = lua_topointer(L, -1);
    lua_pop(L, 1);
  }
  lua_pushstring(L, kNobody);
  const void* nobody = lua_topointer(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "perilune.nobody");  // keeps it alive

  auto* memory = reinterpret_cast<unsigned char*>(L);
  for (size_t offset = 0; offset + sizeof words <= kThreadAndGlobalState; offset += sizeof(void*)) {
    if (std::memcmp(memory + offset, words.data(), sizeof words) != 0) continue;
    std::memcpy(memory + offset + kMode * sizeof(void*), &nobody, sizeof nobody);
    return true;
  }
  return false;
}

}  // namespace perilune::script
