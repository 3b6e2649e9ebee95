// Blocks and jumps. Jumps have 16 bits; what is farther away is reached by a jump of 32 (Linux 6.6). The function's
// frame: [r10 - 8] the context, [r10 - 16] the slot's offset (both for pull), below them pointers that found no
// register. r6 is the slot throughout.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "event/slot.h"
#include "ir/form/fold.h"
#include "ir/generate/emitter.h"
#include "ir/opcodes.h"

namespace perilune::ir {
namespace {

constexpr int32_t kMostStack = 256;  // of the 512 bytes for all frames
constexpr int64_t kSpare = 1024;     // of a jump's reach: copies of packets are made in place (bpf/link.cpp)

unsigned jump_code(Condition condition) {
  switch (condition) {
    case Condition::kEq:
      return bpf::kJeq;
    case Condition::kNe:
      return bpf::kJne;
    case Condition::kUlt:
      return bpf::kJlt;
    case Condition::kUle:
      return bpf::kJle;
    case Condition::kUgt:
      return bpf::kJgt;
    case Condition::kUge:
      return bpf::kJge;
    case Condition::kSlt:
      return bpf::kJslt;
    case Condition::kSle:
      return bpf::kJsle;
    case Condition::kSgt:
      return bpf::kJsgt;
    case Condition::kSge:
      return bpf::kJsge;
  }
  return bpf::kJeq;
}

unsigned size_code(unsigned bytes) {
  return bytes == 1 ? bpf::kByte : bytes == 2 ? bpf::kHalf : bytes == 4 ? bpf::kWord : bpf::kDouble;
}

/// The kernel writes some instructions out after it has verified them, and jumps over them must still reach: how many
/// there are then, at most (kernel/bpf/verifier.c, do_misc_fixups() and the map_gen_lookup() of maps).
uint32_t patched_size(const Insn& insn) {
  const uint8_t kind = insn.code & 0x07;
  const uint8_t operation = insn.code & 0xf0;
  if (kind == bpf::kJmp && operation == bpf::kCond) return 9;
  if (kind == bpf::kJmp && operation == bpf::kCall) return 12;
  const bool arithmetic = kind == bpf::kAlu64 || kind == bpf::kAlu32;
  if (arithmetic && (operation == bpf::kDiv || operation == bpf::kMod)) return 8;
  return 1;
}

}  // namespace

Emitter::Emitter(const LowFunction& function, const Allocation& allocation, std::vector<bool> far)
    : function_(function),
      allocation_(allocation),
      far_(std::move(far)),
      limits_(function.registers, std::numeric_limits<uint64_t>::max()),
      saved_(function.registers) {
  calls_lookups_ = has_many_lookups();
  find_elements_stored_to();
  for (const Allocation::Save& save : allocation.saves)
    saved_[save.reg] = true;
  for (const Cut& cut : allocation.cuts)
    for (const Register reg : cut.live)
      saved_[reg] = true;
  for (const LowBlock& block : function.blocks) {
    // Nothing is left of it but a jump elsewhere.
    vanishing_.push_back(block.kind == Terminator::Kind::kJump && block.code.empty() &&
                         block.exhausted == LowBlock::kNone && moves_of(block).empty());
  }
}

Result<Code> Emitter::run() {
  starts_.assign(spent() + 1, LowBlock::kNone);
  prologue();
  if (!allocation_.cuts.empty()) choose_piece();
  for (uint32_t i = 0; i < function_.blocks.size(); ++i) {
    if (i == 0 || !vanishes(i)) block(i);
  }
  starts_[spent()] = static_cast<uint32_t>(code_.insns.size());
  if (!allocation_.cuts.empty() && where_rounds_end() == spent()) {
    mov_number(0, PL_ERROR);
    raw(bpf::kJmp | bpf::kExit, 0, 0, 0, 0);
  }
  const size_t cells = static_cast<size_t>(allocation_.cells) + 8 + static_cast<size_t>(most_edge_cells_);
  if (cells * 8 > PL_SCRATCH - PL_SPILL) {
    return input_error(
        fmt::format("the filter keeps too many values at once: {} bytes of {}", cells * 8, PL_SCRATCH - PL_SPILL),
        "split the filter, or compute values where they are used");
  }
  if (deepest_ > kMostStack) {
    return input_error(
        fmt::format("the filter reads too many places at once: {} bytes of stack, {} there are", deepest_, kMostStack));
  }
  patch_jumps();
  note_record_fields();
  return std::move(code_);
}

// Which jumps do not reach is known when all code stands: they are noted for the next run.
void Emitter::patch_jumps() {
  std::vector<int64_t> patched = {0};  // instructions before each, as the kernel will have them
  for (const Insn& insn : code_.insns)
    patched.push_back(patched.back() + patched_size(insn));
  far_.resize(jumps_.size());
  for (size_t i = 0; i < jumps_.size(); ++i) {
    const auto& [at, target] = jumps_[i];
    const auto distance = static_cast<int32_t>(starts_[target]) - static_cast<int32_t>(at) - 1;
    Insn& insn = code_.insns[at];
    if (insn.code == bpf::kLongJump) {
      insn.imm = distance;
      continue;
    }
    const int64_t in_kernel = patched[starts_[target]] - patched[at + 1];
    if (in_kernel < INT16_MIN + kSpare || in_kernel > INT16_MAX - kSpare) {
      far_[i] = true;
      found_far_ = true;
    }
    insn.off = static_cast<int16_t>(distance);
  }
}

// Where the slot's address is known to be in r6; nothing computes an address inside the record.
void Emitter::note_record_fields() {
  constexpr int kWord = 4;
  constexpr int kEnd = 64 * kWord;
  for (const Insn& insn : code_.insns) {
    if ((insn.code & bpf::kClassMask) != bpf::kLdx || insn.src != kSlot || insn.off < 0) continue;
    code_.uses_fuel |= insn.off == PL_CALL + offsetof(pl_call, fuel);
    const int first = insn.off - static_cast<int>(PL_RECORD);
    for (int byte = first; byte < first + static_cast<int>(bpf::size_of(insn.code)); byte += kWord)
      if (byte >= 0 && byte < kEnd) code_.record_fields |= uint64_t{1} << (byte / kWord);
  }
}

// r6 = &memory + (slot_offset & mask of whole slots). The mask is for the verifier; the loader knows it.
void Emitter::prologue() {
  const LowBlock& entry = function_.blocks[0];
  const bool first = entry.code.empty();
  place(first ? entry.file : entry.code[0].file, first ? entry.line : entry.code[0].line);
  if (function_.pulls) store(8, kStack, -8, 1);
  load_address(kSlot, Relocation::Kind::kMemory, 0);
  code_.relocations.push_back({static_cast<uint32_t>(code_.insns.size()), Relocation::Kind::kSlotMask, 0});
  alu_number(bpf::kAnd, 2, 0);
  if (function_.pulls) store(8, kStack, -16, 2);
  alu(bpf::kAdd, kSlot, 2);
  deepest_ = function_.pulls ? 16 : 0;
}

// The iterations over pieces are few. Where the script has loops, the kernel's patience has ended in one of them, and
// this is said of that loop.
uint32_t Emitter::where_rounds_end() const {
  for (const LowBlock& block : function_.blocks)
    if (block.exhausted != LowBlock::kNone) return final_target(block.exhausted);
  return spent();
}

// The loop over the pieces: see cuts.h. At its end the number of the piece is that of the loop that does not end.
void Emitter::choose_piece() {
  const int32_t next = cell(allocation_.cut_cells);
  const uint32_t first = new_label();
  std::vector<uint32_t> pieces = {first};
  std::vector<uint32_t> ends = {where_rounds_end()};
  for (size_t cut = 0; cut < allocation_.cuts.size(); ++cut) {
    const LowBlock& block = function_.blocks[allocation_.cuts[cut].block];
    pieces.push_back(piece(cut));
    ends.push_back(block.exhausted == LowBlock::kNone ? ends.front() : final_target(block.exhausted));
  }
  const bool same_end = std::ranges::all_of(ends, [&](uint32_t end) { return end == ends.front(); });
  const uint32_t end = same_end ? ends.front() : new_label();
  store_number(8, kSlot, next, 0);
  forget_registers();
  set_label(choice());
  jump(bpf::kMayGoto, 0, 0, 0, bpf::kMayGoto, end);
  load(8, 1, kSlot, next);
  choose(0, pieces);
  if (!same_end) {
    set_label(end);
    load(8, 1, kSlot, next);
    choose(0, ends);
  }
  set_label(first);
}

// Jumps to targets[r1 - from].
void Emitter::choose(int64_t from, std::span<const uint32_t> targets) {
  if (targets.size() == 1) {
    jump(bpf::kJmp | bpf::kJa, 0, 0, 0, bpf::kJmp | bpf::kJa, targets.front());
    return;
  }
  const size_t half = targets.size() / 2;
  const uint32_t upper = new_label();
  const int64_t last = from + static_cast<int64_t>(half) - 1;
  jump(bpf::kJmp | bpf::kJgt | bpf::kImmediate, 1, 0, last, bpf::kJmp | bpf::kJle | bpf::kImmediate, upper);
  choose(from, targets.first(half));
  set_label(upper);
  choose(last + 1, targets.subspan(half));
}

uint32_t Emitter::new_label() {
  starts_.push_back(0);
  return static_cast<uint32_t>(starts_.size() - 1);
}

void Emitter::set_label(uint32_t label) {
  starts_[label] = static_cast<uint32_t>(code_.insns.size());
}

void Emitter::begin_piece(size_t cut) {
  const auto home = [&](Register reg) { return cell(allocation_.cut_cells + 1 + real(reg)); };
  const Cut& here = allocation_.cuts[cut];
  for (const Register reg : here.live)
    store(8, kSlot, home(reg), real(reg));
  store_number(8, kSlot, cell(allocation_.cut_cells), static_cast<int64_t>(cut) + 1);
  forget_registers();
  jump(bpf::kJmp | bpf::kJa, 0, 0, 0, bpf::kJmp | bpf::kJa, choice());
  starts_[piece(cut)] = static_cast<uint32_t>(code_.insns.size());
  for (const Register reg : here.live)
    load(function_.bytes[reg], real(reg), kSlot, home(reg));
  for (const auto& [reg, byte] : here.tables)
    load_address(real(reg), Relocation::Kind::kTables, static_cast<uint32_t>(byte));
}

// Kernels before 6.15 compare registers that are not read any more, too.
void Emitter::forget_registers() {
  for (Real reg = 0; reg < kStack; ++reg)
    if (reg != kSlot) mov_number(reg, 0);
}

uint32_t Emitter::final_target(uint32_t block) const {
  // Rounds end at a loop header, which does not vanish.
  while (vanishes(block))
    block = function_.blocks[block].then;
  return block;
}

void Emitter::block(uint32_t number) {
  const LowBlock& block = function_.blocks[number];
  starts_[number] = static_cast<uint32_t>(code_.insns.size());
  const bool is_cut = next_cut_ < allocation_.cuts.size() && allocation_.cuts[next_cut_].block == number;
  if (is_cut) begin_piece(next_cut_++);
  if (block.exhausted != LowBlock::kNone && !is_cut) {
    place(block.code.empty() ? block.file : block.code[0].file, block.code.empty() ? block.line : block.code[0].line);
    jump(bpf::kMayGoto, 0, 0, 0, bpf::kMayGoto, final_target(block.exhausted));
  }
  uint32_t position = allocation_.first[number];
  for (const Low& low : block.code) {
    ++position;
    place(low.file, low.line);
    if (low.kind == Low::Kind::kCall) {
      call(low, position);
    } else {
      value(low);
    }
    note_limit(low);
  }
  place(block.file, block.line);
  uint32_t next = number + 1;
  while (next < function_.blocks.size() && vanishes(next))
    ++next;
  switch (block.kind) {
    case Terminator::Kind::kReturn:
      // A number on many ways would be verified once for each in the caller: through memory it is unknown there.
      if (block.a.is_number()) {
        store_number(8, kSlot, cell(launder_cell()), block.a.imm);
        load(8, 0, kSlot, cell(launder_cell()));
      } else {
        mov(0, real(block.a.reg));
      }
      raw(bpf::kJmp | bpf::kExit, 0, 0, 0, 0);
      break;
    case Terminator::Kind::kJump:
      edge(number);
      jump_to(final_target(block.then), next);
      break;
    case Terminator::Kind::kBranch:
      branch(block, next);
      break;
    case Terminator::Kind::kNone:
      break;
  }
}

void Emitter::jump_to(uint32_t target, uint32_t next) {
  if (target == next) return;
  jump(bpf::kJmp | bpf::kJa, 0, 0, 0, bpf::kJmp | bpf::kJa, target);
}

void Emitter::branch(const LowBlock& block, uint32_t next) {
  const uint32_t then = final_target(block.then);
  const uint32_t otherwise = final_target(block.otherwise);
  if (then == otherwise) return jump_to(then, next);
  if (then == next) {
    conditional(inverse(block.condition), block.a, block.b, otherwise);
    return;
  }
  conditional(block.condition, block.a, block.b, then);
  jump_to(otherwise, next);
}

void Emitter::conditional(Condition condition, Operand a, Operand b, uint32_t target) {
  const unsigned source = b.is_number() ? bpf::kImmediate : bpf::kRegister;
  jump(bpf::kJmp | jump_code(condition) | source, real(a.reg), b.is_number() ? Real{0} : real(b.reg),
       b.is_number() ? b.imm : 0, bpf::kJmp | jump_code(inverse(condition)) | source, target);
}

// A far target:   if a < b goto far      if a >= b goto +1       may_goto +1     goto far
//                                        goto far, 32 bits       goto +1
//                                                                goto far
void Emitter::jump(unsigned code, Real a, Real b, int64_t imm, unsigned inverse, uint32_t target) {
  const bool is_far = jumps_.size() < far_.size() && far_[jumps_.size()];
  if (is_far && code == bpf::kMayGoto) {
    raw(bpf::kMayGoto, 0, 0, 1, 0);
    raw(bpf::kJmp | bpf::kJa, 0, 0, 1, 0);
  } else if (is_far && code != (bpf::kJmp | bpf::kJa)) {
    raw(inverse, a, b, 1, imm);
  }
  jumps_.emplace_back(static_cast<uint32_t>(code_.insns.size()), target);
  if (is_far) {
    raw(bpf::kLongJump, 0, 0, 0, 0);
  } else {
    raw(code, a, b, 0, imm);
  }
}

void Emitter::raw(unsigned code, unsigned dst, unsigned src, int32_t off, int64_t imm) {
  Insn insn;
  insn.code = static_cast<uint8_t>(code);
  insn.dst = dst & 15u;
  insn.src = src & 15u;
  insn.off = static_cast<int16_t>(off);
  insn.imm = static_cast<int32_t>(imm);
  code_.insns.push_back(insn);
}

void Emitter::place(uint32_t file, uint32_t line) {
  const bool begin = code_.lines.empty();
  if (!begin && (line == 0 || (file == file_ && line == line_))) return;
  file_ = file;
  line_ = line;
  const auto insn = static_cast<uint32_t>(code_.insns.size());
  if (!begin && code_.lines.back().insn == insn) code_.lines.pop_back();
  code_.lines.push_back({insn, file, line});
}

void Emitter::mov(Real dst, Real src) {
  if (dst != src) raw(bpf::kAlu64 | bpf::kMov | bpf::kRegister, dst, src, 0, 0);
}

void Emitter::mov_number(Real dst, int64_t number) {
  if (number >= INT32_MIN && number <= INT32_MAX) {
    raw(bpf::kAlu64 | bpf::kMov | bpf::kImmediate, dst, 0, 0, number);
  } else if (number >= 0 && number <= UINT32_MAX) {
    raw(bpf::kAlu32 | bpf::kMov | bpf::kImmediate, dst, 0, 0, static_cast<int32_t>(number));
  } else {
    raw(bpf::kLd | bpf::kImm | bpf::kDouble, dst, 0, 0, static_cast<int32_t>(number));
    raw(0, 0, 0, 0, static_cast<int32_t>(number >> 32));
  }
}

void Emitter::alu(unsigned op, Real dst, Real src) {
  raw(bpf::kAlu64 | op | bpf::kRegister, dst, src, 0, 0);
}

void Emitter::alu_number(unsigned op, Real dst, int64_t number) {
  raw(bpf::kAlu64 | op | bpf::kImmediate, dst, 0, 0, number);
}

void Emitter::load(unsigned bytes, Real dst, Real base, int32_t off) {
  raw(bpf::kLdx | bpf::kMem | size_code(bytes), dst, base, off, 0);
}

void Emitter::store(unsigned bytes, Real base, int32_t off, Real src) {
  raw(bpf::kStx | bpf::kMem | size_code(bytes), base, src, off, 0);
}

void Emitter::store_number(unsigned bytes, Real base, int32_t off, int64_t number) {
  raw(bpf::kSt | bpf::kMem | size_code(bytes), base, 0, off, number);
}

void Emitter::load_address(Real dst, Relocation::Kind kind, uint32_t index) {
  code_.relocations.push_back({static_cast<uint32_t>(code_.insns.size()), kind, index});
  raw(bpf::kLd | bpf::kImm | bpf::kDouble, dst, 0, 0, 0);
  raw(0, 0, 0, 0, 0);
}

int32_t Emitter::cell(int32_t number) const {
  return static_cast<int32_t>(PL_SPILL) + 8 * number;
}

int32_t Emitter::stack_cell(int32_t number) {
  const int32_t off = -24 - 8 * number;
  deepest_ = std::max(deepest_, -off);
  return off;
}

Result<Code> emit(const LowFunction& function, const Allocation& allocation) {
  // What makes room for one far jump may push another beyond its reach; in the end all are far.
  std::vector<bool> far;
  while (true) {
    Emitter emitter(function, allocation, std::move(far));
    Result<Code> code = emitter.run();
    if (!code || !emitter.found_more_far()) return code;
    far = emitter.far();
  }
}

}  // namespace perilune::ir
