// Instructions for tests, one function each.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "ir/code.h"
#include "ir/opcodes.h"

namespace perilune::vm::assembler {

using ir::Insn;
using Code = std::vector<Insn>;

inline Insn insn(unsigned code, unsigned dst, unsigned src, int off, int64_t imm) {
  Insn result;
  result.code = static_cast<uint8_t>(code);
  result.dst = dst & 15;
  result.src = src & 15;
  result.off = static_cast<int16_t>(off);
  result.imm = static_cast<int32_t>(imm);
  return result;
}
/// dst = dst operation imm (64 bits).
inline Insn alu(unsigned operation, unsigned dst, int64_t imm) {
  return insn(ir::bpf::kAlu64 | operation, dst, 0, 0, imm);
}
inline Insn alu_reg(unsigned operation, unsigned dst, unsigned src) {
  return insn(ir::bpf::kAlu64 | ir::bpf::kRegister | operation, dst, src, 0, 0);
}
inline Insn mov(unsigned dst, int64_t imm) {
  return alu(ir::bpf::kMov, dst, imm);
}
inline Insn mov_reg(unsigned dst, unsigned src) {
  return alu_reg(ir::bpf::kMov, dst, src);
}
inline Insn load(unsigned size, unsigned dst, unsigned src, int off) {
  return insn(ir::bpf::kLdx | ir::bpf::kMem | size, dst, src, off, 0);
}
inline Insn store(unsigned size, unsigned dst, int off, unsigned src) {
  return insn(ir::bpf::kStx | ir::bpf::kMem | size, dst, src, off, 0);
}
inline Insn store_number(unsigned size, unsigned dst, int off, int64_t imm) {
  return insn(ir::bpf::kSt | ir::bpf::kMem | size, dst, 0, off, imm);
}
inline Insn jump(int off) {
  return insn(ir::bpf::kJmp | ir::bpf::kJa, 0, 0, off, 0);
}
inline Insn jump_if(unsigned condition, unsigned dst, int64_t imm, int off) {
  return insn(ir::bpf::kJmp | condition, dst, 0, off, imm);
}
inline Insn may_goto(int off) {
  return insn(ir::bpf::kMayGoto, 0, 0, off, 0);
}
inline Insn call(int32_t helper) {
  return insn(ir::bpf::kCallHelper, 0, 0, 0, helper);
}
inline Insn leave() {
  return insn(ir::bpf::kReturn, 0, 0, 0, 0);
}
/// Two instructions.
inline void load_number(Code& code, unsigned dst, uint64_t number) {
  code.push_back(insn(ir::bpf::kLoadImm64, dst, 0, 0, static_cast<int32_t>(static_cast<uint32_t>(number))));
  code.push_back(insn(0, 0, 0, 0, static_cast<int32_t>(static_cast<uint32_t>(number >> 32))));
}
inline void append(Code& code, std::initializer_list<Insn> more) {
  code.insert(code.end(), more);
}

}  // namespace perilune::vm::assembler
