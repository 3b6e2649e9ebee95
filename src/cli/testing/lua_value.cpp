#include "cli/testing/lua_value.h"

#include <fmt/format.h>

namespace perilune::cli {
namespace {

constexpr int kDeepest = 32;
constexpr size_t kMostValues = 10'000'000;  // a table of tables of the same table would be copied without end
const LuaValue kNil;

}  // namespace

LuaValue LuaValue::copy(lua_State* L, int index) {
  size_t left = kMostValues;
  return copy(L, lua_absindex(L, index), 0, left);
}

LuaValue LuaValue::copy(lua_State* L, int index, int depth, size_t& left) {
  switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TNONE:
      return {};
    case LUA_TBOOLEAN:
      return LuaValue(lua_toboolean(L, index) != 0);
    case LUA_TNUMBER:
      return lua_isinteger(L, index) != 0 ? LuaValue(static_cast<int64_t>(lua_tointegerx(L, index, nullptr)))
                                          : LuaValue(lua_tonumberx(L, index, nullptr));
    case LUA_TSTRING: {
      size_t length = 0;
      const char* text = lua_tolstring(L, index, &length);
      return LuaValue(std::string(text, length));
    }
    case LUA_TFUNCTION:
      return LuaValue(Function{});
    case LUA_TTABLE:
      break;
    default:
      return LuaValue(Other{});
  }
  if (depth == kDeepest || left == 0 || lua_checkstack(L, 4) == 0) return LuaValue(Other{});
  Table table;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (left == 0) {
      lua_pop(L, 2);
      break;
    }
    --left;
    const int top = lua_gettop(L);
    LuaValue key = copy(L, top - 1, depth + 1, left);
    LuaValue value = copy(L, top, depth + 1, left);
    table.emplace_back(std::move(key), std::move(value));
    lua_settop(L, top - 1);
  }
  return LuaValue(std::move(table));
}

const LuaValue& LuaValue::field(std::string_view name) const {
  if (const Table* entries = table()) {
    for (const auto& [key, value] : *entries) {
      if (const std::string* text = key.string(); text != nullptr && *text == name) return value;
    }
  }
  return kNil;
}

const LuaValue& LuaValue::element(int64_t index) const {
  if (const Table* entries = table()) {
    // lua_next gives the array part first and in order: the element is where it should be, or anywhere.
    const auto place = static_cast<size_t>(index - 1);
    if (index > 0 && place < entries->size()) {
      const int64_t* key = (*entries)[place].first.integer();
      if (key != nullptr && *key == index) return (*entries)[place].second;
    }
    for (const auto& [key, value] : *entries) {
      if (const int64_t* number = key.integer(); number != nullptr && *number == index) return value;
    }
  }
  return kNil;
}

int64_t LuaValue::length() const {
  int64_t count = 0;
  while (!element(count + 1).is_nil())
    ++count;
  return count;
}

std::string LuaValue::description() const {
  if (is_nil()) return "nil";
  if (const std::string* value = string()) return fmt::format("the string '{}'", *value);
  if (table() != nullptr) return "a table";
  if (is_function()) return "a function";
  return text();
}

std::string LuaValue::text() const {
  if (const bool* value = boolean()) return *value ? "true" : "false";
  if (const int64_t* value = integer()) return fmt::format("{}", *value);
  if (const double* value = number()) return fmt::format("{}", *value);
  if (const std::string* value = string()) return *value;
  if (std::holds_alternative<Other>(value_)) return "a value that cannot be read";
  return description();
}

}  // namespace perilune::cli
