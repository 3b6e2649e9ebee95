// Arithmetic, pointers and memory.
#include <algorithm>
#include <bit>
#include <limits>

#include "ir/form/fold.h"
#include "ir/generate/emitter.h"
#include "ir/opcodes.h"

namespace perilune::ir {
namespace {

unsigned alu_code(Op op) {
  switch (op) {
    case Op::kSub:
      return bpf::kSub;
    case Op::kMul:
      return bpf::kMul;
    case Op::kUdiv:
      return bpf::kDiv;
    case Op::kUmod:
      return bpf::kMod;
    case Op::kAnd:
      return bpf::kAnd;
    case Op::kOr:
      return bpf::kOr;
    case Op::kXor:
      return bpf::kXor;
    case Op::kShl:
      return bpf::kLsh;
    case Op::kLshr:
      return bpf::kRsh;
    case Op::kAshr:
      return bpf::kArsh;
    default:
      return bpf::kAdd;
  }
}

constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

uint64_t whole(unsigned bytes) {
  return bytes >= 8 ? kAll : (uint64_t{1} << (8 * bytes)) - 1;
}

}  // namespace

void Emitter::put(Real dst, const Operand& operand) {
  if (operand.is_number()) {
    mov_number(dst, operand.imm);
  } else {
    mov(dst, real(operand.reg));
  }
}

void Emitter::value(const Low& low) {
  const Real result = low.result == kNoRegister ? Real{0} : real(low.result);
  switch (low.kind) {
    case Low::Kind::kWide:
      mov_number(result, low.imm);
      break;
    case Low::Kind::kTables:
      load_address(result, Relocation::Kind::kTables, static_cast<uint32_t>(low.imm));
      break;
    case Low::Kind::kBinary:
      binary(low);
      break;
    case Low::Kind::kSwap:
      mov(result, real(low.a.reg));
      raw(bpf::kAlu32 | bpf::kEnd | bpf::kRegister, result, 0, 0,
          low.op == Op::kSwap16   ? 16
          : low.op == Op::kSwap32 ? 32
                                  : 64);
      break;
    case Low::Kind::kLaunder:
      if (low.a.is_number()) {
        store_number(8, kSlot, cell(launder_cell()), low.a.imm);
      } else {
        store(8, kSlot, cell(launder_cell()), real(low.a.reg));
      }
      load(8, result, kSlot, cell(launder_cell()));
      break;
    case Low::Kind::kOffset:
      offset(low);
      break;
    case Low::Kind::kShift:
      mov(result, real(low.a.reg));
      if (low.imm != 0) alu_number(bpf::kAdd, result, low.imm);
      break;
    case Low::Kind::kLoad:
      load(access_bytes(low.op), result, real(low.a.reg), low.disp);
      break;
    case Low::Kind::kStore:
      if (low.b.is_number()) {
        store_number(access_bytes(low.op), real(low.a.reg), low.disp, low.b.imm);
      } else {
        store(access_bytes(low.op), real(low.a.reg), low.disp, real(low.b.reg));
      }
      break;
    case Low::Kind::kReload:
      if (function_.pointers[low.result]) {
        load(8, result, kStack, stack_cell(low.cell));
      } else {
        load(low.bytes, result, kSlot, cell(low.cell));
      }
      break;
    case Low::Kind::kSpill:
      if (function_.pointers[low.a.reg]) {
        store(8, kStack, stack_cell(low.cell), real(low.a.reg));
      } else {
        store(8, kSlot, cell(low.cell), real(low.a.reg));
      }
      break;
    case Low::Kind::kCall:
      break;
  }
}

// Two-address form: the destination is also the left operand.
void Emitter::binary(const Low& low) {
  const Real result = real(low.result);
  if (low.b.is_number()) {
    const Real a = real(low.a.reg);
    if (low.op == Op::kAnd && low.b.imm > INT32_MAX) {
      // 32-bit instructions clear the upper half.
      if (result != a || low.b.imm == UINT32_MAX) raw(bpf::kAlu32 | bpf::kMov | bpf::kRegister, result, a, 0, 0);
      if (low.b.imm != UINT32_MAX) {
        raw(bpf::kAlu32 | bpf::kAnd | bpf::kImmediate, result, 0, 0, static_cast<int32_t>(low.b.imm));
      }
      return;
    }
    mov(result, a);
    if (low.b.imm == 0 && low.op != Op::kAnd && low.op != Op::kMul) return;
    alu_number(alu_code(low.op), result, low.b.imm);
    return;
  }
  const Real b = real(low.b.reg);
  if (!low.a.is_number() && result == b && is_commutative(low.op)) {
    alu(alu_code(low.op), result, real(low.a.reg));
    return;
  }
  put(result, low.a);
  alu(alu_code(low.op), result, b);
}

// pointer + (index & mask): the mask stands right before the addition, so that the verifier sees the bound; it is left
// out where the verifier knows one that is as good.
void Emitter::offset(const Low& low) {
  const Real result = real(low.result);
  if (low.launder) {
    store(8, kSlot, cell(launder_cell()), real(low.b.reg));
    load(8, result, kSlot, cell(launder_cell()));
  } else {
    mov(result, real(low.b.reg));
  }
  if (low.launder || limits_[low.b.reg] > static_cast<uint64_t>(low.imm)) alu_number(bpf::kAnd, result, low.imm);
  alu(bpf::kAdd, result, real(low.a.reg));
}

/// What the verifier knows of a result's size. Saves around calls keep no more than its bytes.
void Emitter::note_limit(const Low& low) {
  if (low.result == kNoRegister) return;
  const uint64_t a = low.a.is_number() ? kAll : low.a.reg == kSlotRegister ? kAll : limits_[low.a.reg];
  const uint64_t b = low.b.is_number() ? kAll : limits_[low.b.reg];
  uint64_t limit = kAll;
  switch (low.kind) {
    case Low::Kind::kLoad:
      limit = whole(access_bytes(low.op));
      break;
    case Low::Kind::kReload:
      limit = whole(low.bytes);
      break;
    case Low::Kind::kBinary:
      if (low.op == Op::kAnd && low.b.is_number() && low.b.imm >= 0) {
        limit = std::min(a, static_cast<uint64_t>(low.b.imm));
      } else if (low.op == Op::kShl && low.b.is_number() && a <= (kAll >> 1 >> low.b.imm)) {
        limit = a << low.b.imm;
      } else if (low.op == Op::kLshr && low.b.is_number()) {
        limit = a >> low.b.imm;
      } else if (low.op == Op::kAdd) {
        const uint64_t right = low.b.is_number() ? (low.b.imm >= 0 ? static_cast<uint64_t>(low.b.imm) : kAll) : b;
        if (a <= kAll / 4 && right <= kAll / 4) limit = a + right;
      } else if ((low.op == Op::kOr || low.op == Op::kXor) && low.b.is_number() && low.b.imm == 0) {
        limit = a;
      }
      break;
    default:
      break;
  }
  if (saved_[low.result]) {
    const uint64_t kept = whole(function_.bytes[low.result]);
    limit = limit > kept ? kAll : kept;
  }
  limits_[low.result] = limit;
}

}  // namespace perilune::ir
