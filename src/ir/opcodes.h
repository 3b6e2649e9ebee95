// The numbers of BPF's instruction set, as RFC 9669 names their parts, and of the kernel's helpers that generated code
// calls.
// Reference: RFC 9669 (also the kernel's Documentation/bpf/standardization/instruction-set.rst),
// include/uapi/linux/bpf.h.
#pragma once

#include <cstdint>

namespace perilune::ir::bpf {

// Low three bits of Insn::code: the class.
inline constexpr uint8_t kClassMask = 0x07;
inline constexpr uint8_t kLd = 0x00, kLdx = 0x01, kSt = 0x02, kStx = 0x03, kAlu32 = 0x04, kJmp = 0x05, kJmp32 = 0x06,
                         kAlu64 = 0x07;

// Bit 3 of arithmetic and jumps: where the second operand is.
inline constexpr uint8_t kImmediate = 0x00, kRegister = 0x08;

// High four bits of arithmetic.
inline constexpr uint8_t kOperationMask = 0xf0;
inline constexpr uint8_t kAdd = 0x00, kSub = 0x10, kMul = 0x20, kDiv = 0x30, kOr = 0x40, kAnd = 0x50, kLsh = 0x60,
                         kRsh = 0x70, kNeg = 0x80, kMod = 0x90, kXor = 0xa0, kMov = 0xb0, kArsh = 0xc0, kEnd = 0xd0;

// High four bits of jumps. kCond with kJmp and an immediate 0 is may_goto.
inline constexpr uint8_t kJa = 0x00, kJeq = 0x10, kJgt = 0x20, kJge = 0x30, kJset = 0x40, kJne = 0x50, kJsgt = 0x60,
                         kJsge = 0x70, kCall = 0x80, kExit = 0x90, kJlt = 0xa0, kJle = 0xb0, kJslt = 0xc0, kJsle = 0xd0,
                         kCond = 0xe0;

// Loads and stores: size and mode.
inline constexpr uint8_t kSizeMask = 0x18, kModeMask = 0xe0;
inline constexpr uint8_t kWord = 0x00, kHalf = 0x08, kByte = 0x10, kDouble = 0x18;
inline constexpr uint8_t kImm = 0x00, kMem = 0x60, kMemSigned = 0x80, kAtomic = 0xc0;

// Insn::imm of atomics.
inline constexpr int32_t kFetch = 0x01, kAtomicAdd = 0x00, kAtomicOr = 0x40, kAtomicAnd = 0x50, kAtomicXor = 0xa0,
                         kExchange = 0xe1, kCompareExchange = 0xf1;

inline constexpr uint8_t kLoadImm64 = kLd | kImm | kDouble;  // takes two instructions
inline constexpr uint8_t kMayGoto = kJmp | kCond;
inline constexpr uint8_t kLongJump = kJmp32 | kJa;  // by its immediate
inline constexpr uint8_t kCallHelper = kJmp | kCall;
inline constexpr uint8_t kReturn = kJmp | kExit;

// Source registers that give a kLoadImm64 or a call another meaning.
inline constexpr uint8_t kPseudoMapFd = 1, kPseudoMapValue = 2, kPseudoCall = 1;

namespace helper {
inline constexpr int32_t kMapLookup = 1, kMapUpdate = 2, kMapDelete = 3;
inline constexpr int32_t kTime = 208;    // CLOCK_TAI: the only clock of programs that follows when the time is set
inline constexpr int32_t kRandom = 7;    // 32 bits
inline constexpr int32_t kOutput = 130;  // to a ring buffer
}  // namespace helper

inline constexpr unsigned kFramePointer = 10;
inline constexpr unsigned kStackBytes = 512;

/// Bytes that a load or store of this code moves.
[[nodiscard]] constexpr unsigned size_of(uint8_t code) {
  switch (code & kSizeMask) {
    case kWord:
      return 4;
    case kHalf:
      return 2;
    case kByte:
      return 1;
    default:
      return 8;
  }
}

}  // namespace perilune::ir::bpf
