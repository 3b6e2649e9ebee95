// The intermediate form in writing, for people and tests.
#include <array>
#include <string>

#include <fmt/format.h>

#include "ir/form/fold.h"
#include "ir/form/ir.h"

namespace perilune::ir {
namespace {

constexpr std::array kNames = {"const",  "param",   "add",        "sub",        "mul",        "udiv",    "umod",
                               "and",    "or",      "xor",        "shl",        "lshr",       "ashr",    "swap16",
                               "swap32", "swap64",  "launder",    "slot",       "tables",     "offset",  "load8",
                               "load16", "load32",  "load64",     "store8",     "store16",    "store32", "store64",
                               "pull",   "replace", "map_lookup", "map_update", "map_delete", "map_add", "map_store",
                               "ktime",  "random",  "emit"};
static_assert(kNames.size() == static_cast<size_t>(Op::kEmit) + 1);

constexpr std::array kConditions = {"==", "!=", "<", "<=", ">", ">=", "s<", "s<=", "s>", "s>="};

std::string displaced(Value pointer, int32_t disp) {
  if (disp == 0) return fmt::format("[v{}]", pointer);
  return disp < 0 ? fmt::format("[v{} - {}]", pointer, -static_cast<int64_t>(disp))
                  : fmt::format("[v{} + {}]", pointer, disp);
}

std::string to_text(const Edge& edge) {
  std::string text = fmt::format("b{}", edge.target);
  if (edge.arguments.empty()) return text;
  text += '(';
  for (size_t i = 0; i < edge.arguments.size(); ++i)
    text += fmt::format("{}v{}", i == 0 ? "" : ", ", edge.arguments[i]);
  return text + ')';
}

std::string to_text(const Instruction& instruction) {
  const Op op = instruction.op;
  const std::string name = kNames[static_cast<size_t>(op)];
  std::string text = instruction.result == kNoValue ? "" : fmt::format("v{} = ", instruction.result);
  if (op == Op::kConst || op == Op::kTables) return text + fmt::format("{} {}", name, instruction.imm);
  if (is_binary(op)) return text + fmt::format("{} v{}, v{}", name, instruction.a, instruction.b);
  if (op == Op::kOffset) {
    return text + fmt::format("{} v{}, v{} & {:#x}", name, instruction.a, instruction.b, instruction.imm);
  }
  if (is_load(op)) return text + fmt::format("{} {}", name, displaced(instruction.a, instruction.disp));
  if (is_store(op)) {
    return text + fmt::format("{} {}, v{}", name, displaced(instruction.a, instruction.disp), instruction.b);
  }
  switch (op) {
    case Op::kMapLookup:
    case Op::kMapUpdate:
      return text + fmt::format("{} {} key {:#x} value {:#x} {}{}", name, instruction.index, instruction.disp,
                                instruction.disp2, instruction.imm,
                                instruction.kept == 0 ? "" : fmt::format(" kept {}", instruction.kept));
    case Op::kMapStore:
      return text + fmt::format("{} {} kept {} value {:#x} {}", name, instruction.index, instruction.kept,
                                instruction.disp2, instruction.imm);
    case Op::kMapDelete:
      return text + fmt::format("{} {} key {:#x}", name, instruction.index, instruction.disp);
    case Op::kMapAdd:
      return text + fmt::format("{} {} key {:#x} v{} to {} bytes at {}", name, instruction.index, instruction.disp,
                                instruction.a, instruction.imm, instruction.disp2);
    case Op::kEmit:
      return text + fmt::format("{} {:#x} length v{}", name, instruction.disp, instruction.a);
    default:
      return instruction.a == kNoValue ? text + name : text + fmt::format("{} v{}", name, instruction.a);
  }
}

std::string to_text(const Terminator& terminator) {
  switch (terminator.kind) {
    case Terminator::Kind::kJump:
      return "jump " + to_text(terminator.then);
    case Terminator::Kind::kBranch:
      return fmt::format("branch v{} {} v{} then {} else {}", terminator.a,
                         kConditions[static_cast<size_t>(terminator.condition)], terminator.b, to_text(terminator.then),
                         to_text(terminator.otherwise));
    case Terminator::Kind::kReturn:
      return fmt::format("return v{}", terminator.a);
    case Terminator::Kind::kNone:
      break;
  }
  return "no terminator";
}

}  // namespace

std::string to_text(const Function& function) {
  std::string text;
  for (size_t i = 0; i < function.blocks.size(); ++i) {
    const Block& block = function.blocks[i];
    text += fmt::format("b{}", i);
    for (size_t k = 0; k < block.parameters.size(); ++k) {
      text += fmt::format("{}v{}", k == 0 ? "(" : ", ", block.parameters[k]);
    }
    if (!block.parameters.empty()) text += ')';
    if (block.loop_header) text += fmt::format(" loop, exhausted b{}", block.exhausted);
    if (block.unlikely) text += " unlikely";
    text += ":\n";
    for (const Instruction& instruction : block.instructions)
      text += "  " + to_text(instruction) + "\n";
    text += "  " + to_text(block.terminator) + "\n";
  }
  return text;
}

}  // namespace perilune::ir
