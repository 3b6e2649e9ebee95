// What the lowering knows of a Lua value while it walks through a function: everything (a constant), or its type and
// where its run-time parts are.
//
// There is no value of unknown type: where paths with different types meet, the code after is lowered once for each of
// them. So `local e = m[k]` goes on as two paths, one where e is nil and one where it is an integer, and no type is
// ever tested at packet time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/lua/function_info.h"
#include "ir/form/ir.h"

namespace perilune::compiler {

using ObjectId = uint32_t;  // a table, function or userdata of the loaded script: see world.h; 0: none

struct Binding;
struct Callee;

struct AbstractValue {
  enum class Kind : uint8_t {
    kNone,  // not there (a register that is not read any more)
    kNil,
    kBoolean,         // constant: integer is 0 or 1
    kInteger,         // constant
    kFloat,           // constant
    kString,          // constant
    kObject,          // constant: a table, function or userdata that the main chunk left
    kDynamicBoolean,  // a: 0 or 1
    kDynamicInteger,  // a
    kDynamicString,   // a: offset in the slot, b: length
    kView,            // a data view. a: offset in the slot, b: length
    kPacket,          // pkt
    kTable,           // made at packet time, and known: index into State::tables
    kClosure,         // made at packet time: see `callee`
    kAddress,         // read by a layout, as text: a (and for IPv6 b) its bytes, index: luadata::FieldKind
    kMatch,           // the first result of a match not yet carried out: see `match`
    kBox,             // in registers alone: the variable is captured, its value stands in State::boxes[index]
  };

  Kind kind = Kind::kNone;
  int64_t integer = 0;
  double number = 0;
  std::shared_ptr<const std::string> text;
  ObjectId object = 0;  // kObject; kView: its layout (0: none)
  ir::Value a = ir::kNoValue;
  ir::Value b = ir::kNoValue;
  int64_t most = 0;   // kDynamicString, kView: no longer than this; kDynamicInteger: no more than this, 0: unknown
  int64_t least = 0;  // kView, kDynamicString: no shorter than this (known on this path)
  int64_t base = kUnknown;  // kView, kDynamicString of packet bytes: offset from the payload's first byte, or:
  bool digits = false;      // kDynamicString: nothing but decimal digits
  bool address = false;     // kDynamicString: 4 or 16 bytes, and no other length
  bool in_frame = false;    // kDynamicString: its bytes are the packet's, so writes would change it
  char origin = 0;          // kDynamicString: 's' pkt.src, 'd' pkt.dst; 0: elsewhere
  uint32_t index = 0;       // kTable, kMatch, kBox; kView: which object it is (0: one of several)
  std::shared_ptr<const Callee> callee;  // kClosure

  static constexpr int64_t kUnknown = -1;  // somewhere in the payload, or anywhere
  static constexpr int64_t kHeaders = -2;  // in the headers

  [[nodiscard]] bool is_constant() const { return kind >= Kind::kNil && kind <= Kind::kObject; }
  [[nodiscard]] bool is_nil() const { return kind == Kind::kNil; }
  [[nodiscard]] bool is_integer() const { return kind == Kind::kInteger || kind == Kind::kDynamicInteger; }
  [[nodiscard]] bool is_boolean() const { return kind == Kind::kBoolean || kind == Kind::kDynamicBoolean; }
  [[nodiscard]] bool is_string() const {
    return kind == Kind::kString || kind == Kind::kDynamicString || kind == Kind::kAddress;
  }
  [[nodiscard]] const std::string& string() const { return *text; }

  static AbstractValue nil() { return of(Kind::kNil); }
  static AbstractValue boolean(bool value) {
    AbstractValue v = of(Kind::kBoolean);
    v.integer = value ? 1 : 0;
    return v;
  }
  static AbstractValue integer_constant(int64_t value) {
    AbstractValue v = of(Kind::kInteger);
    v.integer = value;
    return v;
  }
  static AbstractValue float_constant(double value) {
    AbstractValue v = of(Kind::kFloat);
    v.number = value;
    return v;
  }
  static AbstractValue string_constant(std::string value) {
    AbstractValue v = of(Kind::kString);
    v.text = std::make_shared<const std::string>(std::move(value));
    return v;
  }
  static AbstractValue object_constant(ObjectId object) {
    AbstractValue v = of(Kind::kObject);
    v.object = object;
    return v;
  }
  static AbstractValue dynamic_integer(ir::Value value) {
    AbstractValue v = of(Kind::kDynamicInteger);
    v.a = value;
    return v;
  }
  static AbstractValue dynamic_boolean(ir::Value value) {
    AbstractValue v = of(Kind::kDynamicBoolean);
    v.a = value;
    return v;
  }
  static AbstractValue dynamic_string(ir::Value offset, ir::Value length, int64_t most) {
    AbstractValue v = of(Kind::kDynamicString);
    v.a = offset;
    v.b = length;
    v.most = most;
    return v;
  }
  static AbstractValue of(Kind kind) {
    AbstractValue v;
    v.kind = kind;
    return v;
  }
};

/// A function with its code, as the lowering needs it. Lives as long as the world.
struct FunctionCode {
  const Prototype* prototype = nullptr;
  FunctionInfo info;
  uint32_t file = 0;  // index into the image's files
  uint32_t number = 0;
};

/// Where an upvalue of a function is.
struct Binding {
  bool boxed = false;  // a variable of a function called at packet time: State::boxes; else a cell (world.h)
  uint32_t index = 0;
  bool operator==(const Binding&) const = default;
};

/// A function value: what it runs and what it has captured.
struct Callee {
  const FunctionCode* code = nullptr;
  std::vector<Binding> bindings;
};

struct Frame {
  std::shared_ptr<const Callee> callee;
  uint32_t pc = 0;  // of the next instruction
  std::vector<AbstractValue> registers;
  std::vector<AbstractValue> varargs;
  uint32_t top = 0;  // one past the last value of an open list of results
  // Where results go in the frame below.
  uint32_t result_register = 0;
  int32_t results_wanted = 0;  // -1: all
  /// What a caller that is no Lua code wants done with the results: see Lowering::return_from().
  enum class Return : uint8_t { kCall, kTail, kIterator, kIndex } on_return = Return::kCall;
  /// The loops around pc: first instruction and number of the iteration for one that is written out; for one that stays
  /// a loop, kLoop + the number of its head's version, so that a body is entered through its head alone.
  std::vector<uint32_t> rounds;
  static constexpr uint32_t kLoop = 0x80000000U;

  /// Is the innermost loop the one that begins at `begin`, and written out?
  [[nodiscard]] bool in_round_of(uint32_t begin) const {
    return !rounds.empty() && rounds[rounds.size() - 2] == begin && rounds.back() < kLoop;
  }
};

/// A table made at packet time that never leaves the function: its entries by constant keys.
struct VirtualTable {
  struct Entry {
    AbstractValue key;
    AbstractValue value;
  };
  std::vector<Entry> entries;
};

/// An element of a map that was looked up on every way here, in a place of its own (ir::Instruction::kept).
struct KeptElement {
  uint32_t map = 0;
  std::string key;
  uint8_t place = 0;
  bool operator==(const KeptElement&) const = default;
};

/// Everything known at one point of the program.
struct State {
  std::vector<Frame> frames;
  std::vector<VirtualTable> tables;
  std::vector<AbstractValue> boxes;  // variables that closures have captured: see state.h
  // The headers and payload bytes [0, pulled) are in the slot.
  int64_t pulled = kNothing;
  static constexpr int64_t kNothing = -1;
  bool replaced = false;  // the payload, perhaps: what was known of it is of the one that arrived
  int8_t has_ports = -1;  // of this path: -1 unknown, 0 no, 1 yes
  std::vector<KeptElement> elements;

  [[nodiscard]] Frame& top() { return frames.back(); }
  [[nodiscard]] const Frame& top() const { return frames.back(); }
  /// The value of a register of the running function, wherever it stands.
  [[nodiscard]] AbstractValue& value_of(uint32_t r) {
    AbstractValue& value = frames.back().registers[r];
    return value.kind == AbstractValue::Kind::kBox ? boxes[value.index] : value;
  }
  [[nodiscard]] const AbstractValue& value_of(uint32_t r) const {
    const AbstractValue& value = frames.back().registers[r];
    return value.kind == AbstractValue::Kind::kBox ? boxes[value.index] : value;
  }
};

}  // namespace perilune::compiler
