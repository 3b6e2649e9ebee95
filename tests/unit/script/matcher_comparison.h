// Runs string.find, match, gmatch and gsub of a sandboxed state and of Lua's own library on the same arguments, and
// compares everything that comes back: results, their types, and error messages.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "script/state/state.h"

namespace perilune::script {

class PatternComparison {
 public:
  PatternComparison() : original_(luaL_newstate(), &lua_close) {
    luaL_openlibs(original_.get());
    auto state = State::load_text("function filter() end", "comparison.lua", "", Options{});
    if (!state) std::abort();
    sandboxed_ = std::move(*state);
  }

  struct Case {
    std::string_view pattern;
    std::string_view subject;
    std::string_view replacement;
    lua_Integer init = 1;
  };

  /// Empty when both do the same; otherwise what was called, and both outcomes.
  std::string difference(const Case& c) {
    for (const Function function : {find, match, gmatch, gsub_string, gsub_function, gsub_table}) {
      const std::string ours = outcome(sandboxed_->lua(), function, c);
      const std::string theirs = outcome(original_.get(), function, c);
      if (ours != theirs) {
        static constexpr const char* kNames[] = {"find",        "match",         "gmatch",
                                                 "gsub string", "gsub function", "gsub table"};
        return std::string(kNames[function]) + " pattern " + shown(c.pattern) + " subject " + shown(c.subject) +
               " init " + std::to_string(c.init) + " replacement " + shown(c.replacement) + "\n  ours:  " + ours +
               "\n  Lua's: " + theirs;
      }
    }
    return {};
  }

 private:
  enum Function { find, match, gmatch, gsub_string, gsub_function, gsub_table };

  static std::string shown(std::string_view text) {
    static constexpr const char* kDigits = "0123456789abcdef";
    std::string result = "\"";
    for (const char c : text) {
      if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
        result += c;
      } else {
        result += {'\\', 'x', kDigits[(c >> 4) & 15], kDigits[c & 15]};
      }
    }
    return result + '"';
  }

  static std::string values(lua_State* L, int first) {
    std::string result;
    for (int i = first; i <= lua_gettop(L); ++i) {
      result += lua_typename(L, lua_type(L, i));
      if (lua_type(L, i) == LUA_TNUMBER || lua_type(L, i) == LUA_TSTRING) {
        lua_pushvalue(L, i);
        size_t length = 0;
        const char* text = lua_tolstring(L, -1, &length);
        result += shown({text, length});
        lua_pop(L, 1);
      }
      result += ' ';
    }
    return result;
  }

  /// A replacement function: keeps every third match, doubles the first capture of the others.
  static int replace(lua_State* L) {
    const auto calls = static_cast<int>(lua_tointeger(L, lua_upvalueindex(1)));
    lua_pushinteger(L, calls + 1);
    lua_replace(L, lua_upvalueindex(1));
    if (calls % 3 == 2) return 0;
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 1);
    lua_concat(L, 2);
    return 1;
  }

  static void push(lua_State* L, std::string_view text) { lua_pushlstring(L, text.data(), text.size()); }

  static std::string outcome(lua_State* L, Function function, const Case& c) {
    static constexpr const char* kNames[] = {"find", "match", "gmatch", "gsub", "gsub", "gsub"};
    const int base = lua_gettop(L);
    lua_getglobal(L, "string");
    lua_getfield(L, -1, kNames[function]);
    lua_remove(L, -2);
    push(L, c.subject);
    push(L, c.pattern);
    switch (function) {
      case gsub_string:
        push(L, c.replacement);
        break;
      case gsub_function:
        lua_pushinteger(L, 0);
        lua_pushcclosure(L, replace, 1);
        break;
      case gsub_table:
        lua_createtable(L, 0, 2);
        lua_pushliteral(L, "<A>");
        lua_setfield(L, -2, "a");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "b");
        lua_pushinteger(L, 7);
        lua_rawseti(L, -2, 1);
        break;
      default:
        lua_pushinteger(L, c.init);
    }
    std::string result;
    if (lua_pcall(L, 3, LUA_MULTRET, 0) != LUA_OK) result = "error ";
    if (function == gmatch && result.empty()) {
      for (int i = 0; i < 25; ++i) {
        lua_settop(L, base + 1);
        lua_pushvalue(L, -1);
        const bool failed = lua_pcall(L, 0, LUA_MULTRET, 0) != LUA_OK;
        result += (failed ? "error " : "| ") + values(L, base + 2);
        if (failed || lua_gettop(L) == base + 1) break;
      }
    } else {
      result += values(L, base + 1);
    }
    lua_settop(L, base);
    return result;
  }

  std::unique_ptr<lua_State, decltype(&lua_close)> original_;
  std::unique_ptr<State> sandboxed_;
};

}  // namespace perilune::script
