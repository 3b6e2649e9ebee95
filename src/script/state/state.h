// One sandboxed Lua 5.4 state: a script loaded, its entry point called again and again, whatever it does.
//
// The promise: a script cannot crash, block or starve the process, nor reach anything outside the sandbox. Memory is
// limited by the allocator, instructions by a count hook, C functions that can loop long (patterns, table.move,
// string.rep, sort...) charge the same budget; a budget once spent stays spent (pcall cannot catch it away).
//
// The state knows nothing of packets: what the entry point gets is pushed by an `Arguments`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <lua.h>
#include <tl/expected.hpp>

#include "base/diagnostic.h"
#include "script/state/clock.h"
#include "script/state/events.h"
#include "script/state/limits.h"

namespace perilune::script {

class MapStore;
class Random;
struct LoadRecord;

struct Options {
  Limits limits;
  std::string function = "filter";  // the entry point, a global
  MapStore* maps = nullptr;         // shared by the workers of one program; null: maps are private to this state
  const Clock* clock = nullptr;     // null: the system's
  EventSink* events = nullptr;      // null: logs are dropped
  std::optional<uint64_t> seed;     // for random() and math.random; unset: from the system
  unsigned worker = 0;              // map writes of the main chunk count for worker 0 only
  LoadRecord* record = nullptr;     // filled while loading
  bool record_line = false;         // remember the line of the entry point's return (costs a little per call)
};

/// Pushes what the entry point is called with.
class Arguments {
 public:
  virtual ~Arguments() = default;
  /// Pushes at most `wanted` values (what the function declares; a vararg function wants all) and returns how many. May
  /// allocate (a few hundred bytes beyond the limit are granted), must not raise otherwise.
  virtual int push(lua_State* L, int wanted) = 0;
};

class State {
 public:
  /// Runs the main chunk of the file at `path` (its folder is where `require` looks) and finds the entry point.
  [[nodiscard]] static tl::expected<std::unique_ptr<State>, Diagnostics> load_file(const std::string& path,
                                                                                   const Options& options);
  /// The same for text; `name` stands for the file in messages, `folder` is where `require` looks (empty: nowhere).
  [[nodiscard]] static tl::expected<std::unique_ptr<State>, Diagnostics> load_text(std::string_view text,
                                                                                   const std::string& name,
                                                                                   const std::string& folder,
                                                                                   const Options& options);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Calls the entry point with a fresh budget. True: its first result (nil when there is none) is at the top of lua(),
  /// read it and call finish(). False: error() says what happened; nothing is left on the stack.
  [[nodiscard]] bool call(Arguments& arguments, uint64_t event_number);
  void finish() noexcept;

  /// The last error. Valid until the next call().
  [[nodiscard]] const ScriptError& error() const;
  /// The line of the return statement that ended the last call; 0 when not recorded.
  [[nodiscard]] uint32_t return_line() const;

  [[nodiscard]] lua_State* lua() const;
  [[nodiscard]] const Options& options() const;
  [[nodiscard]] uint64_t event_number() const;  // of the call under way, 0 while loading
  [[nodiscard]] bool loading() const;           // the main chunk is running
  [[nodiscard]] uint64_t now_ns() const;        // by the clock of the options
  [[nodiscard]] Random& random();               // what random() draws from
  [[nodiscard]] size_t memory_used() const;

  /// The State a lua_State belongs to (kept in its extra space).
  [[nodiscard]] static State& of(lua_State* L);

  /// Charges `units` VM instructions' worth of work done in C to the budget; raises when it is spent. For library
  /// functions.
  static void charge(lua_State* L, uint64_t units);

  struct Impl;  // for the files that make up the state: see state_internals.h

 private:
  friend struct StateInternals;
  explicit State(std::unique_ptr<Impl> impl);
  static tl::expected<std::unique_ptr<State>, Diagnostics> load(std::string_view text, const std::string& name,
                                                                const std::string& folder, const Options& options);
  std::unique_ptr<Impl> impl_;
};

/// A module of ours that every script finds without `require`: called once per state, in declaration order, while it is
/// being set up. `install_sandbox` in sandbox.cpp lists them.
using InstallModule = void (*)(lua_State* L);

void install_base(lua_State* L);    // base functions without the dangerous ones, require
void install_string(lua_State* L);  // string, with our own matcher
void install_table(lua_State* L);   // table, charging the budget
void install_math(lua_State* L);    // math and utf8
void install_map(lua_State* L);     // map.*
void install_log(lua_State* L);     // log, print
void install_time(lua_State* L);    // time
void install_random(lua_State* L);  // random

}  // namespace perilune::script
