// The names in Lua's own messages: "(local 'x')", "(field 'y')", found in the bytecode as ldebug.c finds them.
#include <algorithm>

#include <fmt/format.h>

#include "compiler/lowering/lowering.h"

namespace perilune::compiler {
namespace {

// The name of the local variable in `reg` at `pc`, or null (luaF_getlocalname).
const std::string* local_name(const Prototype& code, uint32_t reg, uint32_t pc) {
  uint32_t number = reg + 1;
  for (const Local& local : code.locals) {
    if (local.start_pc > pc) break;
    if (pc < local.end_pc && --number == 0) return &local.name;
  }
  return nullptr;
}

// Does the instruction set `reg`, as findsetreg in ldebug.c sees it?
bool sets(const Prototype& code, uint32_t pc, uint32_t reg) {
  const Instruction i = code.code[pc];
  switch (i.opcode()) {
    case Opcode::kLoadNil:
      return i.a() <= reg && reg <= i.a() + i.b();
    case Opcode::kTForCall:
      return reg >= i.a() + 2;
    case Opcode::kCall:
    case Opcode::kTailCall:
      return reg >= i.a();
    case Opcode::kJmp:
      return false;
    default:
      return i.a() == reg && effects_of(code, pc).defines[reg];
  }
}

// The instruction that last set `reg` before `last`. Nothing when a jump may have skipped that instruction: a jump that
// stands before it and whose target lies after it, but not after `last` (findsetreg). The search goes backwards, since
// the instruction is usually close to `last`.
std::optional<uint32_t> setter(const FunctionCode& function, uint32_t last, uint32_t reg) {
  const Prototype& code = *function.prototype;
  const Opcode opcode = code.code[last].opcode();
  if (opcode == Opcode::kMMBin || opcode == Opcode::kMMBinI || opcode == Opcode::kMMBinK) --last;
  uint32_t first_jump = last;  // of those that lead to where the search has been
  for (uint32_t pc = last; pc-- > 0;) {
    first_jump = std::min(first_jump, function.info.first_jump[pc + 1]);
    if (!sets(code, pc, reg)) continue;
    if (first_jump < pc) return std::nullopt;
    return pc;
  }
  return std::nullopt;
}

std::string quoted(std::string_view kind, std::string_view name) {
  return fmt::format(" ({} '{}')", kind, name);
}

std::string object_name(const FunctionCode& function, uint32_t last, uint32_t reg) {
  const Prototype& code = *function.prototype;
  if (const std::string* name = local_name(code, reg, last); name != nullptr) return quoted("local", *name);
  const auto pc = setter(function, last, reg);
  if (!pc.has_value()) return {};
  const Instruction i = code.code[*pc];
  const auto constant_name = [&](uint32_t index) {
    const std::string* text = code.string_constant(index);
    return text == nullptr ? std::string("?") : *text;
  };
  const auto upvalue_name = [&](uint32_t index) {
    return index < code.upvalues.size() ? code.upvalues[index].name : std::string("?");
  };
  switch (i.opcode()) {
    case Opcode::kMove:
      return i.b() < i.a() ? object_name(function, *pc, i.b()) : std::string();
    case Opcode::kGetTabUp:
      return quoted(upvalue_name(i.b()) == "_ENV" ? "global" : "field", constant_name(i.c()));
    case Opcode::kGetTable: {
      const std::string* key = local_name(code, i.c(), *pc);
      std::string text = "?";
      if (key == nullptr) {
        if (const auto from = setter(function, *pc, i.c());
            from.has_value() && code.code[*from].opcode() == Opcode::kLoadK) {
          text = constant_name(code.code[*from].bx());
        }
      }
      return quoted("field", text);
    }
    case Opcode::kGetI:
      return quoted("field", "integer index");
    case Opcode::kGetField: {
      const std::string* table = local_name(code, i.b(), *pc);
      return quoted(table != nullptr && *table == "_ENV" ? "global" : "field", constant_name(i.c()));
    }
    case Opcode::kGetUpvalue:
      return quoted("upvalue", upvalue_name(i.b()));
    case Opcode::kLoadK:
      if (const std::string* text = code.string_constant(i.bx()); text != nullptr) return quoted("constant", *text);
      return {};
    case Opcode::kSelf: {
      if (i.k()) return quoted("method", constant_name(i.c()));
      return quoted("method", "?");
    }
    default:
      return {};
  }
}

}  // namespace

std::string Lowering::name_of_register(uint32_t reg) const {
  return object_name(*st_.top().callee->code, current_pc_, reg);
}

// As funcnamefromcode.
Lowering::CallName Lowering::name_of_call(uint32_t pc) const {
  const Instruction i = prototype().code[pc];
  switch (i.opcode()) {
    case Opcode::kCall:
    case Opcode::kTailCall: {
      const std::string text = object_name(*st_.top().callee->code, pc, i.a());  // " (kind 'name')"
      if (text.empty()) return {};
      const size_t quote = text.find('\'');
      return {text.substr(2, quote - 3), text.substr(quote + 1, text.size() - quote - 3)};
    }
    case Opcode::kTForCall:
      return {"for iterator", "for iterator"};
    default:
      return {"metamethod", "index"};
  }
}

// Only values that stand in registers of the running function, or in its upvalues, have names.
std::string Lowering::name_of_value(const AbstractValue* value) const {
  const Instruction i = current_;
  switch (i.opcode()) {
    case Opcode::kGetTabUp:
    case Opcode::kSetTabUp: {
      const uint32_t index = i.opcode() == Opcode::kGetTabUp ? i.b() : i.a();
      return quoted("upvalue", prototype().upvalues[index].name);
    }
    case Opcode::kGetTable:
    case Opcode::kGetI:
    case Opcode::kGetField:
    case Opcode::kSelf:
    case Opcode::kUnm:
    case Opcode::kBNot:
    case Opcode::kLen:
      return name_of_register(i.b());
    case Opcode::kSetTable:
    case Opcode::kSetI:
    case Opcode::kSetField:
      return name_of_register(i.a());
    default:
      break;
  }
  // Operands of arithmetic: which one is at fault is known by its type.
  const auto type_of_register = [&](uint32_t r) { return type_name(st_.value_of(r)); };
  if (i.opcode() >= Opcode::kAddI && i.opcode() <= Opcode::kShr) {
    const std::string wanted = type_name(*value);
    if (type_of_register(i.b()) == wanted) return name_of_register(i.b());
    if (i.opcode() >= Opcode::kAdd && type_of_register(i.c()) == wanted) return name_of_register(i.c());
    if (i.opcode() >= Opcode::kAddK && i.opcode() <= Opcode::kBXorK) {
      if (const std::string* text = prototype().string_constant(i.c()); text != nullptr)
        return quoted("constant", *text);
    }
  }
  return {};
}

}  // namespace perilune::compiler
