// Integer arithmetic exactly as Lua's: wraps around, // and % round towards minus infinity, shifts of 64 and more give
// 0.
#include <bit>

#include <fmt/format.h>
#include <lua.h>

#include "compiler/lowering/lowering.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;

struct Operation {
  int op;
  bool immediate;  // C is a signed number
  bool constant;   // C is a constant
};

Operation operation_of(Opcode opcode) {
  switch (opcode) {
    case Opcode::kAddI:
      return {LUA_OPADD, true, false};
    case Opcode::kShrI:
      return {LUA_OPSHR, true, false};
    case Opcode::kShlI:
      return {LUA_OPSHL, true, false};
    case Opcode::kAddK:
      return {LUA_OPADD, false, true};
    case Opcode::kSubK:
      return {LUA_OPSUB, false, true};
    case Opcode::kMulK:
      return {LUA_OPMUL, false, true};
    case Opcode::kModK:
      return {LUA_OPMOD, false, true};
    case Opcode::kPowK:
      return {LUA_OPPOW, false, true};
    case Opcode::kDivK:
      return {LUA_OPDIV, false, true};
    case Opcode::kIDivK:
      return {LUA_OPIDIV, false, true};
    case Opcode::kBAndK:
      return {LUA_OPBAND, false, true};
    case Opcode::kBOrK:
      return {LUA_OPBOR, false, true};
    case Opcode::kBXorK:
      return {LUA_OPBXOR, false, true};
    case Opcode::kAdd:
      return {LUA_OPADD, false, false};
    case Opcode::kSub:
      return {LUA_OPSUB, false, false};
    case Opcode::kMul:
      return {LUA_OPMUL, false, false};
    case Opcode::kMod:
      return {LUA_OPMOD, false, false};
    case Opcode::kPow:
      return {LUA_OPPOW, false, false};
    case Opcode::kDiv:
      return {LUA_OPDIV, false, false};
    case Opcode::kIDiv:
      return {LUA_OPIDIV, false, false};
    case Opcode::kBAnd:
      return {LUA_OPBAND, false, false};
    case Opcode::kBOr:
      return {LUA_OPBOR, false, false};
    case Opcode::kBXor:
      return {LUA_OPBXOR, false, false};
    case Opcode::kShl:
      return {LUA_OPSHL, false, false};
    default:  // kShr
      return {LUA_OPSHR, false, false};
  }
}

bool is_bitwise(int op) {
  return op == LUA_OPBAND || op == LUA_OPBOR || op == LUA_OPBXOR || op == LUA_OPSHL || op == LUA_OPSHR ||
         op == LUA_OPBNOT;
}

const char* metamethod(int op) {
  switch (op) {
    case LUA_OPADD:
      return "__add";
    case LUA_OPSUB:
      return "__sub";
    case LUA_OPMUL:
      return "__mul";
    case LUA_OPMOD:
      return "__mod";
    case LUA_OPPOW:
      return "__pow";
    case LUA_OPDIV:
      return "__div";
    case LUA_OPIDIV:
      return "__idiv";
    case LUA_OPBAND:
      return "__band";
    case LUA_OPBOR:
      return "__bor";
    case LUA_OPBXOR:
      return "__bxor";
    case LUA_OPSHL:
      return "__shl";
    case LUA_OPSHR:
      return "__shr";
    case LUA_OPUNM:
      return "__unm";
    default:
      return "__bnot";
  }
}

}  // namespace

void Lowering::op_arithmetic() {
  const Instruction i = current_;
  const Operation operation = operation_of(i.opcode());
  const AbstractValue a = reg(i.b());
  const AbstractValue b = operation.immediate  ? AbstractValue::integer_constant(i.sc())
                          : operation.constant ? constant(i.c())
                                               : reg(i.c());
  ++st_.top().pc;  // over the instruction that calls a metamethod
  if (i.opcode() == Opcode::kShlI) return arithmetic(operation.op, b, a, i.a());  // immediate << register
  arithmetic(operation.op, a, b, i.a());
}

void Lowering::fail_operand(bool bitwise, const AbstractValue& wrong) {
  fail(fmt::format("attempt to perform {} on a {} value{}", bitwise ? "bitwise operation" : "arithmetic",
                   type_name(wrong), name_of_value(&wrong)));
}

void Lowering::arithmetic(int op, const AbstractValue& a, const AbstractValue& b, uint32_t result) {
  const auto is_number = [](const AbstractValue& v) { return v.is_integer() || v.kind == Kind::kFloat; };
  refuse_metamethod(a, metamethod(op));
  refuse_metamethod(b, metamethod(op));
  if (a.is_constant() && b.is_constant() && a.kind != Kind::kObject && b.kind != Kind::kObject && !a.is_nil() &&
      !b.is_nil() && !a.is_boolean() && !b.is_boolean()) {
    World::Evaluation evaluation = world_->arithmetic(op, a, b);
    if (!evaluation.failed) return set(result, evaluation.results[0]);
    if (is_bitwise(op) && !is_number(a)) return fail_operand(true, a);
    if (is_bitwise(op) && !is_number(b)) return fail_operand(true, b);
    return fail(evaluation.error);
  }
  // As luaG_opinterror: the second operand is at fault when the first is a number.
  if (!is_number(a) || !is_number(b)) {
    const auto numeral = [](const AbstractValue& v) { return v.is_string(); };
    if ((is_number(a) || numeral(a)) && (is_number(b) || numeral(b))) {
      refuse("string-arithmetic", "arithmetic on a string", "convert it with tonumber(s, 10)");
    }
    const bool bitwise = is_bitwise(op);
    const bool first_wrong = bitwise ? !is_number(a) : !(is_number(a) || numeral(a));
    return fail_operand(bitwise, first_wrong ? a : b);
  }
  if (op == LUA_OPDIV || op == LUA_OPPOW) {
    refuse(
        "float",
        op == LUA_OPDIV ? "the division / gives a floating-point number" : "the power ^ gives a floating-point number",
        op == LUA_OPDIV ? "use the integer division //" : "multiply, or use << for powers of two");
  }
  if (!a.is_integer() || !b.is_integer()) {
    if (is_bitwise(op)) {
      // A float operand must have an exact integer value.
      AbstractValue x = a;
      AbstractValue y = b;
      for (AbstractValue* value : {&x, &y}) {
        if (value->kind != Kind::kFloat) continue;
        const World::Evaluation converted = world_->arithmetic(LUA_OPBOR, *value, AbstractValue::integer_constant(0));
        if (converted.failed) return fail(converted.error);
        *value = converted.results[0];
      }
      return arithmetic(op, x, y, result);
    }
    refuse("float", "arithmetic with a floating-point number", "use whole numbers, such as 2 instead of 2.0");
  }
  const auto simple = [&](Op ir_op) {
    set(result, AbstractValue::dynamic_integer(b_.binary(ir_op, integer_of(a), integer_of(b))));
  };
  switch (op) {
    case LUA_OPADD:
      return simple(Op::kAdd);
    case LUA_OPSUB:
      return simple(Op::kSub);
    case LUA_OPMUL:
      return simple(Op::kMul);
    case LUA_OPBAND:
      return simple(Op::kAnd);
    case LUA_OPBOR:
      return simple(Op::kOr);
    case LUA_OPBXOR:
      return simple(Op::kXor);
    case LUA_OPIDIV:
      return divide(false, a, b, result);
    case LUA_OPMOD:
      return divide(true, a, b, result);
    case LUA_OPSHL:
      return shift(true, a, b, result);
    default:
      return shift(false, a, b, result);
  }
}

// With sa, sb the signs as 0 or -1 and |a|, |b| by (x ^ s) - s:
//   a // b = ((|a| / |b|) ^ (sa ^ sb)) - (sa ^ sb), less one when the signs differ and something remains
//   a %  b = ((|a| % |b|) ^ sa) - sa, plus b in that case
void Lowering::divide(bool modulo, const AbstractValue& a, const AbstractValue& b, uint32_t result) {
  const ir::Value x = integer_of(a);
  if (b.kind == Kind::kInteger) {
    const int64_t by = b.integer;
    if (by == 0) return fail(modulo ? "attempt to perform 'n%0'" : "attempt to divide by zero");
    if (by > 0) {
      if (std::has_single_bit(static_cast<uint64_t>(by))) {
        const ir::Value value = modulo ? b_.binary(Op::kAnd, x, by - 1)
                                       : b_.binary(Op::kAshr, x, std::countr_zero(static_cast<uint64_t>(by)));
        return set(result, AbstractValue::dynamic_integer(value));
      }
      // floor(a / c) = ~(~a / c) below zero
      const ir::Value sign = b_.binary(Op::kAshr, x, 63);
      const ir::Value positive = b_.binary(Op::kXor, x, sign);
      const ir::Value quotient = b_.binary(Op::kXor, b_.binary(Op::kUdiv, positive, by), sign);
      const ir::Value value = modulo ? b_.sub(x, b_.binary(Op::kMul, quotient, by)) : quotient;
      return set(result, AbstractValue::dynamic_integer(value));
    }
  }
  const ir::Value y = integer_of(b);
  if (b.kind != Kind::kInteger) {
    const ir::BlockId zero = b_.new_block();
    const ir::BlockId nonzero = b_.new_block();
    function_.blocks[zero].unlikely = true;
    b_.branch(Condition::kEq, y, 0, zero, nonzero);
    const State before = st_;
    b_.switch_to(zero);
    fail(modulo ? "attempt to perform 'n%0'" : "attempt to divide by zero");
    ended_ = false;
    resume(nonzero, before);
  }
  const ir::Value sa = b_.binary(Op::kAshr, x, 63);
  const ir::Value sb = b_.binary(Op::kAshr, y, 63);
  const ir::Value magnitude_a = b_.sub(b_.binary(Op::kXor, x, sa), sa);
  const ir::Value magnitude_b = b_.sub(b_.binary(Op::kXor, y, sb), sb);
  const ir::Value differ = b_.binary(Op::kXor, sa, sb);
  const ir::Value rest = b_.binary(Op::kUmod, magnitude_a, magnitude_b);
  const ir::Value negated = b_.sub(number(0), rest);
  const ir::Value remains = b_.binary(Op::kLshr, b_.binary(Op::kOr, rest, negated), 63);  // 1 or 0
  const ir::Value correct = b_.binary(Op::kAnd, remains, differ);                         // 1 or 0
  ir::Value value = 0;
  if (modulo) {
    const ir::Value with_sign = b_.sub(b_.binary(Op::kXor, rest, sa), sa);
    value = b_.add(with_sign, b_.binary(Op::kAnd, y, b_.sub(number(0), correct)));
  } else {
    const ir::Value quotient = b_.binary(Op::kUdiv, magnitude_a, magnitude_b);
    value = b_.sub(b_.sub(b_.binary(Op::kXor, quotient, differ), differ), correct);
  }
  set(result, AbstractValue::dynamic_integer(value));
}

void Lowering::shift(bool left, const AbstractValue& a, const AbstractValue& b, uint32_t result) {
  const ir::Value x = integer_of(a);
  if (b.kind == Kind::kInteger) {
    int64_t by = b.integer;
    if (by < 0) {
      left = !left;
      by = by <= -64 ? 64 : -by;
    }
    if (by >= 64) return set(result, AbstractValue::integer_constant(0));
    return set(result, AbstractValue::dynamic_integer(b_.binary(left ? Op::kShl : Op::kLshr, x, by)));
  }
  const ir::Value y = b.a;
  const ir::BlockId join = b_.new_block(1);
  const ir::BlockId forward = b_.new_block();
  const ir::BlockId other = b_.new_block();
  const ir::BlockId backward = b_.new_block();
  b_.branch(Condition::kUlt, y, 64, forward, other);
  b_.switch_to(forward);
  b_.jump(join, {b_.binary(left ? Op::kShl : Op::kLshr, x, y)});
  b_.switch_to(other);
  const ir::Value negated = b_.sub(number(0), y);
  b_.branch(Condition::kUlt, negated, number(64), ir::Edge{backward, {}}, ir::Edge{join, {number(0)}});
  b_.switch_to(backward);
  b_.jump(join, {b_.binary(left ? Op::kLshr : Op::kShl, x, negated)});
  b_.switch_to(join);
  set(result, AbstractValue::dynamic_integer(b_.parameters(join)[0]));
}

void Lowering::op_unary_minus() {
  const AbstractValue value = reg(current_.b());
  refuse_metamethod(value, "__unm");
  if (value.kind == Kind::kDynamicInteger)
    return set(current_.a(), AbstractValue::dynamic_integer(b_.sub(number(0), value.a)));
  if (value.kind == Kind::kInteger || value.kind == Kind::kFloat || value.kind == Kind::kString) {
    const World::Evaluation evaluation = world_->arithmetic(LUA_OPUNM, value, value);
    if (evaluation.failed) return fail(evaluation.error);
    return set(current_.a(), evaluation.results[0]);
  }
  if (value.kind == Kind::kDynamicString)
    refuse("string-arithmetic", "arithmetic on a string", "convert it with tonumber(s, 10)");
  fail_operand(false, value);
}

void Lowering::op_bitwise_not() {
  const AbstractValue value = reg(current_.b());
  refuse_metamethod(value, "__bnot");
  if (value.is_integer()) return arithmetic(LUA_OPBXOR, value, AbstractValue::integer_constant(-1), current_.a());
  if (value.kind == Kind::kFloat || value.kind == Kind::kString) {
    const World::Evaluation evaluation = world_->arithmetic(LUA_OPBNOT, value, value);
    if (evaluation.failed && value.kind == Kind::kString) return fail_operand(true, value);
    if (evaluation.failed) return fail(evaluation.error);
    return set(current_.a(), evaluation.results[0]);
  }
  if (value.kind == Kind::kDynamicString)
    refuse("string-arithmetic", "arithmetic on a string", "convert it with tonumber(s, 10)");
  fail_operand(true, value);
}

}  // namespace perilune::compiler
