#include "vm/machine_code.h"

#if defined(__x86_64__)

#include <array>
#include <bit>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <xbyak/xbyak.h>
#include <xbyak/xbyak_util.h>

#include "ir/opcodes.h"

namespace perilune::vm {
namespace {

using namespace ir::bpf;
using ir::Insn;
using Xbyak::Address;
using Xbyak::Label;
using Xbyak::Reg32;
using Xbyak::Reg32e;
using Xbyak::Reg64;

// The longest translations are a signed division and the loop of an atomic `or`.
constexpr size_t kMostBytesPerInsn = 96;
constexpr size_t kMostBytesAround = 256;  // prologue and epilogue

constexpr std::array<int, 11> kHost = {Xbyak::Operand::RAX, Xbyak::Operand::RDI, Xbyak::Operand::RSI,
                                       Xbyak::Operand::RDX, Xbyak::Operand::RCX, Xbyak::Operand::R8,
                                       Xbyak::Operand::RBX, Xbyak::Operand::R13, Xbyak::Operand::R14,
                                       Xbyak::Operand::R15, Xbyak::Operand::RBP};

uint64_t extended(int64_t number) {
  return static_cast<uint64_t>(number);
}
uint32_t bits(int32_t number) {
  return static_cast<uint32_t>(number);
}
uint32_t low(uint64_t number) {
  return static_cast<uint32_t>(number);
}

class Translation : private Xbyak::CodeGenerator {
 public:
  /// `previous`: where the instructions were in an earlier translation, which knew no short jumps; empty for that one.
  Translation(std::span<const Insn> code, uint32_t patience, HelperState& helpers, bool has_shlx, MappedMemory& memory,
              std::span<const uint32_t> previous)
      : CodeGenerator(memory.size(), memory.data()),
        code_(code),
        patience_(patience),
        helpers_(&helpers),
        has_shlx_(has_shlx),
        previous_(previous),
        labels_(code.size()),
        is_target_(code.size(), false) {
    survey();
  }

  void run() {
    begin();
    for (index_ = 0; index_ < code_.size(); ++index_) {
      starts_.push_back(static_cast<uint32_t>(getSize()));
      if (is_target_[index_]) L(labels_[index_]);
      translate(code_[index_]);
      if (code_[index_].code == kLoadImm64) {
        ++index_;
        starts_.push_back(static_cast<uint32_t>(getSize()));
      }
    }
    starts_.push_back(static_cast<uint32_t>(getSize()));
    end();
    ready();
  }

  [[nodiscard]] size_t size() const { return getSize(); }
  /// Of each instruction, and the end.
  [[nodiscard]] const std::vector<uint32_t>& starts() const { return starts_; }

 private:
  // Which instructions are jumped to; what has to be saved.
  void survey() {
    for (size_t i = 0; i < code_.size(); ++i) {
      const Insn& insn = code_[i];
      used_[insn.dst] = true;
      used_[insn.src] = true;
      const uint8_t operation = insn.code & kOperationMask;
      const uint8_t kind = insn.code & kClassMask;
      if ((kind == kJmp || kind == kJmp32) && operation != kCall && operation != kExit) is_target_[target(i)] = true;
      if (insn.code == kMayGoto) counts_ = true;
      if (insn.code == kLoadImm64) ++i;
    }
  }

  [[nodiscard]] size_t target(size_t index) const {
    const Insn& insn = code_[index];
    const int64_t distance = insn.code == (kJmp32 | kJa) ? insn.imm : insn.off;
    return static_cast<size_t>(static_cast<int64_t>(index) + 1 + distance);
  }

  [[nodiscard]] static Reg64 wide(unsigned reg) { return Reg64(kHost[reg]); }
  [[nodiscard]] static Reg32 narrow(unsigned reg) { return Reg32(kHost[reg]); }
  [[nodiscard]] static Reg32e sized(unsigned reg, bool is_wide) {
    return is_wide ? Reg32e(kHost[reg], 64) : Reg32e(kHost[reg], 32);
  }
  [[nodiscard]] static Reg32e scratch(const Reg64& reg, bool is_wide) {
    return is_wide ? Reg32e(reg.getIdx(), 64) : Reg32e(reg.getIdx(), 32);
  }

  // What the caller wants back, then BPF's stack if r10 is used; rsp is a multiple of 16 for calls.
  void begin() {
    for (const unsigned reg : {6U, 7U, 8U, 9U, kFramePointer}) {
      if (used_[reg]) saved_.push_back(wide(reg));
    }
    if (counts_) saved_.push_back(r12);
    for (const Reg64& reg : saved_)
      push(reg);
    frame_ = (used_[kFramePointer] ? kStackBytes : 0) + (saved_.size() % 2 == 0 ? 8 : 0);
    if (frame_ != 0) sub(rsp, frame_);
    if (used_[kFramePointer]) lea(rbp, ptr[rsp + kStackBytes]);
    if (counts_) mov(r12d, patience_);
  }

  void end() {
    L(leave_);
    if (frame_ != 0) add(rsp, frame_);
    for (auto reg = saved_.rbegin(); reg != saved_.rend(); ++reg)
      pop(*reg);
    ret();
  }

  void translate(const Insn& insn) {
    switch (insn.code & kClassMask) {
      case kAlu32:
      case kAlu64:
        return translate_arithmetic(insn);
      case kJmp:
      case kJmp32:
        return translate_jump(insn);
      case kLd:
        return load_number(insn.dst, (uint64_t{bits(code_[index_ + 1].imm)} << 32) | bits(insn.imm));
      case kLdx:
        return translate_load(insn);
      default:
        return translate_store(insn);
    }
  }

  void load_number(unsigned reg, uint64_t number) {
    if (number == 0) {
      xor_(narrow(reg), narrow(reg));
    } else {
      mov(wide(reg), number);
    }
  }

  void translate_arithmetic(const Insn& insn) {
    const bool is_wide = (insn.code & kClassMask) == kAlu64;
    const bool from_register = (insn.code & kRegister) != 0;
    const Reg32e dst = sized(insn.dst, is_wide);
    const Reg32e src = sized(insn.src, is_wide);
    const uint32_t imm = bits(insn.imm);
    switch (insn.code & kOperationMask) {
      case kAdd:
        return from_register ? add(dst, src) : add(dst, imm);
      case kSub:
        return from_register ? sub(dst, src) : sub(dst, imm);
      case kOr:
        return from_register ? or_(dst, src) : or_(dst, imm);
      case kAnd:
        return from_register ? and_(dst, src) : and_(dst, imm);
      case kXor:
        return from_register ? xor_(dst, src) : xor_(dst, imm);
      case kMul:
        return from_register ? imul(dst, src) : imul(dst, dst, insn.imm);
      case kLsh:
      case kRsh:
      case kArsh:
        return from_register ? shift_by_register(insn, is_wide) : shift_by_number(insn, is_wide);
      case kNeg:
        return neg(dst);
      case kMov:
        return translate_move(insn, is_wide);
      case kEnd:
        return translate_byte_order(insn);
      default:
        return divide(insn, is_wide);
    }
  }

  void translate_move(const Insn& insn, bool is_wide) {
    const Reg32e dst = sized(insn.dst, is_wide);
    if ((insn.code & kRegister) == 0) return load_number(insn.dst, is_wide ? extended(insn.imm) : bits(insn.imm));
    switch (insn.off) {
      case 8:
        return movsx(dst, wide(insn.src).cvt8());
      case 16:
        return movsx(dst, wide(insn.src).cvt16());
      case 32:
        return movsxd(wide(insn.dst), narrow(insn.src));
      default:
        return mov(dst, sized(insn.src, is_wide));
    }
  }

  void translate_byte_order(const Insn& insn) {
    const bool swaps = (insn.code & kClassMask) == kAlu64 || (insn.code & kRegister) != 0;
    const Reg64 dst = wide(insn.dst);
    switch (insn.imm) {
      case 16:
        if (swaps) ror(dst.cvt16(), 8);
        return movzx(narrow(insn.dst), dst.cvt16());
      case 32:
        return swaps ? bswap(narrow(insn.dst)) : mov(narrow(insn.dst), narrow(insn.dst));
      default:
        if (swaps) bswap(dst);
    }
  }

  void shift_by_number(const Insn& insn, bool is_wide) {
    const Reg32e dst = sized(insn.dst, is_wide);
    const int amount = insn.imm & (is_wide ? 63 : 31);
    if (amount == 0) {
      if (!is_wide) mov(narrow(insn.dst), narrow(insn.dst));
      return;
    }
    shift(insn.code & kOperationMask, dst, amount);
  }

  template <typename Amount>
  void shift(uint8_t operation, const Reg32e& dst, const Amount& amount) {
    if (operation == kLsh) return shl(dst, amount);
    return operation == kRsh ? shr(dst, amount) : sar(dst, amount);
  }

  void shift_by_register(const Insn& insn, bool is_wide) {
    const uint8_t operation = insn.code & kOperationMask;
    const Reg32e dst = sized(insn.dst, is_wide);
    const Reg32e src = sized(insn.src, is_wide);
    if (has_shlx_) {
      if (operation == kLsh) return shlx(dst, dst, src);
      return operation == kRsh ? shrx(dst, dst, src) : sarx(dst, dst, src);
    }
    // The amount must be in cl.
    const Reg32e shifted = scratch(r10, is_wide);
    mov(shifted, dst);
    mov(r11, rcx);
    mov(rcx, wide(insn.src));
    shift(operation, shifted, cl);
    mov(rcx, r11);
    mov(dst, shifted);
  }

  // dst / src or dst % src through rdx:rax, with BPF's results for divisors 0 and -1, which the processor refuses.
  void divide(const Insn& insn, bool is_wide) {
    const bool remainder = (insn.code & kOperationMask) == kMod;
    const bool with_sign = insn.off == 1;
    const bool constant = (insn.code & kRegister) == 0;
    const Reg32e dst = sized(insn.dst, is_wide);
    if (constant && !with_sign && insn.imm > 0 && std::has_single_bit(bits(insn.imm))) {
      if (remainder) return and_(dst, bits(insn.imm) - 1);
      const int amount = std::countr_zero(bits(insn.imm));
      return amount == 0 ? mov(dst, dst) : shr(dst, amount);
    }
    const Reg32e divisor = scratch(r11, is_wide);
    const Reg32e low_half = scratch(rax, is_wide);
    const Reg32e high_half = scratch(rdx, is_wide);
    if (constant) {
      mov(r11, is_wide ? extended(insn.imm) : bits(insn.imm));
    } else {
      mov(divisor, sized(insn.src, is_wide));
    }
    const bool is_rax = insn.dst == 0;
    const bool is_rdx = insn.dst == 3;
    if (!is_rax) mov(r9, rax);
    if (!is_rdx) mov(r10, rdx);
    if (!is_rax) mov(low_half, dst);
    Label zero;
    Label minus_one;
    Label done;
    if (!constant || insn.imm == 0) {
      test(divisor, divisor);
      jz(zero, T_NEAR);
    }
    if (with_sign && (!constant || insn.imm == -1)) {
      cmp(divisor, bits(-1));
      je(minus_one, T_NEAR);
    }
    if (!with_sign) {
      xor_(edx, edx);
      div(divisor);
    } else {
      is_wide ? cqo() : cdq();
      idiv(divisor);
    }
    mov(divisor, remainder ? high_half : low_half);
    jmp(done, T_NEAR);
    L(minus_one);
    if (remainder) {
      xor_(r11d, r11d);
    } else {
      mov(divisor, low_half);
      neg(divisor);
    }
    jmp(done, T_NEAR);
    L(zero);
    if (remainder) {
      mov(divisor, low_half);
    } else {
      xor_(r11d, r11d);
    }
    L(done);
    if (!is_rdx) mov(rdx, r10);
    if (!is_rax) mov(rax, r9);
    mov(dst, divisor);
  }

  void translate_jump(const Insn& insn) {
    const bool is_wide = (insn.code & kClassMask) == kJmp;
    const uint8_t operation = insn.code & kOperationMask;
    switch (operation) {
      case kCall:
        mov(r9, reinterpret_cast<uint64_t>(helpers_));
        mov(rax, reinterpret_cast<uint64_t>(find_helper(insn.imm)));
        return call(rax);
      case kExit:
        if (index_ + 1 != code_.size()) jmp(leave_, leave_is_near() ? T_SHORT : T_NEAR);
        return;
      case kJa:
        return jmp(labels_[target(index_)], reach());
      case kCond: {  // if (count == 0) goto target; --count
        test(r12d, r12d);
        jz(labels_[target(index_)], reach());
        return dec(r12d);
      }
      default:
        break;
    }
    const Reg32e dst = sized(insn.dst, is_wide);
    const bool from_register = (insn.code & kRegister) != 0;
    if (operation == kJset) {
      from_register ? test(dst, sized(insn.src, is_wide)) : test(dst, bits(insn.imm));
    } else if (from_register) {
      cmp(dst, sized(insn.src, is_wide));
    } else if (insn.imm == 0) {
      test(dst, dst);
    } else {
      cmp(dst, bits(insn.imm));
    }
    jump_if(operation, labels_[target(index_)], reach());
  }

  void jump_if(uint8_t operation, const Label& label, LabelType type) {
    switch (operation) {
      case kJeq:
        return je(label, type);
      case kJset:
      case kJne:
        return jne(label, type);
      case kJgt:
        return ja(label, type);
      case kJge:
        return jae(label, type);
      case kJlt:
        return jb(label, type);
      case kJle:
        return jbe(label, type);
      case kJsgt:
        return jg(label, type);
      case kJsge:
        return jge(label, type);
      case kJslt:
        return jl(label, type);
      default:  // kJsle
        return jle(label, type);
    }
  }

  // Distances in the earlier translation are upper bounds: what is between only became shorter.
  [[nodiscard]] LabelType reach() const { return distance_to(target(index_)) < 120 ? T_SHORT : T_NEAR; }
  [[nodiscard]] bool leave_is_near() const { return distance_to(code_.size()) < 120; }
  [[nodiscard]] uint32_t distance_to(size_t index) const {
    if (previous_.empty()) return UINT32_MAX;
    const uint32_t from = previous_[index_ + 1];
    return index > index_ ? previous_[index] - from : from - previous_[index];
  }

  [[nodiscard]] Address place(unsigned reg, int16_t off, unsigned size) const {
    const Xbyak::RegExp where = wide(reg) + static_cast<int>(off);
    switch (size) {
      case 1:
        return byte[where];
      case 2:
        return word[where];
      case 4:
        return dword[where];
      default:
        return qword[where];
    }
  }

  void translate_load(const Insn& insn) {
    const unsigned size = size_of(insn.code);
    const Address from = place(insn.src, insn.off, size);
    if ((insn.code & kModeMask) == kMemSigned) {
      return size == 4 ? movsxd(wide(insn.dst), from) : movsx(wide(insn.dst), from);
    }
    if (size == 8) return mov(wide(insn.dst), from);
    return size == 4 ? mov(narrow(insn.dst), from) : movzx(narrow(insn.dst), from);
  }

  void translate_store(const Insn& insn) {
    const unsigned size = size_of(insn.code);
    const Address to = place(insn.dst, insn.off, size);
    if ((insn.code & kModeMask) == kAtomic) return translate_atomic(insn, to, size == 8);
    if ((insn.code & kClassMask) == kSt) {
      const uint64_t number = extended(insn.imm);
      return mov(to, size == 8 ? number : size == 4 ? low(number) : size == 2 ? number & 0xffff : number & 0xff);
    }
    const Reg64 src = wide(insn.src);
    switch (size) {
      case 1:
        return mov(to, src.cvt8());
      case 2:
        return mov(to, src.cvt16());
      case 4:
        return mov(to, src.cvt32());
      default:
        return mov(to, src);
    }
  }

  void translate_atomic(const Insn& insn, const Address& place, bool is_wide) {
    const Reg32e src = sized(insn.src, is_wide);
    switch (insn.imm) {
      case kAtomicAdd:
        lock();
        return add(place, src);
      case kAtomicOr:
        lock();
        return or_(place, src);
      case kAtomicAnd:
        lock();
        return and_(place, src);
      case kAtomicXor:
        lock();
        return xor_(place, src);
      case kAtomicAdd | kFetch:
        lock();
        return xadd(place, src);
      case kExchange:
        return xchg(place, src);
      case kCompareExchange:
        lock();
        cmpxchg(place, src);
        if (!is_wide) mov(eax, eax);  // a success does not clear the upper half
        return;
      default:
        return fetch_and_change(insn, is_wide);
    }
  }

  // src = *place; *place = src operation *place: a loop, there is no such instruction.
  void fetch_and_change(const Insn& insn, bool is_wide) {
    const Reg32e operand = scratch(r11, is_wide);
    const Reg32e changed = scratch(r10, is_wide);
    const Reg32e before = scratch(rax, is_wide);
    const Address where = is_wide ? qword[r9] : dword[r9];
    lea(r9, ptr[wide(insn.dst) + static_cast<int>(insn.off)]);
    mov(operand, sized(insn.src, is_wide));
    const bool keeps_rax = insn.src != 0;
    if (keeps_rax) push(rax);
    mov(before, where);
    Label again;
    L(again);
    mov(changed, before);
    switch (insn.imm & ~kFetch) {
      case kAtomicOr:
        or_(changed, operand);
        break;
      case kAtomicAnd:
        and_(changed, operand);
        break;
      default:
        xor_(changed, operand);
        break;
    }
    lock();
    cmpxchg(where, changed);
    jne(again);
    mov(sized(insn.src, is_wide), before);
    if (keeps_rax) pop(rax);
  }

  std::span<const Insn> code_;
  uint32_t patience_;
  HelperState* helpers_;
  bool has_shlx_;
  std::span<const uint32_t> previous_;
  std::vector<Label> labels_;
  std::vector<bool> is_target_;
  std::vector<uint32_t> starts_;
  std::array<bool, 16> used_{};
  bool counts_ = false;
  std::vector<Reg64> saved_;
  uint32_t frame_ = 0;
  Label leave_;
  size_t index_ = 0;
};

}  // namespace

bool MachineCode::available() {
  return true;
}

Result<MachineCode> MachineCode::translate(std::span<const ir::Insn> code, uint32_t patience, HelperState& helpers,
                                           bool plain) {
  static const bool processor_has_shlx = Xbyak::util::Cpu().has(Xbyak::util::Cpu::tBMI2);
  const bool has_shlx = processor_has_shlx && !plain;
  auto memory = MappedMemory::allocate(code.size() * kMostBytesPerInsn + kMostBytesAround, "machine code");
  if (!memory) return tl::make_unexpected(std::move(memory.error()));
  size_t size = 0;
  try {
    Translation first(code, patience, helpers, has_shlx, *memory, {});
    first.run();
    Translation second(code, patience, helpers, has_shlx, *memory, first.starts());
    second.run();
    size = second.size();
  } catch (const Xbyak::Error& error) {
    return system_error(fmt::format("cannot make machine code: {}", error.what()));
  }
  if (auto done = memory->protect(MappedMemory::Access::kExecute); !done) {
    return tl::make_unexpected(std::move(done.error()));
  }
  return MachineCode(std::move(*memory), size);
}

}  // namespace perilune::vm

#else

namespace perilune::vm {

bool MachineCode::available() {
  return false;
}

Result<MachineCode> MachineCode::translate(std::span<const ir::Insn> /*code*/, uint32_t /*patience*/,
                                           HelperState& /*helpers*/, bool /*plain*/) {
  return system_error("there is no machine code for this processor");
}

}  // namespace perilune::vm

#endif
