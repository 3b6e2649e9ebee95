// How much a script may still do: VM instructions, counted by a hook, and time, looked at whenever the hook runs.
//
// The hook runs every `quantum_` instructions. The first quantum of a call is short and later ones follow the speed
// seen, so that instructions which hide much work (joining or comparing strings of megabytes, walking an emptied table)
// are seen early, while ordinary code is interrupted once in a thousand instructions. How much one instruction can hide
// grows with the largest string and the largest table of the state, so these make the quanta shorter.
//
// What no hook interrupts at all, because it is a loop inside the Lua machine, is a chain of __call: every link puts
// one more argument onto the stack and moves those that are there, so the work grows with the square of the stack, and
// the stack grows by asking our allocator for twice as much. allows_block() is asked then: a block that is wanted when
// the time is over, or will be when as much again has happened three times, is refused, and that ends the script.
//
// A budget once spent stays spent until the next start(): the hook then raises at every instruction, so nothing a
// script runs in an error handler or a __close gets anywhere, and our pcall and xpcall hand the error on.
#pragma once

#include <chrono>
#include <cstddef>
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

  /// A block of that size was asked for, now or at any time before.
  void note_block(lua_State* L, size_t bytes, bool is_string);
  /// May the script have another large block? False, and the budget is spent, when its time is over.
  [[nodiscard]] bool allows_block(lua_State* L);
  /// Looks at the clock. Raises when the time is over.
  void check_time(lua_State* L);

  [[nodiscard]] Spent spent() const { return spent_; }
  /// Raises the error of a spent budget: a light userdata, which only our own handlers see.
  [[noreturn]] void raise(lua_State* L);

 private:
  static constexpr uint32_t kFirstQuantum = 100;
  static constexpr uint32_t kLargestQuantum = 1000;
  static constexpr uint64_t kUnitsPerTimeCheck = 20'000;
  // Blocks above these sizes make the largest quantum smaller. Comparing two strings takes up to 10 ns a byte (zeros),
  // walking an emptied table less than 0.1 ns a byte.
  static constexpr size_t kLargeString = size_t{16} << 10;
  static constexpr size_t kLargeTable = size_t{8} << 20;

  void charge_slowly(lua_State* L, uint64_t units);
  void spend(lua_State* L, Spent what);
  void set_quantum(lua_State* L, uint64_t quantum);
  /// How much of the time has been used.
  [[nodiscard]] int64_t used_ns(int64_t now_ns);
  /// False when the time is over.
  [[nodiscard]] bool look_at_clock(int64_t now_ns);

  lua_Hook hook_ = nullptr;
  int extra_mask_ = 0;
  bool running_ = false;
  Spent spent_ = Spent::kNo;
  uint32_t quantum_ = 0;  // what the hook was set to
  uint32_t largest_quantum_ = kLargestQuantum;
  uint64_t remaining_ = 0;  // the quantum under way included
  uint64_t unchecked_ = 0;  // charged since the clock was looked at
  int64_t started_ns_ = 0;
  int64_t looked_ns_ = 0;          // the clock when it was looked at last
  int64_t processor_mark_ns_ = 0;  // processor time when a tenth of the limit had passed; 0: not yet
  int64_t time_ns_ = 0;
};

}  // namespace perilune::script
