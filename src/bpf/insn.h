// What is known of single eBPF instructions. Reference: RFC 9669.
#pragma once

#include <cstdint>

#include <linux/bpf.h>

#include "ir/code.h"
#include "ir/opcodes.h"

namespace perilune::bpf {

[[nodiscard]] inline uint8_t class_of(const ir::Insn& insn) {
  return BPF_CLASS(insn.code);
}

[[nodiscard]] inline bool is_call(const ir::Insn& insn) {
  return insn.code == (BPF_JMP | BPF_CALL);
}

[[nodiscard]] inline bool is_exit(const ir::Insn& insn) {
  return insn.code == (BPF_JMP | BPF_EXIT);
}

/// Conditional or not; no call.
[[nodiscard]] inline bool is_jump(const ir::Insn& insn) {
  if (class_of(insn) != BPF_JMP && class_of(insn) != BPF_JMP32) return false;
  return BPF_OP(insn.code) != BPF_CALL && BPF_OP(insn.code) != BPF_EXIT;
}

[[nodiscard]] inline bool is_goto(const ir::Insn& insn) {
  return is_jump(insn) && BPF_OP(insn.code) == BPF_JA;
}

/// A 16-byte load-immediate; BPF_IMM is 0.
[[nodiscard]] inline bool is_wide(const ir::Insn& insn) {
  return insn.code == (BPF_LD | BPF_DW);
}

[[nodiscard]] inline bool is_arithmetic(const ir::Insn& insn) {
  return class_of(insn) == BPF_ALU || class_of(insn) == BPF_ALU64;
}

/// Where the jump at index `at` goes.
[[nodiscard]] inline int32_t target_of(const ir::Insn& insn, size_t at) {
  const bool is_long = insn.code == (BPF_JMP32 | BPF_JA);
  return static_cast<int32_t>(at) + 1 + (is_long ? insn.imm : insn.off);
}

inline void set_distance(ir::Insn& jump, int32_t distance) {
  if (jump.code == (BPF_JMP32 | BPF_JA)) {
    jump.imm = distance;
  } else {
    jump.off = static_cast<int16_t>(distance);
  }
}

[[nodiscard]] inline bool is_may_goto(const ir::Insn& insn) {
  return insn.code == ir::bpf::kMayGoto;
}

/// Sets its register and does nothing else. (Loads may not fail: the verifier sees to that.)
[[nodiscard]] inline bool is_computation(const ir::Insn& insn) {
  return class_of(insn) == BPF_LD || class_of(insn) == BPF_LDX || is_arithmetic(insn);
}

/// Does it look at what the register holds? A call may take fewer arguments than five; the verifier, too, takes one of
/// our own functions to have all of them.
[[nodiscard]] inline bool reads(const ir::Insn& insn, uint8_t reg) {
  switch (class_of(insn)) {
    case BPF_LD:
      return false;
    case BPF_LDX:
      return insn.src == reg;
    case BPF_ST:
      return insn.dst == reg;
    case BPF_STX:
      return insn.src == reg || insn.dst == reg;
    case BPF_ALU:
    case BPF_ALU64: {
      const bool is_move = BPF_OP(insn.code) == BPF_MOV;
      return (BPF_SRC(insn.code) == BPF_X && BPF_OP(insn.code) != BPF_END && insn.src == reg) ||
             (!is_move && insn.dst == reg);
    }
    default:
      if (is_call(insn)) return reg >= BPF_REG_1 && reg <= BPF_REG_5;
      if (is_exit(insn)) return reg == BPF_REG_0;
      return insn.dst == reg || (BPF_SRC(insn.code) == BPF_X && insn.src == reg);
  }
}

[[nodiscard]] inline bool writes(const ir::Insn& insn, uint8_t reg) {
  if (is_call(insn)) return reg <= BPF_REG_5;
  return is_computation(insn) && insn.dst == reg;
}

}  // namespace perilune::bpf
