// Arithmetic on constants, exactly as BPF does it: what the builder, the optimiser and the emitter agree on.
#pragma once

#include <cstdint>
#include <optional>

#include "ir/form/ir.h"

namespace perilune::ir {

/// kAdd to kAshr of two numbers; defined for all of them (see ir.h).
[[nodiscard]] int64_t evaluate(Op op, int64_t a, int64_t b);

/// kSwap16 to kSwap64.
[[nodiscard]] int64_t evaluate_swap(Op op, int64_t a);

[[nodiscard]] bool holds(Condition condition, int64_t a, int64_t b);

/// The condition that holds when `condition` does not.
[[nodiscard]] Condition inverse(Condition condition);

/// The condition on (b, a) that says the same as `condition` on (a, b).
[[nodiscard]] Condition mirrored(Condition condition);

[[nodiscard]] constexpr bool is_binary(Op op) {
  return op >= Op::kAdd && op <= Op::kAshr;
}
[[nodiscard]] constexpr bool is_swap(Op op) {
  return op >= Op::kSwap16 && op <= Op::kSwap64;
}
[[nodiscard]] constexpr bool is_load(Op op) {
  return op >= Op::kLoad8 && op <= Op::kLoad64;
}
[[nodiscard]] constexpr bool is_store(Op op) {
  return op >= Op::kStore8 && op <= Op::kStore64;
}
[[nodiscard]] constexpr bool is_call(Op op) {
  return op >= Op::kPull;
}
/// Its operand is an argument of the call, a number.
[[nodiscard]] constexpr bool takes_number(Op op) {
  return op == Op::kPull || op == Op::kReplace || op == Op::kEmit;
}
[[nodiscard]] constexpr bool has_result(Op op) {
  return !is_store(op) && op != Op::kPull && op != Op::kReplace;
}
[[nodiscard]] constexpr bool is_pointer(Op op) {
  return op == Op::kSlot || op == Op::kTables || op == Op::kOffset;
}
[[nodiscard]] constexpr bool is_commutative(Op op) {
  return op == Op::kAdd || op == Op::kMul || op == Op::kAnd || op == Op::kOr || op == Op::kXor;
}
/// The result depends on the operands alone: equal instructions may be merged, unused ones dropped.
[[nodiscard]] constexpr bool is_pure(Op op) {
  return op == Op::kConst || is_binary(op) || is_swap(op) || is_pointer(op);
}
/// May the instruction be removed when no other uses its result? kRandom may not: each one advances the generator, so
/// without it every later random() would give another number than in the lua engine.
[[nodiscard]] constexpr bool is_droppable(Op op) {
  return is_pure(op) || is_load(op) || op == Op::kLaunder || op == Op::kKtime;
}
/// Bytes of a load or a store.
[[nodiscard]] constexpr unsigned access_bytes(Op op) {
  return 1u << (static_cast<unsigned>(op) - static_cast<unsigned>(is_load(op) ? Op::kLoad8 : Op::kStore8));
}

/// What a binary operation is when something is known of its operands: another value, a number, or neither.
struct Folded {
  enum class Kind : uint8_t { kNothing, kValue, kNumber } kind = Kind::kNothing;
  Value value = kNoValue;
  int64_t number = 0;
};
[[nodiscard]] Folded fold_binary(Op op, Value a, std::optional<int64_t> a_number, Value b,
                                 std::optional<int64_t> b_number);

}  // namespace perilune::ir
