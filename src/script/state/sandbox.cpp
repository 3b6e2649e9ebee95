// What a script finds in its globals, put together in one place.
#include <lauxlib.h>
#include <lua.h>

#include "luadata/luadata.h"
#include "script/state/introspection.h"
#include "script/state/state_internals.h"

namespace perilune::script {
namespace {

constexpr InstallModule kModules[] = {install_base, install_string, install_table, install_math,
                                      install_map,  install_log,    install_time,  install_random};

/// Globals of ours that `require` gives as well.
constexpr const char* kAlsoRequired[] = {"map", "log", "time", "random"};

}  // namespace

void install_sandbox(lua_State* L) {
  luaL_requiref(L, "data", luaopen_data, 1);  // a global too, as it was where Luadata comes from
  lua_pop(L, 1);
  for (const InstallModule install : kModules)
    install(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (const char* name : kAlsoRequired) {
    lua_getglobal(L, name);
    lua_setfield(L, -2, name);
  }
  lua_pop(L, 1);
  remember_library_names(L);
}

}  // namespace perilune::script
