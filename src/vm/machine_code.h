// Code translated to the processor's own: one instruction after the other, on x86-64.
//
// Registers as the kernel's translation has them, so that calls of helpers need no moves:
//
//   r0   r1   r2   r3   r4   r5   r6   r7   r8   r9   r10        scratch        may_goto's count
//   rax  rdi  rsi  rdx  rcx  r8   rbx  r13  r14  r15  rbp        r9 r10 r11     r12
//
// The memory is writable while it is being written and executable afterwards, never both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "ir/code.h"
#include "vm/helpers.h"
#include "vm/mapped_memory.h"

namespace perilune::vm {

class MachineCode {
 public:
  using Entry = uint64_t (*)(uint64_t r1, uint64_t r2);

  /// Does it exist for this processor?
  [[nodiscard]] static bool available();
  /// `code` is sound (soundness.h), with its addresses put in; `helpers` must outlive the result. `patience`: how many
  /// times may_goto does not go, in one run. `plain`: only instructions that every x86-64 processor has.
  [[nodiscard]] static Result<MachineCode> translate(std::span<const ir::Insn> code, uint32_t patience,
                                                     HelperState& helpers, bool plain = false);

  [[nodiscard]] Entry entry() const { return reinterpret_cast<Entry>(memory_.data()); }
  /// Bytes of it.
  [[nodiscard]] size_t size() const { return size_; }

 private:
  MachineCode(MappedMemory memory, size_t size) : memory_(std::move(memory)), size_(size) {}

  MappedMemory memory_;
  size_t size_ = 0;
};

}  // namespace perilune::vm
