// How much a script may still do: VM instructions, counted by a hook, and time, looked at whenever the hook runs.
//
// The hook runs every `quantum_` instructions. The first quantum of a call is short and later ones follow the speed
// seen, so that instructions which hide much work (joining or comparing strings of megabytes, walking an emptied table)
// are seen early, while ordinary code is interrupted once in a thousand instructions.
//
// A budget once spent stays spent until the next start(): the hook then raises at every instruction, so nothing a
// script runs in an error handler or a __close gets anywhere, and our pcall and xpcall hand the error on.
#pragma once

#include <chrono>
#include <cstdint>

#include <lua.h>

namespace perilune::script {

class Budget {
 public:
  enum class Spent : uint8_t { kNo, kInstructions, kTime };

  /// From now on code in `L` may run this much. `hook` must call on_hook(); `extra_mask` are further events it wants.
  void start(lua_State* L, lua_Hook hook, int extra_mask, uint64_t instructions, std::chrono::nanoseconds time);
  /// Nothing is counted any more.
  void stop(lua_State* L);

  /// For the count hook. Raises when the budget is spent.
  void on_hook(lua_State* L);
  /// Takes `units` for work done in C. Raises when the budget is spent.
  void charge(lua_State* L, uint64_t units) {
    if (!running_) return;
    unchecked_ += units;
    if (units < remaining_ && unchecked_ < kUnitsPerTimeCheck) {
      remaining_ -= units;
      return;
    }
    charge_slowly(L, units);
  }
  /// Takes `units` without raising; the next instruction does, if need be.
  void charge_later(lua_State* L, uint64_t units);

  [[nodiscard]] Spent spent() const { return spent_; }
  /// Raises the error of a spent budget: a light userdata, which nobody sees but our own handlers.
  [[noreturn]] void raise(lua_State* L);

 private:
  static constexpr uint32_t kFirstQuantum = 100;
  static constexpr uint32_t kLargestQuantum = 1000;
  static constexpr uint64_t kUnitsPerTimeCheck = 20'000;

  void charge_slowly(lua_State* L, uint64_t units);
  void spend(lua_State* L, Spent what);
  void set_quantum(lua_State* L, uint64_t quantum);
  /// False when the time is over.
  [[nodiscard]] bool look_at_clock(int64_t now_ns);

  lua_Hook hook_ = nullptr;
  int extra_mask_ = 0;
  bool running_ = false;
  Spent spent_ = Spent::kNo;
  uint32_t quantum_ = 0;    // what the hook was set to
  uint64_t remaining_ = 0;  // the quantum under way included
  uint64_t unchecked_ = 0;  // charged since the clock was looked at
  int64_t started_ns_ = 0;
  int64_t looked_ns_ = 0;          // the clock when it was looked at last
  int64_t processor_mark_ns_ = 0;  // processor time when a tenth of the limit had passed; 0: not yet
  int64_t time_ns_ = 0;
};

}  // namespace perilune::script
