// What the official Lua 5.4 compiler made of a script: its function prototypes, read from the bytes that lua_dump()
// writes.
//
// The property relied on: the dump of a chunk that this process compiled itself, without stripping, is complete: code,
// constants, upvalue names, a line for each instruction. Dumps of strangers are never executed here, but they are
// parsed without trust: every count is checked against the bytes that are left, nesting is limited, and a wrong byte is
// an error with its offset.
//
// Reference: ldump.c, lundump.c, lopcodes.h, ldebug.c of Lua 5.4.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace perilune::compiler {

/// Values as in lopcodes.h of Lua 5.4.
enum class Opcode : uint8_t {
  kMove,
  kLoadI,
  kLoadF,
  kLoadK,
  kLoadKx,
  kLoadFalse,
  kLFalseSkip,
  kLoadTrue,
  kLoadNil,
  kGetUpvalue,
  kSetUpvalue,
  kGetTabUp,
  kGetTable,
  kGetI,
  kGetField,
  kSetTabUp,
  kSetTable,
  kSetI,
  kSetField,
  kNewTable,
  kSelf,
  kAddI,
  kAddK,
  kSubK,
  kMulK,
  kModK,
  kPowK,
  kDivK,
  kIDivK,
  kBAndK,
  kBOrK,
  kBXorK,
  kShrI,
  kShlI,
  kAdd,
  kSub,
  kMul,
  kMod,
  kPow,
  kDiv,
  kIDiv,
  kBAnd,
  kBOr,
  kBXor,
  kShl,
  kShr,
  kMMBin,
  kMMBinI,
  kMMBinK,
  kUnm,
  kBNot,
  kNot,
  kLen,
  kConcat,
  kClose,
  kTbc,
  kJmp,
  kEq,
  kLt,
  kLe,
  kEqK,
  kEqI,
  kLtI,
  kLeI,
  kGtI,
  kGeI,
  kTest,
  kTestSet,
  kCall,
  kTailCall,
  kReturn,
  kReturn0,
  kReturn1,
  kForLoop,
  kForPrep,
  kTForPrep,
  kTForCall,
  kTForLoop,
  kSetList,
  kClosure,
  kVarArg,
  kVarArgPrep,
  kExtraArg,
};
inline constexpr uint8_t kOpcodeCount = static_cast<uint8_t>(Opcode::kExtraArg) + 1;

/// One instruction: | opcode 7 | A 8 | k 1 | B 8 | C 8 |, or | opcode 7 | A 8 | Bx 17 |, or | opcode 7 | Ax 25 |.
struct Instruction {
  uint32_t word = 0;
  [[nodiscard]] Opcode opcode() const { return static_cast<Opcode>(word & 0x7fU); }
  [[nodiscard]] uint32_t a() const { return (word >> 7) & 0xffU; }
  [[nodiscard]] bool k() const { return ((word >> 15) & 1U) != 0; }
  [[nodiscard]] uint32_t b() const { return (word >> 16) & 0xffU; }
  [[nodiscard]] uint32_t c() const { return word >> 24; }
  [[nodiscard]] uint32_t bx() const { return word >> 15; }
  [[nodiscard]] uint32_t ax() const { return word >> 7; }
  [[nodiscard]] int32_t sb() const { return static_cast<int32_t>(b()) - 127; }
  [[nodiscard]] int32_t sc() const { return static_cast<int32_t>(c()) - 127; }
  [[nodiscard]] int32_t sbx() const { return static_cast<int32_t>(bx()) - 65535; }
  [[nodiscard]] int32_t sj() const { return static_cast<int32_t>(word >> 7) - 16777215; }
  /// Does it read all results of the call, or of `...`, before it, however many they are?
  [[nodiscard]] bool takes_open_list() const {
    const Opcode op = opcode();
    return b() == 0 &&
           (op == Opcode::kCall || op == Opcode::kTailCall || op == Opcode::kReturn || op == Opcode::kSetList);
  }
};

struct Nil {};
using Constant = std::variant<Nil, bool, int64_t, double, std::string>;

struct Upvalue {
  std::string name;
  bool in_stack = false;  // a register of the enclosing function; else one of its upvalues
  uint8_t index = 0;
};

struct Local {
  std::string name;
  uint32_t start_pc = 0;  // first instruction where it is alive
  uint32_t end_pc = 0;    // first where it is dead
};

struct Prototype {
  std::string source;         // as given to the compiler, with its '@' or '='; empty: the enclosing function's
  uint32_t line_defined = 0;  // 0: the main chunk
  uint32_t last_line = 0;
  uint8_t parameters = 0;
  bool vararg = false;
  uint8_t stack_size = 0;
  std::vector<Instruction> code;
  std::vector<Constant> constants;
  std::vector<Upvalue> upvalues;
  std::vector<Prototype> children;
  std::vector<uint32_t> lines;  // of each instruction; empty when stripped
  std::vector<Local> locals;

  /// How many registers a call of the function begins with.
  [[nodiscard]] size_t registers() const { return size_t{std::max(stack_size, parameters)} + 1; }
  /// The string constant at `index`, or null.
  [[nodiscard]] const std::string* string_constant(size_t index) const {
    return index < constants.size() ? std::get_if<std::string>(&constants[index]) : nullptr;
  }
  /// 0 when unknown.
  [[nodiscard]] uint32_t line(size_t pc) const { return pc < lines.size() ? lines[pc] : 0; }
};

/// Reads a dump of this Lua's version, number formats and byte order.
[[nodiscard]] Result<Prototype> parse_bytecode(std::string_view dump);

/// Compiles `text` (never bytecode) without running it, and reads what came out. `name` stands for the file in
/// messages. An error's message is Lua's own, "file:line: ..." in front.
[[nodiscard]] Result<Prototype> compile(std::string_view text, const std::string& name);

}  // namespace perilune::compiler
