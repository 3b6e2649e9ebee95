// `require`: built-in modules by name, and Lua text files below the script's folder. Nothing else, from nowhere else.
//
// Files are read only while the script loads: a packet never waits for a disk, and the modules of a running filter
// cannot change under it. Loaded modules are kept in Lua's own table of them, which scripts cannot reach (and which
// names functions in tracebacks).
#include <string_view>

#include <lauxlib.h>

#include "luadata/luadata.h"
#include "script/state/charged.h"
#include "script/state/left_out.h"
#include "script/state/state_internals.h"

namespace perilune::script {
namespace {

constexpr const char* kBuiltIn = "string, table, math, utf8, data, net, map, log, time, random";

bool is_unavailable(std::string_view name) {
  return left_out(name) != nullptr || name.starts_with("socket.");
}

int base_require(lua_State* L);

/// Raises an error when the module named at index 1 is being loaded by a call of `require` further out. Those calls are
/// on the stack, with the name as their first value: nothing else has to be remembered, or forgotten after an error.
void check_for_cycle(lua_State* L) {
  lua_Debug activation;
  lua_pushvalue(L, 1);  // the chain so far, outermost first
  for (int level = 1; lua_getstack(L, level, &activation) != 0; ++level) {
    lua_getinfo(L, "f", &activation);
    const bool requires_something = lua_tocfunction(L, -1) == base_require;
    lua_pop(L, 1);
    if (!requires_something || lua_getlocal(L, &activation, 1) == nullptr) continue;
    const bool same = lua_rawequal(L, -1, 1) != 0;
    lua_pushliteral(L, " -> ");
    lua_pushvalue(L, -3);
    lua_concat(L, 3);
    lua_remove(L, -2);
    if (same) luaL_error(L, "module '%s' requires itself: %s", lua_tostring(L, 1), lua_tostring(L, -1));
  }
  lua_pop(L, 1);
}

/// Compiles and runs the file of the module named at index 1. Pushes its value and the file's name.
void load_module(lua_State* L) {
  size_t length = 0;
  const char* name = lua_tolstring(L, 1, &length);
  State::Impl& impl = StateInternals::of(L);
  if (is_unavailable(name)) {
    luaL_error(L, "module '%s' is not available in the sandbox; what is: %s, and files in the script's folder", name,
               kBuiltIn);
  }
  check_for_cycle(L);
  if (!impl.loading) {
    luaL_error(L, "module '%s' is not loaded: call require '%s' at the top of the script, not while packets are judged",
               name, name);
  }
  if (impl.folder.empty())
    luaL_error(L, "module '%s' not found: the script has no folder; built in: %s", name, kBuiltIn);
  impl.module = find_module(impl.folder, {name, length});
  if (impl.module.outcome != ModuleFile::Outcome::kFound) {
    luaL_error(L, "module '%s' not found: %s; built in: %s", name, impl.module.problem.c_str(), kBuiltIn);
  }
  const int status = compile(L, impl.module.text, impl.module.path);
  impl.module.text.clear();
  if (status == LUA_ERRSYNTAX) impl.module_syntax_error = lua_tostring(L, -1);
  if (status != LUA_OK) lua_error(L);
  lua_pushstring(L, impl.module.path.c_str());
  lua_insert(L, -2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -3);
  lua_call(L, 2, 1);
  lua_insert(L, -2);
}

void charge_list(lua_State* L) {
  State::charge(L, string_length(L, 1) / 4);
}

int base_require(lua_State* L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, 1);
  if (lua_rawget(L, 2) != LUA_TNIL) return 1;
  lua_pop(L, 1);
  if (std::string_view(lua_tostring(L, 1)) == "net") {  // built in, but large: made when first asked for
    luaL_requiref(L, "net", luaopen_net, 0);
    wrap(L, "dns_names", charged<charge_list>);
    return 1;
  }
  load_module(L);  // stack: name, loaded modules, value, file
  if (lua_isnil(L, 3)) {
    lua_pushboolean(L, 1);
    lua_replace(L, 3);
  }
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 3);
  lua_rawset(L, 2);
  return 2;
}

}  // namespace

void install_require(lua_State* L) {
  lua_register(L, "require", base_require);
}

}  // namespace perilune::script
