#include <lauxlib.h>
#include <lualib.h>

#include "script/charged.h"
#include "script/state.h"

namespace perilune::script {

void install_string(lua_State* L) {
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
  lua_pop(L, 1);
}

}  // namespace perilune::script
