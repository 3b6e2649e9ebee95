// What can be said of a function's bytecode without running it: where jumps meet, where loops are, which registers are
// still needed. The lowering asks this to know where states must be joined and what of them can be forgotten.
//
//   local i = 0                a loop from the comparison to the jump back; `i` is assigned in it, so its value at the
//   while i < 3 do i = i + 1 end     head is never taken as a constant
//
// Liveness is the usual backward iteration over the control flow. It is about registers: what closures do with a
// variable that they have captured is not seen here (state.h). Cost: linear in the code, a few iterations for nested
// loops.
#pragma once

#include <bitset>
#include <cstdint>
#include <vector>

#include "compiler/lua/bytecode.h"

namespace perilune::compiler {

/// Lua gives a function up to 255 registers. In `f(g())` all results of g() are passed on, however many there are; they
/// are kept in the registers from the call's on, beyond those 255 if need be, until the call of f() reads them.
inline constexpr size_t kMaxRegisters = 512;
using RegisterSet = std::bitset<kMaxRegisters>;

/// Registers that one instruction reads and writes.
struct Effects {
  RegisterSet uses;
  RegisterSet defines;
};
[[nodiscard]] Effects effects_of(const Prototype& prototype, size_t pc);

struct Loop {
  enum class Kind : uint8_t { kNumeric, kGeneric, kOther };
  Kind kind = Kind::kOther;
  uint32_t head = 0;     // every iteration passes here
  uint32_t begin = 0;    // first instruction that belongs to it
  uint32_t end = 0;      // the last one: the jump back
  RegisterSet assigned;  // by its instructions, or by functions that are made in it

  [[nodiscard]] bool contains(uint32_t pc) const { return pc >= begin && pc <= end; }
};

struct FunctionInfo {
  std::vector<bool> joins;            // by pc: a jump may lead here
  std::vector<RegisterSet> live;      // by pc: needed by this instruction or a later one
  std::vector<Loop> loops;            // outer before inner
  std::vector<uint32_t> first_jump;   // by pc: the first jump forward that leads here, or this pc
  std::vector<bool> assigns_upvalue;  // by upvalue: here, or in functions made here

  /// The loop whose head is `pc`, or null.
  [[nodiscard]] const Loop* loop_at(uint32_t pc) const;
};

[[nodiscard]] FunctionInfo analyse(const Prototype& prototype);

}  // namespace perilune::compiler
