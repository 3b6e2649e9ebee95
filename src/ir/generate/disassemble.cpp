// BPF code in writing, much as the verifier prints it.
#include <array>
#include <string>

#include <fmt/format.h>

#include "ir/code.h"
#include "ir/generate/passes.h"
#include "ir/opcodes.h"

namespace perilune::ir {
namespace {

constexpr std::array<const char*, 16> kArithmetic = {
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "end", "?", "?"};
constexpr std::array<const char*, 16> kJumps = {
    "goto", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=", "may_goto", "?"};

const char* width(uint8_t code) {
  switch (code & 0x18) {
    case bpf::kByte:
      return "u8";
    case bpf::kHalf:
      return "u16";
    case bpf::kWord:
      return "u32";
    default:
      return "u64";
  }
}

std::string helper_name(int32_t number) {
  switch (number) {
    case bpf::helper::kMapLookup:
      return "map_lookup_elem";
    case bpf::helper::kMapUpdate:
      return "map_update_elem";
    case bpf::helper::kMapDelete:
      return "map_delete_elem";
    case bpf::helper::kTime:
      return "ktime_get_tai_ns";
    case bpf::helper::kRandom:
      return "get_prandom_u32";
    case bpf::helper::kOutput:
      return "ringbuf_output";
    default:
      return "?";
  }
}

std::string arithmetic(const Insn& insn) {
  const char prefix = (insn.code & 7) == bpf::kAlu64 ? 'r' : 'w';
  const unsigned op = insn.code & 0xf0;
  if (op == bpf::kEnd) return fmt::format("r{} = be{} r{}", insn.dst, insn.imm, insn.dst);
  if (op == bpf::kNeg) return fmt::format("{}{} = -{}{}", prefix, insn.dst, prefix, insn.dst);
  const std::string source =
      (insn.code & bpf::kRegister) != 0 ? fmt::format("{}{}", prefix, insn.src) : fmt::format("{}", insn.imm);
  return fmt::format("{}{} {} {}", prefix, insn.dst, kArithmetic[op >> 4], source);
}

std::string jump(const Insn& insn, size_t at) {
  const unsigned op = insn.code & 0xf0;
  const int64_t target = static_cast<int64_t>(at) + 1 + (insn.code == bpf::kLongJump ? insn.imm : insn.off);
  if (op == bpf::kExit) return "exit";
  if (op == bpf::kCall) {
    return insn.src == 0 ? fmt::format("call {}#{}", helper_name(insn.imm), insn.imm)
                         : fmt::format("call pc{:+}", insn.imm);
  }
  if (op == bpf::kJa) return fmt::format("goto {}", target);
  if (op == bpf::kCond) return fmt::format("may_goto {}", target);
  const char prefix = (insn.code & 7) == bpf::kJmp ? 'r' : 'w';
  const std::string right =
      (insn.code & bpf::kRegister) != 0 ? fmt::format("{}{}", prefix, insn.src) : fmt::format("{}", insn.imm);
  return fmt::format("if {}{} {} {} goto {}", prefix, insn.dst, kJumps[op >> 4], right, target);
}

std::string relocation_text(const Relocation& relocation) {
  switch (relocation.kind) {
    case Relocation::Kind::kMemory:
      return fmt::format("memory + {}", relocation.index);
    case Relocation::Kind::kTables:
      return fmt::format("tables + {}", relocation.index);
    case Relocation::Kind::kMap:
      return fmt::format("map {}", relocation.index);
    case Relocation::Kind::kEvents:
      return "events";
    case Relocation::Kind::kPull:
      return "pull";
    case Relocation::Kind::kReplace:
      return "replace_payload";
    case Relocation::Kind::kLookup:
      return fmt::format("look up in map {}", relocation.index);
    case Relocation::Kind::kDivide:
      return "r0 = r1 / r2";
    case Relocation::Kind::kModulo:
      return "r0 = r1 % r2";
    case Relocation::Kind::kSlotMask:
      return "whole slots";
  }
  return "?";
}

std::string place(unsigned base, int16_t off) {
  return fmt::format("r{} {:+}", base, off);
}

std::string instruction(const Code& code, size_t at) {
  const Insn& insn = code.insns[at];
  switch (insn.code & 7) {
    case bpf::kAlu32:
    case bpf::kAlu64:
      return arithmetic(insn);
    case bpf::kJmp:
    case bpf::kJmp32:
      return jump(insn, at);
    case bpf::kLdx:
      return fmt::format("r{} = *({} *)({})", insn.dst, width(insn.code), place(insn.src, insn.off));
    case bpf::kSt:
      return fmt::format("*({} *)({}) = {}", width(insn.code), place(insn.dst, insn.off), insn.imm);
    case bpf::kStx:
      if ((insn.code & 0xe0) == bpf::kAtomic) {
        return fmt::format("r{} = atomic_fetch_add(({} *)({}), r{})", insn.src, width(insn.code),
                           place(insn.dst, insn.off), insn.src);
      }
      return fmt::format("*({} *)({}) = r{}", width(insn.code), place(insn.dst, insn.off), insn.src);
    default:
      break;
  }
  const uint64_t high = at + 1 < code.insns.size() ? static_cast<uint32_t>(code.insns[at + 1].imm) : 0;
  return fmt::format("r{} = {:#x} ll", insn.dst, high << 32 | static_cast<uint32_t>(insn.imm));
}

}  // namespace

std::string disassemble(const Code& code) {
  std::string text;
  size_t line = 0;
  size_t relocation = 0;
  for (size_t at = 0; at < code.insns.size(); ++at) {
    for (; line < code.lines.size() && code.lines[line].insn <= at; ++line) {
      if (code.lines[line].line != 0)
        text += fmt::format("; file {} line {}\n", code.lines[line].file, code.lines[line].line);
    }
    text += fmt::format("{:5}: {}", at, instruction(code, at));
    for (; relocation < code.relocations.size() && code.relocations[relocation].insn <= at; ++relocation) {
      text += fmt::format("  ; {}", relocation_text(code.relocations[relocation]));
    }
    text += '\n';
    if (code.insns[at].code == (bpf::kLd | bpf::kImm | bpf::kDouble)) ++at;
  }
  return text;
}

}  // namespace perilune::ir
