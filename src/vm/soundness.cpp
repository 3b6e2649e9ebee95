#include "vm/soundness.h"

#include <vector>

#include <fmt/format.h>

#include "ir/opcodes.h"
#include "vm/helpers.h"

namespace perilune::vm {
namespace {

using namespace ir::bpf;
using ir::Insn;

constexpr const char* kUnknown = "unknown instruction";
constexpr const char* kWritesFrame = "writes to r10";

// An empty text: nothing is wrong.
const char* wrong_arithmetic(const Insn& insn) {
  const uint8_t operation = insn.code & kOperationMask;
  const bool wide = (insn.code & kClassMask) == kAlu64;
  const bool from_register = (insn.code & kRegister) != 0;
  if (insn.dst == kFramePointer) return kWritesFrame;
  switch (operation) {
    case kAdd:
    case kSub:
    case kMul:
    case kOr:
    case kAnd:
    case kLsh:
    case kRsh:
    case kXor:
    case kArsh:
      return insn.off == 0 ? "" : kUnknown;
    case kDiv:
    case kMod:
      return insn.off == 0 || insn.off == 1 ? "" : kUnknown;
    case kNeg:
      return !from_register && insn.off == 0 ? "" : kUnknown;
    case kMov:
      if (insn.off == 0) return "";
      return from_register && (insn.off == 8 || insn.off == 16 || (wide && insn.off == 32)) ? "" : kUnknown;
    case kEnd:
      if (wide && from_register) return kUnknown;
      return insn.off == 0 && (insn.imm == 16 || insn.imm == 32 || insn.imm == 64) ? "" : kUnknown;
    default:
      return kUnknown;
  }
}

const char* wrong_atomic(const Insn& insn) {
  const unsigned size = size_of(insn.code);
  if (size < 4) return kUnknown;
  switch (insn.imm) {
    case kAtomicAdd:
    case kAtomicOr:
    case kAtomicAnd:
    case kAtomicXor:
    case kCompareExchange:
      return "";
    case kAtomicAdd | kFetch:
    case kAtomicOr | kFetch:
    case kAtomicAnd | kFetch:
    case kAtomicXor | kFetch:
    case kExchange:
      return insn.src == kFramePointer ? kWritesFrame : "";
    default:
      return kUnknown;
  }
}

const char* wrong_memory(const Insn& insn) {
  const uint8_t mode = insn.code & kModeMask;
  switch (insn.code & kClassMask) {
    case kLdx:
      if (mode != kMem && (mode != kMemSigned || size_of(insn.code) == 8)) return kUnknown;
      return insn.dst == kFramePointer ? kWritesFrame : "";
    case kSt:
      return mode == kMem ? "" : kUnknown;
    default:  // kStx
      if (mode == kAtomic) return wrong_atomic(insn);
      return mode == kMem ? "" : kUnknown;
  }
}

class Check {
 public:
  explicit Check(std::span<const Insn> code) : code_(code), second_half_(code.size(), false) {}

  std::string run() {
    if (code_.empty()) return "no code";
    for (size_t i = 0; i < code_.size(); ++i) {
      if (code_[i].code != kLoadImm64) continue;
      if (i + 1 == code_.size() || code_[i + 1].code != 0) return at(i, "half a load of 64 bits");
      second_half_[++i] = true;
    }
    for (size_t i = 0; i < code_.size(); ++i) {
      if (second_half_[i]) continue;
      if (const char* problem = wrong(i); *problem != '\0') return at(i, problem);
    }
    const Insn& last = code_.back();
    const bool jumps = last.code == (kJmp | kJa) || last.code == (kJmp32 | kJa);
    if (second_half_.back() || (last.code != kReturn && !jumps)) return at(code_.size() - 1, "the end can be run past");
    return {};
  }

 private:
  [[nodiscard]] std::string at(size_t index, std::string_view problem) const {
    const Insn& insn = code_[index];
    return fmt::format("instruction {}: {} (code {:#04x}, dst r{}, src r{}, off {}, imm {})", index, problem, insn.code,
                       unsigned{insn.dst}, unsigned{insn.src}, insn.off, insn.imm);
  }

  [[nodiscard]] const char* wrong(size_t index) const {
    const Insn& insn = code_[index];
    if (insn.dst > kFramePointer || insn.src > kFramePointer) return "no such register";
    switch (insn.code & kClassMask) {
      case kAlu32:
      case kAlu64:
        return wrong_arithmetic(insn);
      case kJmp:
      case kJmp32:
        return wrong_jump(index);
      case kLd:
        if (insn.code != kLoadImm64) return kUnknown;
        if (insn.src != 0) return "an address that has not been put in";
        return insn.dst == kFramePointer ? kWritesFrame : "";
      default:
        return wrong_memory(insn);
    }
  }

  [[nodiscard]] const char* wrong_jump(size_t index) const {
    const Insn& insn = code_[index];
    const bool wide = (insn.code & kClassMask) == kJmp;
    const bool from_register = (insn.code & kRegister) != 0;
    switch (insn.code & kOperationMask) {
      case kExit:
        return insn.code == kReturn ? "" : kUnknown;
      case kCall:
        if (insn.code != kCallHelper || insn.src != 0) return kUnknown;
        return find_helper(insn.imm) == nullptr ? "no such helper" : "";
      case kJa:
        if (from_register) return kUnknown;
        return wrong_target(index, wide ? insn.off : insn.imm);
      case kCond:
        if (insn.code != kMayGoto || insn.imm != 0) return kUnknown;
        return wrong_target(index, insn.off);
      case 0xf0:
        return kUnknown;
      default:
        return wrong_target(index, insn.off);
    }
  }

  [[nodiscard]] const char* wrong_target(size_t index, int64_t distance) const {
    const int64_t target = static_cast<int64_t>(index) + 1 + distance;
    if (target < 0 || target >= static_cast<int64_t>(code_.size()) || second_half_[static_cast<size_t>(target)]) {
      return "jumps to no instruction";
    }
    return "";
  }

  std::span<const Insn> code_;
  std::vector<bool> second_half_;
};

}  // namespace

std::string unsound(std::span<const Insn> code) {
  return Check(code).run();
}

}  // namespace perilune::vm
