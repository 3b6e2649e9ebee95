// A Lua state with `data` and `net`, and an allocator that can be told to fail.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "luadata/luadata.h"
#include "luadata/memory.h"

namespace perilune::luadata::test {

/// Counts what is allocated; refuses the allocation with number `fail_at` (from 0), once or from then on, and any that
/// would bring the sum above `limit`.
struct Allocator {
  size_t in_use = 0;
  size_t limit = size_t{256} << 20;
  uint64_t allocations = 0;
  uint64_t fail_at = std::numeric_limits<uint64_t>::max();
  bool fail_for_good = false;

  static void* allocate(void* context, void* block, size_t old_size, size_t new_size) {
    auto& self = *static_cast<Allocator*>(context);
    if (block == nullptr) old_size = 0;
    if (new_size == 0) {
      self.in_use -= old_size;
      std::free(block);
      return nullptr;
    }
    if (new_size > old_size) {
      const uint64_t number = self.allocations++;
      if (number == self.fail_at || (self.fail_for_good && number > self.fail_at)) return nullptr;
      if (new_size - old_size > self.limit - self.in_use) return nullptr;
    }
    void* moved = std::realloc(block, new_size);
    if (moved == nullptr) return nullptr;
    self.in_use += new_size - old_size;
    return moved;
  }
};

class TestState {
 public:
  TestState() : L_(lua_newstate(Allocator::allocate, &allocator_)) {
    luaL_openlibs(L_);
    open("data", luaopen_data);
    open("net", luaopen_net);
  }
  ~TestState() {
    if (L_ != nullptr) lua_close(L_);
    EXPECT_EQ(allocator_.in_use, 0U);
  }
  TestState(const TestState&) = delete;
  TestState& operator=(const TestState&) = delete;

  [[nodiscard]] lua_State* lua() const { return L_; }
  [[nodiscard]] Allocator& allocator() { return allocator_; }

  /// Runs Lua text; the error message, or nothing when there was none.
  std::string run(const std::string& text) {
    std::string error;
    if (luaL_dostring(L_, text.c_str()) != LUA_OK) {
      const char* message = lua_tostring(L_, -1);
      error = message == nullptr ? "(an error that is no string)" : message;
    }
    lua_settop(L_, 0);
    return error;
  }

  /// The value of a Lua expression as luaL_tolstring shows it, or "error: ..." .
  std::string eval(const std::string& expression) {
    std::string text;
    if (luaL_dostring(L_, ("return " + expression).c_str()) != LUA_OK) text = "error: ";
    size_t length = 0;
    const char* shown = luaL_tolstring(L_, -1, &length);
    text.append(shown, length);
    lua_settop(L_, 0);
    return text;
  }

  /// Makes the value at the top of the stack the global `name`, and removes it.
  void set_global(const char* name) { lua_setglobal(L_, name); }

 private:
  void open(const char* name, lua_CFunction function) {
    luaL_requiref(L_, name, function, 1);
    lua_pop(L_, 1);
  }

  Allocator allocator_;
  lua_State* L_;
};

}  // namespace perilune::luadata::test
