// The form between the IR and BPF code: one instruction here is one or a few of BPF's. Registers are virtual until
// allocate() has given each a real one; blocks stand in the order of the final code; edges with arguments belong to
// blocks that end in a jump.
//
// lower() -> allocate() -> emit()
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/result.h"
#include "ir/code.h"
#include "ir/form/ir.h"

namespace perilune::ir {

using Register = uint32_t;  // virtual
inline constexpr Register kNoRegister = 0;
inline constexpr Register kSlotRegister = std::numeric_limits<Register>::max();  // always r6

inline constexpr int32_t kNoCell = -1;

/// A register, or a number where there is none.
struct Operand {
  Register reg = kNoRegister;
  int64_t imm = 0;
  [[nodiscard]] bool is_number() const { return reg == kNoRegister; }
};

struct Low {
  enum class Kind : uint8_t {
    kWide,     // result = imm, which does not fit an instruction
    kTables,   // result = byte imm of the tables
    kBinary,   // result = a op b; numbers fit 32 bits with sign (kAnd: or without)
    kSwap,     // result = op a
    kLaunder,  // result = a, through memory
    kOffset,   // result = pointer a + (b & imm); with `launder` b goes through memory
    kShift,    // result = pointer a + imm
    kLoad,     // result = op [a + disp]
    kStore,    // op [a + disp] = b
    kCall,     // op, with the fields as in Instruction; kUdiv, kUmod: result = a op b
    kReload,   // result = the low `bytes` of a cell
    kSpill,    // cell = a
  };
  Kind kind = Kind::kWide;
  Op op = Op::kConst;
  bool launder = false;
  uint8_t bytes = 8;
  Operand a;
  Operand b;
  Register result = kNoRegister;
  int32_t disp = 0;
  int32_t disp2 = 0;
  uint8_t kept = 0;
  int32_t cell = kNoCell;
  uint32_t index = 0;
  int64_t imm = 0;
  uint32_t file = 0;
  uint32_t line = 0;
};

struct Argument {
  Operand value;           // its number may need all 64 bits
  int32_t cell = kNoCell;  // it stands there instead
  uint8_t bytes = 8;       // of the cell that count
  bool launder = false;
};

struct Parameter {
  Register reg = kNoRegister;
  int32_t cell = kNoCell;  // it is kept there instead
};

struct LowBlock {
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  std::vector<Parameter> parameters;
  std::vector<Low> code;
  Terminator::Kind kind = Terminator::Kind::kNone;
  Condition condition = Condition::kEq;
  Operand a;
  Operand b;
  uint32_t then = kNone;  // places in LowFunction::blocks
  uint32_t otherwise = kNone;
  std::vector<Argument> arguments;  // kJump
  uint32_t exhausted = kNone;       // a may_goto at the head leads there
  float frequency = 1;              // a guess
  uint32_t file = 0;
  uint32_t line = 0;
};

struct LowFunction {
  std::vector<LowBlock> blocks;
  Register registers = 1;       // the next one
  std::vector<bool> pointers;   // by register
  std::vector<uint8_t> bytes;   // by register: its value certainly fits these, also for the verifier
  std::vector<bool> in_memory;  // by register: it is kept in memory, whether there are registers or not
  bool pulls = false;
};

[[nodiscard]] LowFunction lower(const Function& function);

/// Where a long function is cut (cuts.h).
struct Cut {
  uint32_t block = 0;          // the first of the piece
  std::vector<Register> live;  // scalars in use at its head, its parameters among them
  struct Table {
    Register reg = kNoRegister;
    int64_t byte = 0;
  };
  std::vector<Table> tables;  // likewise addresses of tables
};

/// Where everything is.
struct Allocation {
  static constexpr uint8_t kNone = 0xff;

  std::vector<uint8_t> real;  // by virtual register
  struct Save {
    uint32_t position = 0;  // of the call, as numbered below
    Register reg = kNoRegister;
  };
  std::vector<Save> saves;      // by position: what a call would destroy
  std::vector<uint32_t> first;  // by block: the position of its head; then come its instructions and its end
  std::vector<uint16_t> busy;   // by block: real registers in use at its end
  int32_t cells = 0;            // in the slot
  int32_t stack_cells = 0;      // pointers stay provable only on the stack
  std::vector<Cut> cuts;
  int32_t cut_cells = 0;  // the first of kCutCells: what is next, and a cell for each real register
  static constexpr int32_t kCutCells = 11;
};

/// Gives each virtual register a real one; where they do not suffice, inserts spills and reloads.
[[nodiscard]] Result<Allocation> allocate(LowFunction& function);

[[nodiscard]] Result<Code> emit(const LowFunction& function, const Allocation& allocation);

/// The kernel writes some instructions (may_goto, look-ups in maps, divisions by variables) out into several after it
/// has verified them, and each time moves all that follows and corrects every jump. How many there may be, times the
/// instructions of all, for about a second.
inline constexpr size_t kMostPatching = 100'000'000;
inline constexpr size_t kInsnsOfThree = 5;  // eBPF instructions that three of these become, in large functions

/// Are `count` instructions that a shared function could have instead too many for the kernel to write out, in a
/// function of `insns`? For less time than loops, which such a function does not help, may take.
[[nodiscard]] constexpr bool is_costly_to_write_out(size_t count, size_t insns) {
  return count * (insns * kInsnsOfThree / 3) > kMostPatching / 4;
}

/// Calls f(operand, late) for each register an instruction reads; `late`: still read after the result is written.
template <typename Instr, typename F>
void for_each_use(Instr& low, F f) {
  const auto use = [&](auto& operand, bool late) {
    if (!operand.is_number() && operand.reg != kSlotRegister) f(operand, late);
  };
  const bool commutative =
      low.op == Op::kAdd || low.op == Op::kMul || low.op == Op::kAnd || low.op == Op::kOr || low.op == Op::kXor;
  use(low.a, low.kind == Low::Kind::kOffset);
  use(low.b, low.kind == Low::Kind::kBinary && (!commutative || low.a.is_number()));
}

}  // namespace perilune::ir
