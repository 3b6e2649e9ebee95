// One instruction: who handles it.
#include "compiler/lowering/lowering.h"

namespace perilune::compiler {
namespace {

// Instructions that take an address read from the packet as it is; all others get its text.
bool address_stays(Opcode opcode) {
  switch (opcode) {
    case Opcode::kMove:
    case Opcode::kTest:
    case Opcode::kTestSet:
    case Opcode::kNot:
    case Opcode::kEq:
    case Opcode::kEqK:
    case Opcode::kSetField:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Lowering::step() {
  count_walked(1);
  Frame& frame = st_.top();
  const Prototype& code = prototype();
  current_pc_ = frame.pc;
  current_ = code.code[frame.pc];
  b_.at(frame.callee->code->file, code.line(frame.pc));
  const Instruction i = current_;
  const Opcode opcode = i.opcode();

  // A match that was put off is carried out when its result is needed as a string.
  const bool may_stay = opcode == Opcode::kTest || opcode == Opcode::kEqK || opcode == Opcode::kEq;
  const Effects effects = effects_of(code, frame.pc);
  for (uint32_t r = 0; r < frame.registers.size(); ++r) {
    if (!effects.uses[r]) continue;
    if (reg(r).kind == Kind::kMatch) {
      const bool dead_afterwards =
          !frame.callee->code->info.live[frame.pc + 1][r] &&
          (frame.pc + 2 >= code.code.size() || !frame.callee->code->info.live[frame.pc + 2][r]);
      if (may_stay && dead_afterwards) continue;
      force_match(r);
      return;
    }
    if (reg(r).kind == Kind::kAddress && !address_stays(opcode)) set(r, address_text(reg(r)));
  }

  ++frame.pc;
  switch (opcode) {
    case Opcode::kMove:
      set(i.a(), reg(i.b()));
      return;
    case Opcode::kLoadI:
      set(i.a(), AbstractValue::integer_constant(i.sbx()));
      return;
    case Opcode::kLoadF:
      set(i.a(), AbstractValue::float_constant(i.sbx()));
      return;
    case Opcode::kLoadK:
      set(i.a(), constant(i.bx()));
      return;
    case Opcode::kLoadKx:
      set(i.a(), constant(code.code[frame.pc].ax()));
      ++frame.pc;
      return;
    case Opcode::kLoadFalse:
      set(i.a(), AbstractValue::boolean(false));
      return;
    case Opcode::kLFalseSkip:
      set(i.a(), AbstractValue::boolean(false));
      ++frame.pc;
      return;
    case Opcode::kLoadTrue:
      set(i.a(), AbstractValue::boolean(true));
      return;
    case Opcode::kLoadNil:
      for (uint32_t r = i.a(); r <= i.a() + i.b(); ++r)
        set(r, AbstractValue::nil());
      return;
    case Opcode::kGetUpvalue:
      return op_get_upvalue();
    case Opcode::kSetUpvalue:
      return op_set_upvalue();
    case Opcode::kGetTabUp:
      return op_get(indexed_upvalue(i.b()), constant(i.c()), i.a());
    case Opcode::kGetTable:
      return op_get(reg(i.b()), reg(i.c()), i.a());
    case Opcode::kGetI:
      return op_get(reg(i.b()), AbstractValue::integer_constant(i.c()), i.a());
    case Opcode::kGetField:
      return op_get(reg(i.b()), constant(i.c()), i.a());
    case Opcode::kSetTabUp:
      return op_set(indexed_upvalue(i.a()), constant(i.b()), i.k() ? constant(i.c()) : reg(i.c()));
    case Opcode::kSetTable:
      return op_set(reg(i.a()), reg(i.b()), i.k() ? constant(i.c()) : reg(i.c()));
    case Opcode::kSetI:
      return op_set(reg(i.a()), AbstractValue::integer_constant(i.b()), i.k() ? constant(i.c()) : reg(i.c()));
    case Opcode::kSetField:
      return op_set(reg(i.a()), constant(i.b()), i.k() ? constant(i.c()) : reg(i.c()));
    case Opcode::kNewTable:
      return op_new_table();
    case Opcode::kSelf:
      return op_self();
    case Opcode::kAddI:
    case Opcode::kAddK:
    case Opcode::kSubK:
    case Opcode::kMulK:
    case Opcode::kModK:
    case Opcode::kPowK:
    case Opcode::kDivK:
    case Opcode::kIDivK:
    case Opcode::kBAndK:
    case Opcode::kBOrK:
    case Opcode::kBXorK:
    case Opcode::kShrI:
    case Opcode::kShlI:
    case Opcode::kAdd:
    case Opcode::kSub:
    case Opcode::kMul:
    case Opcode::kMod:
    case Opcode::kPow:
    case Opcode::kDiv:
    case Opcode::kIDiv:
    case Opcode::kBAnd:
    case Opcode::kBOr:
    case Opcode::kBXor:
    case Opcode::kShl:
    case Opcode::kShr:
      return op_arithmetic();
    case Opcode::kMMBin:
    case Opcode::kMMBinI:
    case Opcode::kMMBinK:
      return;  // jumped over: arithmetic that is not on numbers has ended as an error
    case Opcode::kUnm:
      return op_unary_minus();
    case Opcode::kBNot:
      return op_bitwise_not();
    case Opcode::kNot:
      return op_not();
    case Opcode::kLen:
      return op_length();
    case Opcode::kConcat:
      return op_concat();
    case Opcode::kClose:
      return op_close();
    case Opcode::kTbc:
      refuse("to-be-closed", "variables to be closed (<close>) are not compiled", "remove <close>");
    case Opcode::kJmp:
      return op_jump(int64_t{frame.pc} + i.sj());
    case Opcode::kEq:
    case Opcode::kLt:
    case Opcode::kLe:
    case Opcode::kEqK:
    case Opcode::kEqI:
    case Opcode::kLtI:
    case Opcode::kLeI:
    case Opcode::kGtI:
    case Opcode::kGeI:
      return op_compare();
    case Opcode::kTest:
      return op_test();
    case Opcode::kTestSet:
      return op_test_set();
    case Opcode::kCall:
      return op_call(false);
    case Opcode::kTailCall:
      return op_call(true);
    case Opcode::kReturn:
      return op_return(i.a(), static_cast<int32_t>(i.b()) - 1);
    case Opcode::kReturn0:
      return op_return(i.a(), 0);
    case Opcode::kReturn1:
      return op_return(i.a(), 1);
    case Opcode::kForLoop:
      return op_for_loop();
    case Opcode::kForPrep:
      return op_for_prep();
    case Opcode::kTForPrep:
      return op_tfor_prep();
    case Opcode::kTForCall:
      return op_tfor_call();
    case Opcode::kTForLoop:
      return op_tfor_loop();
    case Opcode::kSetList:
      return op_set_list();
    case Opcode::kClosure:
      return op_closure();
    case Opcode::kVarArg:
      return op_vararg();
    case Opcode::kVarArgPrep:
    case Opcode::kExtraArg:
      return;
  }
}

}  // namespace perilune::compiler
