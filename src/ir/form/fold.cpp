#include "ir/form/fold.h"

namespace perilune::ir {

int64_t evaluate(Op op, int64_t signed_a, int64_t signed_b) {
  const auto a = static_cast<uint64_t>(signed_a);
  const auto b = static_cast<uint64_t>(signed_b);
  uint64_t result = 0;
  switch (op) {
    case Op::kAdd:
      result = a + b;
      break;
    case Op::kSub:
      result = a - b;
      break;
    case Op::kMul:
      result = a * b;
      break;
    case Op::kUdiv:
      result = b == 0 ? 0 : a / b;
      break;
    case Op::kUmod:
      result = b == 0 ? a : a % b;
      break;
    case Op::kAnd:
      result = a & b;
      break;
    case Op::kOr:
      result = a | b;
      break;
    case Op::kXor:
      result = a ^ b;
      break;
    case Op::kShl:
      result = a << (b & 63);
      break;
    case Op::kLshr:
      result = a >> (b & 63);
      break;
    case Op::kAshr:
      return signed_a >> (b & 63);
    default:
      break;
  }
  return static_cast<int64_t>(result);
}

int64_t evaluate_swap(Op op, int64_t a) {
  const auto bits = static_cast<uint64_t>(a);
  switch (op) {
    case Op::kSwap16:
      return __builtin_bswap16(static_cast<uint16_t>(bits));
    case Op::kSwap32:
      return static_cast<int64_t>(__builtin_bswap32(static_cast<uint32_t>(bits)));
    default:
      return static_cast<int64_t>(__builtin_bswap64(bits));
  }
}

bool holds(Condition condition, int64_t a, int64_t b) {
  const auto ua = static_cast<uint64_t>(a);
  const auto ub = static_cast<uint64_t>(b);
  switch (condition) {
    case Condition::kEq:
      return a == b;
    case Condition::kNe:
      return a != b;
    case Condition::kUlt:
      return ua < ub;
    case Condition::kUle:
      return ua <= ub;
    case Condition::kUgt:
      return ua > ub;
    case Condition::kUge:
      return ua >= ub;
    case Condition::kSlt:
      return a < b;
    case Condition::kSle:
      return a <= b;
    case Condition::kSgt:
      return a > b;
    case Condition::kSge:
      return a >= b;
  }
  return false;
}

Condition inverse(Condition condition) {
  switch (condition) {
    case Condition::kEq:
      return Condition::kNe;
    case Condition::kNe:
      return Condition::kEq;
    case Condition::kUlt:
      return Condition::kUge;
    case Condition::kUle:
      return Condition::kUgt;
    case Condition::kUgt:
      return Condition::kUle;
    case Condition::kUge:
      return Condition::kUlt;
    case Condition::kSlt:
      return Condition::kSge;
    case Condition::kSle:
      return Condition::kSgt;
    case Condition::kSgt:
      return Condition::kSle;
    case Condition::kSge:
      return Condition::kSlt;
  }
  return condition;
}

Condition mirrored(Condition condition) {
  switch (condition) {
    case Condition::kUlt:
      return Condition::kUgt;
    case Condition::kUle:
      return Condition::kUge;
    case Condition::kUgt:
      return Condition::kUlt;
    case Condition::kUge:
      return Condition::kUle;
    case Condition::kSlt:
      return Condition::kSgt;
    case Condition::kSle:
      return Condition::kSge;
    case Condition::kSgt:
      return Condition::kSlt;
    case Condition::kSge:
      return Condition::kSle;
    case Condition::kEq:
    case Condition::kNe:
      break;
  }
  return condition;
}

namespace {

Folded to_value(Value value) {
  return {Folded::Kind::kValue, value, 0};
}
Folded to_number(int64_t number) {
  return {Folded::Kind::kNumber, kNoValue, number};
}

/// a op number
Folded fold_right(Op op, Value a, int64_t number) {
  switch (op) {
    case Op::kAdd:
    case Op::kSub:
    case Op::kXor:
      if (number == 0) return to_value(a);
      break;
    case Op::kOr:
      if (number == 0) return to_value(a);
      if (number == -1) return to_number(-1);
      break;
    case Op::kAnd:
      if (number == -1) return to_value(a);
      if (number == 0) return to_number(0);
      break;
    case Op::kMul:
    case Op::kUdiv:
      if (number == 1) return to_value(a);
      if (number == 0) return to_number(0);
      break;
    case Op::kUmod:
      if (number == 0) return to_value(a);
      if (number == 1) return to_number(0);
      break;
    case Op::kShl:
    case Op::kLshr:
    case Op::kAshr:
      if ((number & 63) == 0) return to_value(a);
      break;
    default:
      break;
  }
  return {};
}

/// number op b, where that is not the same as b op number
Folded fold_left(Op op, int64_t number) {
  switch (op) {
    case Op::kUdiv:
    case Op::kUmod:
    case Op::kShl:
    case Op::kLshr:
      if (number == 0) return to_number(0);
      break;
    case Op::kAshr:
      if (number == 0 || number == -1) return to_number(number);
      break;
    default:
      break;
  }
  return {};
}

}  // namespace

Folded fold_binary(Op op, Value a, std::optional<int64_t> a_number, Value b, std::optional<int64_t> b_number) {
  if (a_number && b_number) return to_number(evaluate(op, *a_number, *b_number));
  if (b_number) return fold_right(op, a, *b_number);
  if (a_number) return is_commutative(op) ? fold_right(op, b, *a_number) : fold_left(op, *a_number);
  if (a == b) {
    if (op == Op::kAnd || op == Op::kOr) return to_value(a);
    if (op == Op::kSub || op == Op::kXor || op == Op::kUmod) return to_number(0);  // x % 0 is x, and that is 0 then
  }
  return {};
}

}  // namespace perilune::ir
