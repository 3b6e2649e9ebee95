// Script text to prototypes, through the official compiler.
#include <memory>

#include <lauxlib.h>

#include "compiler/lua/bytecode.h"

namespace perilune::compiler {
namespace {

struct CloseState {
  void operator()(lua_State* state) const { lua_close(state); }
};

/// lua_Writer. Nothing may be thrown through Lua: running out of memory here ends as for any other allocation of ours.
int append(lua_State* /*L*/, const void* bytes, size_t length, void* target) noexcept {
  static_cast<std::string*>(target)->append(static_cast<const char*>(bytes), length);
  return 0;
}

}  // namespace

Result<Prototype> compile(std::string_view text, const std::string& name) {
  const std::unique_ptr<lua_State, CloseState> state(luaL_newstate());
  if (!state) return system_error("no memory for a Lua state");
  const std::string chunk = "@" + name;
  // The first line may be "#!...", which the loader of files skips and the loader of buffers does not know.
  std::string source(text);
  if (source.starts_with('#')) source.replace(0, std::min(source.find('\n'), source.size()), "");
  if (luaL_loadbufferx(state.get(), source.data(), source.size(), chunk.c_str(), "t") != LUA_OK) {
    const char* message = lua_tostring(state.get(), -1);
    return input_error(message == nullptr ? "cannot be compiled" : message);
  }
  std::string dump;
  lua_dump(state.get(), append, &dump, 0);
  return parse_bytecode(dump);
}

}  // namespace perilune::compiler
