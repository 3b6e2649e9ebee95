// What the files that make up the sandboxed state share. Not for anybody outside it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <lua.h>

#include "script/library/pattern_cache.h"
#include "script/library/random.h"
#include "script/state/allocator.h"
#include "script/state/budget.h"
#include "script/state/source.h"
#include "script/state/state.h"

namespace perilune::script {

struct State::Impl final : Allocator::Listener {
  Impl(const Options& the_options, std::string the_folder);
  ~Impl() override;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void on_refused() override;
  bool on_large(size_t bytes, bool is_string) override;

  Options options;
  std::string folder;  // where `require` looks; empty: nowhere
  Allocator allocator;
  Budget budget;
  lua_State* L = nullptr;
  bool loading = true;
  uint64_t event_number = 0;
  int wanted_arguments = 0;
  uint32_t return_line = 0;
  uint64_t log_lines = 0;  // of the call under way, or of the main chunk
  uint32_t log_line = 0;   // the script's line that wrote the last of them
  ScriptError error;
  PatternCache patterns;
  Random random;
  std::vector<Chunk> chunks;        // every text compiled so far
  std::string module_syntax_error;  // what the compiler said of a required file; empty: nothing
  ModuleFile module;  // the one being loaded: outside the stack, which a Lua error leaves without destructors

  /// Where the script was when an allocation was refused (Lua calls no handler for that error).
  std::string refused_file;
  uint32_t refused_line = 0;
};

/// The way from a lua_State to the parts above.
struct StateInternals {
  [[nodiscard]] static State::Impl& of(lua_State* L) { return *State::of(L).impl_; }
  [[nodiscard]] static State::Impl& of(State& state) { return *state.impl_; }
};

/// Message handler of every protected call the host makes: fills Impl::error while the stack still stands.
int handle_error(lua_State* L);

/// Completes Impl::error after lua_pcall() gave `status` (the error object is on top of the stack and stays there).
void complete_error(State::Impl& impl, int status);

/// The innermost running Lua function's file and line; false when there is none. Allocates nothing in Lua.
bool current_place(lua_State* L, std::string& file, uint32_t& line);

/// Tells how many lines were logged beyond `most`.
void tell_more_lines(const State::Impl& impl, uint32_t most);

/// The hook of the budget, and of the line of the entry point's return.
void count_hook(lua_State* L, lua_Debug* activation);

/// Compiles `text` as the chunk `name` and pushes the function; otherwise pushes the message and returns Lua's status.
/// Text only.
int compile(lua_State* L, std::string_view text, const std::string& name);

/// Adds the function `require`.
void install_require(lua_State* L);

/// Sets up everything a script finds. Raises when memory runs out.
void install_sandbox(lua_State* L);

}  // namespace perilune::script
