// Shared by the tests of the sandboxed state.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <lua.h>

#include "script/state/state.h"

namespace perilune::script {

class NoArguments final : public Arguments {
 public:
  int push(lua_State*, int) override { return 0; }
};

inline std::unique_ptr<State> load(const std::string& text, const Options& options = {}) {
  auto state = State::load_text(text, "test.lua", "", options);
  if (!state) {
    ADD_FAILURE() << to_text(state.error().front());
    return nullptr;
  }
  return std::move(*state);
}

/// The diagnostic of a script that must not load.
inline Diagnostic load_failure(const std::string& text, const Options& options = {}, const std::string& folder = "") {
  auto state = State::load_text(text, "test.lua", folder, options);
  if (state) {
    ADD_FAILURE() << "it loads";
    return {};
  }
  return state.error().front();
}

/// Calls the entry point; its first result as text (tostring of it by type), or "error: MESSAGE".
inline std::string call(State& state, uint64_t event = 1) {
  NoArguments arguments;
  if (!state.call(arguments, event)) return "error: " + state.error().message;
  lua_State* L = state.lua();
  std::string result;
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
      lua_pushvalue(L, -1);
      {
        size_t length = 0;
        const char* text = lua_tolstring(L, -1, &length);
        result.assign(text, length);
      }
      break;
    case LUA_TBOOLEAN:
      result = lua_toboolean(L, -1) != 0 ? "true" : "false";
      break;
    default:
      result = lua_typename(L, lua_type(L, -1));
  }
  state.finish();
  return result;
}

/// Loads a script whose filter is `body` and calls it once.
inline std::string run(const std::string& body, const Options& options = {}) {
  auto state = load("function filter() " + body + "\nend", options);
  return state ? call(*state) : "did not load";
}

}  // namespace perilune::script
