// Numbers of BPF's instruction set and helpers, as far as the code generator uses them.
// Reference: the kernel's Documentation/bpf/standardization/instruction-set.rst, include/uapi/linux/bpf.h.
#pragma once

#include <cstdint>

namespace perilune::ir::bpf {

// classes
inline constexpr uint8_t kLd = 0x00;
inline constexpr uint8_t kLdx = 0x01;
inline constexpr uint8_t kSt = 0x02;
inline constexpr uint8_t kStx = 0x03;
inline constexpr uint8_t kAlu32 = 0x04;
inline constexpr uint8_t kJmp = 0x05;
inline constexpr uint8_t kJmp32 = 0x06;
inline constexpr uint8_t kAlu64 = 0x07;
// source: an immediate or a register
inline constexpr uint8_t kImm = 0x00;
inline constexpr uint8_t kReg = 0x08;
// arithmetic
inline constexpr uint8_t kAdd = 0x00;
inline constexpr uint8_t kSub = 0x10;
inline constexpr uint8_t kMul = 0x20;
inline constexpr uint8_t kDiv = 0x30;
inline constexpr uint8_t kOr = 0x40;
inline constexpr uint8_t kAnd = 0x50;
inline constexpr uint8_t kLsh = 0x60;
inline constexpr uint8_t kRsh = 0x70;
inline constexpr uint8_t kNeg = 0x80;
inline constexpr uint8_t kMod = 0x90;
inline constexpr uint8_t kXor = 0xa0;
inline constexpr uint8_t kMov = 0xb0;
inline constexpr uint8_t kArsh = 0xc0;
inline constexpr uint8_t kEnd = 0xd0;
// jumps
inline constexpr uint8_t kJa = 0x00;
inline constexpr uint8_t kJeq = 0x10;
inline constexpr uint8_t kJgt = 0x20;
inline constexpr uint8_t kJge = 0x30;
inline constexpr uint8_t kJset = 0x40;
inline constexpr uint8_t kJne = 0x50;
inline constexpr uint8_t kJsgt = 0x60;
inline constexpr uint8_t kJsge = 0x70;
inline constexpr uint8_t kCall = 0x80;
inline constexpr uint8_t kExit = 0x90;
inline constexpr uint8_t kJlt = 0xa0;
inline constexpr uint8_t kJle = 0xb0;
inline constexpr uint8_t kJslt = 0xc0;
inline constexpr uint8_t kJsle = 0xd0;
inline constexpr uint8_t kJcond = 0xe0;  // with source register 0: may_goto
// sizes and modes of memory access
inline constexpr uint8_t kW = 0x00;
inline constexpr uint8_t kH = 0x08;
inline constexpr uint8_t kB = 0x10;
inline constexpr uint8_t kDw = 0x18;
inline constexpr uint8_t kImm64 = 0x00;
inline constexpr uint8_t kMem = 0x60;
inline constexpr uint8_t kAtomic = 0xc0;
inline constexpr int32_t kFetch = 0x01;
// source registers that give a load-immediate or a call another meaning
inline constexpr uint8_t kPseudoMapFd = 1;
inline constexpr uint8_t kPseudoMapValue = 2;
inline constexpr uint8_t kPseudoCall = 1;
// helpers
inline constexpr int32_t kMapLookupElem = 1;
inline constexpr int32_t kMapUpdateElem = 2;
inline constexpr int32_t kMapDeleteElem = 3;
inline constexpr int32_t kKtimeGetNs = 5;
inline constexpr int32_t kGetPrandomU32 = 7;
inline constexpr int32_t kGetSmpProcessorId = 8;
inline constexpr int32_t kRingbufOutput = 130;

}  // namespace perilune::ir::bpf
