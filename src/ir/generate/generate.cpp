// IR to BPF code: all the steps.
#include <optional>
#include <utility>
#include <vector>

#include "ir/form/fold.h"
#include "ir/generate/low.h"
#include "ir/generate/passes.h"
#include "ir/verifier/loop_values.h"

namespace perilune::ir {
namespace {

/// Branches between two numbers become jumps: code that no path reaches is refused by the kernel.
std::optional<Function> without_known_branches(const Function& function) {
  std::vector<std::optional<int64_t>> numbers(function.values);
  for (const Block& block : function.blocks) {
    for (const Instruction& instruction : block.instructions) {
      if (instruction.op == Op::kConst) numbers[instruction.result] = instruction.imm;
    }
  }
  std::optional<Function> changed;
  for (size_t i = 0; i < function.blocks.size(); ++i) {
    const Terminator& terminator = function.blocks[i].terminator;
    if (terminator.kind != Terminator::Kind::kBranch || !numbers[terminator.a] || !numbers[terminator.b]) continue;
    if (!changed) changed = function;
    Terminator& copy = changed->blocks[i].terminator;
    if (!holds(copy.condition, *numbers[copy.a], *numbers[copy.b])) std::swap(copy.then, copy.otherwise);
    copy.kind = Terminator::Kind::kJump;
    copy.otherwise = {};
  }
  return changed;
}

}  // namespace

Result<Code> generate(const Function& function) {
  std::optional<Function> changed = without_known_branches(function);
  if (!changed) changed = function;
  mark_loop_headers(*changed);
  expose_loop_values(*changed);
  LowFunction low = lower(*changed);
  const Result<Allocation> allocation = allocate(low);
  if (!allocation) return tl::make_unexpected(allocation.error());
  return emit(low, *allocation);
}

}  // namespace perilune::ir
