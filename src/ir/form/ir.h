// The intermediate form of a filter: a control-flow graph in SSA form whose blocks have parameters.
//
// Every scalar is a 64-bit integer. Pointers are values of their own kind that come only from kSlot, kTables and
// kOffset, are used only by loads, stores and kOffset, are never block arguments and never stored: that is what keeps
// them provable for the verifier. Arithmetic is BPF's, which is defined for every operand: division by 0 gives 0, a
// remainder by 0 the dividend, shifts take their amount modulo 64, everything wraps.
//
// Built by the compiler through Builder, then: simplify() -> generate(), see passes.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace perilune::ir {

using Value = uint32_t;
using BlockId = uint32_t;
inline constexpr Value kNoValue = 0;

enum class Op : uint8_t {
  kConst,  // imm
  kParam,  // of a block
  kAdd,
  kSub,
  kMul,
  kUdiv,
  kUmod,
  kAnd,
  kOr,
  kXor,
  kShl,
  kLshr,
  kAshr,  // a, b
  kSwap16,
  kSwap32,
  kSwap64,   // a: the low bytes reversed, zero above
  kLaunder,  // a, of which the verifier knows nothing any more (through memory)
  // pointers
  kSlot,    // the slot's first byte
  kTables,  // byte imm of the read-only tables
  kOffset,  // pointer a + (b & imm), imm = 2^k - 1
  // memory: displacement `disp` from a pointer; little endian; loads zero-extend
  kLoad8,
  kLoad16,
  kLoad32,
  kLoad64,  // pointer a
  kStore8,
  kStore16,
  kStore32,
  kStore64,  // pointer a, value b; no result
  // calls: keys, values and records stand in the slot at a displacement
  kPull,       // a: frame bytes wanted; no result
  kReplace,    // the payload becomes a bytes of the slot from header.replace_from on; no result: header.replaced says
               // what came of it
  kMapLookup,  // map `index`, key at `disp`; copies imm bytes of the value (a multiple of 8) to `disp2`; 1 or 0.
               // With `kept` the element, or that there is none, is kept there
  kMapUpdate,  // map `index`, key at `disp`, value at `disp2`, flags imm; 0 or -errno
  kMapDelete,  // map `index`, key at `disp`; 0 or -errno
  kMapAdd,     // map `index`, key at `disp`, adds a atomically to the imm-byte (4 or 8) number at byte `disp2` of the
               // value; the result is 1 and the number before is at PL_SCRATCH - 8, or 0 when there is no such key
  kMapStore,   // imm bytes (1, 2, 4 or 8) from `disp2` to the beginning of the element in `kept`, which a kMapLookup
               // of map `index` has filled on every way here; 1, or 0 when there is none
  kKtime,      // nanoseconds of CLOCK_TAI
  kRandom,     // 64 random bits
  kEmit,       // hands a bytes from `disp` of the slot to the ring buffer; 0 or -errno
};

inline constexpr uint8_t kKeptPlaces = 4;

enum class Condition : uint8_t { kEq, kNe, kUlt, kUle, kUgt, kUge, kSlt, kSle, kSgt, kSge };

struct Instruction {
  Op op = Op::kConst;
  uint32_t index = 0;
  int32_t disp = 0;
  int32_t disp2 = 0;
  uint8_t kept = 0;  // a place for an element of a map, from 1 to kKeptPlaces; 0: none
  int64_t imm = 0;
  Value a = kNoValue;
  Value b = kNoValue;
  Value result = kNoValue;  // kNoValue: none
  uint32_t file = 0;
  uint32_t line = 0;
};

struct Edge {
  BlockId target = 0;
  std::vector<Value> arguments;  // one for each parameter of the target
};

struct Terminator {
  enum class Kind : uint8_t { kNone, kJump, kBranch, kReturn };
  Kind kind = Kind::kNone;
  Condition condition = Condition::kEq;
  Value a = kNoValue;  // kBranch: a `condition` b ? then : otherwise; kReturn: the result
  Value b = kNoValue;
  Edge then;
  Edge otherwise;
  uint32_t file = 0;
  uint32_t line = 0;
};

struct Block {
  std::vector<Value> parameters;
  std::vector<Instruction> instructions;
  Terminator terminator;
  /// A loop comes back here. The code generator lets the verifier forget what it knows of the arguments on the way in
  /// and puts a may_goto at the head, which leaves to `exhausted` (a block without parameters, that uses nothing of the
  /// header's) when the kernel's own patience ends.
  bool loop_header = false;
  BlockId exhausted = 0;
  bool unlikely = false;  // laid out at the end
};

struct Function {
  std::vector<Block> blocks;  // blocks[0] is the entry; it has no parameters
  uint32_t values = 1;        // the next value's number
  /// Bytes [first, second) of the slot that nothing changes while the code runs: loads may move.
  std::vector<std::pair<int32_t, int32_t>> steady;

  [[nodiscard]] bool is_steady(int32_t byte) const {
    return std::ranges::any_of(steady, [&](const auto& one) { return byte >= one.first && byte < one.second; });
  }
};

/// Appends to a function. Remembers the script's place for whatever is appended next. Constants are folded and
/// a few identities applied on the way, so callers need not care.
class Builder {
 public:
  explicit Builder(Function& function) : function_(&function) {}

  BlockId new_block(size_t parameters = 0);
  [[nodiscard]] std::span<const Value> parameters(BlockId block) const { return function_->blocks[block].parameters; }
  Value add_parameter(BlockId block);
  void switch_to(BlockId block);
  [[nodiscard]] BlockId current() const { return block_; }
  [[nodiscard]] bool terminated() const;
  void at(uint32_t file, uint32_t line) {
    file_ = file;
    line_ = line;
  }
  [[nodiscard]] Function& function() { return *function_; }

  Value constant(int64_t number);
  /// Is it a constant? Its number then.
  [[nodiscard]] bool is_constant(Value value, int64_t& number) const;
  Value binary(Op op, Value a, Value b);
  Value binary(Op op, Value a, int64_t b) { return binary(op, a, constant(b)); }
  Value binary(Op op, Value a, int b) { return binary(op, a, constant(b)); }
  Value add(Value a, Value b) { return binary(Op::kAdd, a, b); }
  Value add(Value a, int64_t b) { return binary(Op::kAdd, a, b); }
  Value add(Value a, int b) { return binary(Op::kAdd, a, b); }
  Value sub(Value a, Value b) { return binary(Op::kSub, a, b); }
  Value swap(Op op, Value a);
  Value launder(Value a);
  Value slot();
  Value tables(uint32_t offset);
  Value offset(Value pointer, Value index, int64_t mask);
  Value load(unsigned bytes, Value pointer, int32_t disp);
  void store(unsigned bytes, Value pointer, int32_t disp, Value value);
  /// 1 or 0.
  Value compare(Condition condition, Value a, Value b);
  void pull(Value upto);
  void replace(Value length);
  Value map_lookup(uint32_t map, int32_t key, int32_t value, int64_t bytes, uint8_t kept = 0);
  Value map_update(uint32_t map, int32_t key, int32_t value, int64_t flags);
  Value map_delete(uint32_t map, int32_t key);
  Value map_add(uint32_t map, int32_t key, Value amount, int64_t bytes, int32_t offset_in_value);
  Value map_store(uint32_t map, int32_t value, int64_t bytes, uint8_t kept);
  Value ktime();
  Value random();
  Value emit(int32_t disp, Value length);

  void jump(BlockId target, std::vector<Value> arguments = {});
  void branch(Condition condition, Value a, Value b, BlockId then, BlockId otherwise);
  void branch(Condition condition, Value a, Value b, Edge then, Edge otherwise);
  void branch(Condition condition, Value a, int64_t b, BlockId then, BlockId otherwise) {
    branch(condition, a, constant(b), then, otherwise);
  }
  void branch(Condition condition, Value a, int b, BlockId then, BlockId otherwise) {
    branch(condition, a, constant(b), then, otherwise);
  }
  void branch(Condition condition, Value a, int64_t b, Edge then, Edge otherwise) {
    branch(condition, a, constant(b), std::move(then), std::move(otherwise));
  }
  void branch(Condition condition, Value a, int b, Edge then, Edge otherwise) {
    branch(condition, a, constant(b), std::move(then), std::move(otherwise));
  }
  void ret(Value result);

 private:
  Value append(Instruction instruction, bool has_result);

  Function* function_;
  BlockId block_ = 0;
  uint32_t file_ = 0;
  uint32_t line_ = 0;
  // constants are kept per block, so that they stand near their use: see builder.cpp
  std::vector<std::pair<Value, int64_t>> constants_;
  std::unordered_map<Value, int64_t> numbers_;  // of all constants this builder made
};

/// For people and tests: one line an instruction.
[[nodiscard]] std::string to_text(const Function& function);

}  // namespace perilune::ir
