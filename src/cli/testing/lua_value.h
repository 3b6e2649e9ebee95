// A Lua value copied out of its state, so that it can be read at leisure, without anything that could raise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <lua.h>

namespace perilune::cli {

class LuaValue {
 public:
  struct Nil {};
  struct Function {};  // stays in its state; only that it is one is known here
  struct Other {};     // userdata, threads, tables nested too deep
  using Table = std::vector<std::pair<LuaValue, LuaValue>>;

  LuaValue() = default;
  template <typename T>
  explicit LuaValue(T value) : value_(std::move(value)) {}

  /// The value at `index`, tables with all they hold (without metamethods). Never raises; uses a few stack slots a
  /// level.
  [[nodiscard]] static LuaValue copy(lua_State* L, int index);

  [[nodiscard]] bool is_nil() const { return std::holds_alternative<Nil>(value_); }
  [[nodiscard]] bool is_function() const { return std::holds_alternative<Function>(value_); }
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&value_); }
  [[nodiscard]] const int64_t* integer() const { return std::get_if<int64_t>(&value_); }
  [[nodiscard]] const double* number() const { return std::get_if<double>(&value_); }
  [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&value_); }
  [[nodiscard]] const Table* table() const { return std::get_if<Table>(&value_); }

  /// The field of a table; nil when this is no table or has none.
  [[nodiscard]] const LuaValue& field(std::string_view name) const;
  [[nodiscard]] const LuaValue& element(int64_t index) const;
  /// How many elements 1..n there are without a gap.
  [[nodiscard]] int64_t length() const;
  /// "a table", "the string 'x'", "nil": for messages.
  [[nodiscard]] std::string description() const;
  /// A scalar as text: 42, true, abc; for the others their description.
  [[nodiscard]] std::string text() const;

 private:
  static LuaValue copy(lua_State* L, int index, int depth, size_t& left);
  std::variant<Nil, bool, int64_t, double, std::string, Table, Function, Other> value_;
};

}  // namespace perilune::cli
