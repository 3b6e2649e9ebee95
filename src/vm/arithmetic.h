// What BPF's arithmetic and comparisons mean, for one width: T is uint64_t or uint32_t. Defined for every operand:
// division by 0 gives 0, a remainder by 0 the dividend, shifts take their amount modulo the width, everything wraps.
#pragma once

#include <cstdint>
#include <type_traits>

#include "ir/opcodes.h"

namespace perilune::vm {

template <typename T>
[[nodiscard]] constexpr T signed_quotient(T a, T b) {
  using Signed = std::make_signed_t<T>;
  if (b == 0) return 0;
  if (static_cast<Signed>(b) == -1) return T{0} - a;  // also of the least number, which wraps
  return static_cast<T>(static_cast<Signed>(a) / static_cast<Signed>(b));
}

template <typename T>
[[nodiscard]] constexpr T signed_remainder(T a, T b) {
  using Signed = std::make_signed_t<T>;
  if (b == 0) return a;
  if (static_cast<Signed>(b) == -1) return 0;
  return static_cast<T>(static_cast<Signed>(a) % static_cast<Signed>(b));
}

/// `with_sign`: of kDiv and kMod (Insn::off is 1).
template <uint8_t kOperation, typename T>
[[nodiscard]] constexpr T arithmetic(T a, T b, bool with_sign) {
  using Signed = std::make_signed_t<T>;
  constexpr T kShiftMask = sizeof(T) * 8 - 1;
  if constexpr (kOperation == ir::bpf::kAdd) return static_cast<T>(a + b);
  if constexpr (kOperation == ir::bpf::kSub) return static_cast<T>(a - b);
  if constexpr (kOperation == ir::bpf::kMul) return static_cast<T>(a * b);
  if constexpr (kOperation == ir::bpf::kOr) return a | b;
  if constexpr (kOperation == ir::bpf::kAnd) return a & b;
  if constexpr (kOperation == ir::bpf::kXor) return a ^ b;
  if constexpr (kOperation == ir::bpf::kLsh) return static_cast<T>(a << (b & kShiftMask));
  if constexpr (kOperation == ir::bpf::kRsh) return static_cast<T>(a >> (b & kShiftMask));
  if constexpr (kOperation == ir::bpf::kArsh) return static_cast<T>(static_cast<Signed>(a) >> (b & kShiftMask));
  if constexpr (kOperation == ir::bpf::kDiv) return with_sign ? signed_quotient(a, b) : b == 0 ? 0 : a / b;
  if constexpr (kOperation == ir::bpf::kMod) return with_sign ? signed_remainder(a, b) : b == 0 ? a : a % b;
}

template <uint8_t kOperation, typename T>
[[nodiscard]] constexpr bool holds(T a, T b) {
  using Signed = std::make_signed_t<T>;
  if constexpr (kOperation == ir::bpf::kJeq) return a == b;
  if constexpr (kOperation == ir::bpf::kJne) return a != b;
  if constexpr (kOperation == ir::bpf::kJset) return (a & b) != 0;
  if constexpr (kOperation == ir::bpf::kJgt) return a > b;
  if constexpr (kOperation == ir::bpf::kJge) return a >= b;
  if constexpr (kOperation == ir::bpf::kJlt) return a < b;
  if constexpr (kOperation == ir::bpf::kJle) return a <= b;
  if constexpr (kOperation == ir::bpf::kJsgt) return static_cast<Signed>(a) > static_cast<Signed>(b);
  if constexpr (kOperation == ir::bpf::kJsge) return static_cast<Signed>(a) >= static_cast<Signed>(b);
  if constexpr (kOperation == ir::bpf::kJslt) return static_cast<Signed>(a) < static_cast<Signed>(b);
  if constexpr (kOperation == ir::bpf::kJsle) return static_cast<Signed>(a) <= static_cast<Signed>(b);
}

}  // namespace perilune::vm
