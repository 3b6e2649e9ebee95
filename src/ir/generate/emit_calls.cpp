// Calls. Their arguments are fetched before anything else is written; what they destroy and is needed later is saved
// before and restored after.
#include <algorithm>

#include "event/slot.h"
#include "ir/generate/emitter.h"
#include "ir/opcodes.h"

namespace perilune::ir {
namespace {

constexpr int64_t kMostEvent = 0x1fff;  // bytes of an event: a bound that the verifier sees

}  // namespace

void Emitter::call(const Low& low, uint32_t position) {
  const size_t first = next_save_;
  while (next_save_ < allocation_.saves.size() && allocation_.saves[next_save_].position == position)
    ++next_save_;
  for (size_t i = first; i < next_save_; ++i) {
    const Register reg = allocation_.saves[i].reg;
    if (function_.pointers[reg]) {
      store(8, kStack, stack_cell(allocation_.stack_cells + real(reg)), real(reg));
    } else {
      store(8, kSlot, cell(save_cell(real(reg))), real(reg));
    }
  }
  const Real result = low.result == kNoRegister ? Real{0} : real(low.result);
  switch (low.op) {
    case Op::kPull:
    case Op::kReplace:
      put(3, low.a);
      load(8, 1, kStack, -8);
      load(8, 2, kStack, -16);
      call_function(low.op == Op::kPull ? Relocation::Kind::kPull : Relocation::Kind::kReplace, 0, 4);
      break;
    case Op::kUdiv:
    case Op::kUmod:
      divide(low);
      mov(result, 0);
      break;
    case Op::kMapLookup:
      map_lookup(low, result);
      break;
    case Op::kMapAdd:
      map_add(low, result);
      break;
    case Op::kMapStore:
      map_store(low, result);
      break;
    case Op::kMapUpdate:
      key_and_map(low);
      mov(3, kSlot);
      alu_number(bpf::kAdd, 3, low.disp2);
      mov_number(4, low.imm);
      helper(bpf::helper::kMapUpdate);
      mov(result, 0);
      break;
    case Op::kMapDelete:
      key_and_map(low);
      helper(bpf::helper::kMapDelete);
      mov(result, 0);
      break;
    case Op::kKtime:
      helper(bpf::helper::kTime);
      mov(result, 0);
      break;
    case Op::kRandom:
      helper(bpf::helper::kRandom);
      store(8, kSlot, cell(call_cell()), 0);
      helper(bpf::helper::kRandom);
      load(8, 1, kSlot, cell(call_cell()));
      alu_number(bpf::kLsh, 1, 32);
      alu(bpf::kOr, 0, 1);
      mov(result, 0);
      break;
    case Op::kEmit:
      if (low.a.is_number()) {
        mov_number(3, low.a.imm & kMostEvent);
      } else {
        mov(3, real(low.a.reg));
        alu_number(bpf::kAnd, 3, kMostEvent);
      }
      load_address(1, Relocation::Kind::kEvents, 0);
      mov(2, kSlot);
      alu_number(bpf::kAdd, 2, low.disp);
      mov_number(4, 0);
      helper(bpf::helper::kOutput);
      mov(result, 0);
      break;
    default:
      break;
  }
  for (size_t i = first; i < next_save_; ++i) {
    const Register reg = allocation_.saves[i].reg;
    if (function_.pointers[reg]) {
      load(8, real(reg), kStack, stack_cell(allocation_.stack_cells + real(reg)));
    } else {
      load(function_.bytes[reg], real(reg), kSlot, cell(save_cell(real(reg))));
    }
  }
}

// r1 = the map, r2 = &slot[key]
void Emitter::key_and_map(const Low& low) {
  load_address(1, Relocation::Kind::kMap, low.index);
  mov(2, kSlot);
  alu_number(bpf::kAdd, 2, low.disp);
}

// An element that nothing is stored to is not kept: in loops the verifier tells apart whether it was found for as long
// as the pointer, or its absence, is on the stack, and each look-up would double what it has to look at.
void Emitter::find_elements_stored_to() {
  for (const LowBlock& block : function_.blocks)
    for (const Low& low : block.code)
      if (low.kind == Low::Kind::kCall && low.op == Op::kMapStore) stored_to_[low.kept] = true;
}

bool Emitter::has_many_lookups() const {
  size_t insns = 0;
  size_t lookups = 0;
  for (const LowBlock& block : function_.blocks) {
    insns += block.code.size() + 1;
    lookups += static_cast<size_t>(std::ranges::count_if(
        block.code, [](const Low& low) { return low.op == Op::kMapLookup || low.op == Op::kMapAdd; }));
  }
  return is_costly_to_write_out(lookups, insns);
}

// r0 = the element, or 0. The kernel writes out each call of the helper, which takes it long where there are many: then
// one function for each map has the only one.
void Emitter::find_element(const Low& low) {
  key_and_map(low);
  if (!calls_lookups_) return helper(bpf::helper::kMapLookup);
  call_function(Relocation::Kind::kLookup, low.index, 3);
}

// The verifier takes a function of ours to read five arguments. Whatever happened to be in those from `unused` on would
// be alive from its making up to here, by way of a loop's head, too, and differ there from iteration to iteration.
void Emitter::call_function(Relocation::Kind kind, uint32_t index, Real unused) {
  for (; unused <= 5; ++unused)
    mov_number(unused, 0);
  code_.relocations.push_back({static_cast<uint32_t>(code_.insns.size()), kind, index});
  raw(bpf::kJmp | bpf::kCall, 0, bpf::kPseudoCall, 0, -1);
}

// r0 = a / b or a % b, by a function
void Emitter::divide(const Low& low) {
  const bool is_last_result = !low.b.is_number() && real(low.b.reg) == 0;
  const Real first = is_last_result ? 1 : 0;  // what does not destroy the other
  put(first, low.a);
  put(2, low.b);
  mov(static_cast<Real>(1 - first), first);
  call_function(low.op == Op::kUdiv ? Relocation::Kind::kDivide : Relocation::Kind::kModulo, 0, 3);
}

// result = 0; if (r0 == 0) goto the end
size_t Emitter::unless_found(Real result) {
  if (result != 0) mov_number(result, 0);
  raw(bpf::kJmp | bpf::kJeq | bpf::kImmediate, 0, 0, 0, 0);
  return code_.insns.size() - 1;
}

// result = 1; the end
void Emitter::found(Real result, size_t jump) {
  mov_number(result, 1);
  code_.insns[jump].off = static_cast<int16_t>(code_.insns.size() - jump - 1);
}

void Emitter::map_lookup(const Low& low, Real result) {
  find_element(low);
  if (stored_to_[low.kept]) store(8, kStack, kept_cell(low.kept), 0);
  const size_t jump = unless_found(result);
  const Real temporary = result == 1 ? 2 : 1;
  for (int32_t i = 0; i < low.imm; i += 8) {
    load(8, temporary, 0, i);
    store(8, kSlot, low.disp2 + i, temporary);
  }
  found(result, jump);
}

void Emitter::map_store(const Low& low, Real result) {
  load(8, 0, kStack, kept_cell(low.kept));
  const size_t jump = unless_found(result);
  const Real temporary = result == 1 ? 2 : 1;
  const auto bytes = static_cast<unsigned>(low.imm);
  load(bytes, temporary, kSlot, low.disp2);
  store(bytes, 0, 0, temporary);
  found(result, jump);
}

// The amount waits in the slot until the number is found; the number before ends up at PL_SCRATCH - 8.
void Emitter::map_add(const Low& low, Real result) {
  if (low.a.is_number()) {
    store_number(8, kSlot, cell(call_cell()), low.a.imm);
  } else {
    store(8, kSlot, cell(call_cell()), real(low.a.reg));
  }
  find_element(low);
  const size_t jump = unless_found(result);
  const Real temporary = result == 1 ? 2 : 1;
  load(8, temporary, kSlot, cell(call_cell()));
  raw(bpf::kStx | bpf::kAtomic | (low.imm == 4 ? bpf::kWord : bpf::kDouble), 0, temporary, low.disp2,
      bpf::kAdd | bpf::kFetch);
  store(8, kSlot, static_cast<int32_t>(PL_SCRATCH) - 8, temporary);
  found(result, jump);
}

}  // namespace perilune::ir
