// Lua's own string.find, to compare with, and patterns and subjects by chance.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

namespace perilune::pattern {

struct RealMatch {
  int64_t start = 0;                  // 0-based
  int64_t end = 0;                    // exclusive
  std::vector<std::string> captures;  // positions as decimal numbers
};

class RealLua {
 public:
  RealLua() : state_(luaL_newstate(), &lua_close) {
    luaL_openlibs(state_.get());
    lua_getglobal(state_.get(), "string");
    lua_getfield(state_.get(), -1, "find");
  }

  /// `init` is 0-based. Sets `error` when Lua raises one.
  std::optional<RealMatch> find(std::string_view subject, std::string_view pattern, size_t init, std::string& error) {
    lua_State* L = state_.get();
    error.clear();
    const int top = lua_gettop(L);
    lua_pushvalue(L, -1);
    lua_pushlstring(L, subject.data(), subject.size());
    lua_pushlstring(L, pattern.data(), pattern.size());
    lua_pushinteger(L, static_cast<lua_Integer>(init) + 1);
    std::optional<RealMatch> result;
    if (lua_pcall(L, 3, LUA_MULTRET, 0) != LUA_OK) {
      error = lua_tostring(L, -1);
    } else if (lua_isnil(L, top + 1) == 0) {
      result.emplace();
      result->start = lua_tointeger(L, top + 1) - 1;
      result->end = lua_tointeger(L, top + 2);
      for (int i = top + 3; i <= lua_gettop(L); ++i) {
        size_t length = 0;
        const char* text = lua_tolstring(L, i, &length);
        result->captures.emplace_back(text, length);
      }
    }
    lua_settop(L, top);
    return result;
  }

 private:
  std::unique_ptr<lua_State, decltype(&lua_close)> state_;
};

inline std::string shown(std::string_view text) {
  static constexpr const char* kDigits = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      result += "\\x";
      result += kDigits[static_cast<uint8_t>(c) >> 4U];
      result += kDigits[static_cast<uint8_t>(c) & 15U];
    }
  }
  return result + '"';
}

inline uint64_t number_from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Regular patterns of every construct, and subjects that they like.
class RandomCases {
 public:
  explicit RandomCases(uint64_t seed) : random_(seed) {}

  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  std::string pattern() {
    std::string text;
    if (below(4) == 0) text += '^';
    const uint32_t items = below(below(8) == 0 ? 14 : 6) + 1;
    std::vector<char> open;
    for (uint32_t i = 0; i < items; ++i) {
      switch (below(9)) {
        case 0:
          text += '(';
          open.push_back('(');
          break;
        case 1:
          if (!open.empty()) {
            text += ')';
            open.pop_back();
          }
          break;
        case 2:
          if (below(2) == 0) text += "()";
          break;
        default:
          break;
      }
      if (below(10) == 0) text += "%f" + set();
      text += single();
    }
    for (; !open.empty(); open.pop_back())
      text += ')';
    if (below(5) == 0) text += '$';
    return text;
  }

  std::string subject(uint32_t most) {
    const uint32_t length = below(most + 1);
    std::string text;
    // Few different bytes make matches likely.
    const std::string_view few[] = {"ab", "abc1", "ab.-$^", std::string_view("a\0\xff_ ", 5), "aAbB12_-. \n"};
    const std::string_view bytes = few[below(5)];
    for (uint32_t i = 0; i < length; ++i)
      text += below(30) == 0 ? static_cast<char>(below(256)) : bytes[below(static_cast<uint32_t>(bytes.size()))];
    return text;
  }

  char byte() {
    const std::string_view bytes("aabbcA1_-\0\xff ", 12);
    return bytes[below(static_cast<uint32_t>(bytes.size()))];
  }

 private:
  std::string literal() {
    const char c = byte();
    return c == '-' ? "%-" : std::string(1, c);
  }
  char range_end() {
    const auto c = static_cast<char>(below(255) + 1);
    return c == '%' || c == ']' ? 'z' : c;  // these would end the set otherwise than meant
  }
  std::string set() {
    std::string text = "[";
    if (below(3) == 0) text += '^';
    const uint32_t parts = below(3) + 1;
    for (uint32_t i = 0; i < parts; ++i) {
      switch (below(5)) {
        case 0:
          text += "a-c";
          break;
        case 1:
          text += std::string("%") + "acdglpsuwxADSWZz%]"[below(18)];
          break;
        case 2:
          text += std::string(1, '\0') + "-" + range_end();
          break;
        default:
          text += literal();
      }
    }
    return text + "]";
  }
  std::string single() {
    std::string text;
    switch (below(6)) {
      case 0:
        text = ".";
        break;
      case 1:
        text = set();
        break;
      case 2:
        text = std::string("%") + "acdglpsuwxADSWZz.^"[below(18)];
        break;
      default:
        text = literal();
    }
    if (below(2) == 0) text += "*+-?"[below(4)];
    return text;
  }

  std::mt19937_64 random_;
};

}  // namespace perilune::pattern
