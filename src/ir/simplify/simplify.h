// The steps of simplify(). Each leaves a well-formed function and says whether it changed anything.
#pragma once

#include <vector>

#include "ir/form/ir.h"

namespace perilune::ir {

/// Constants, the slot and places in the tables cost nothing where they stand (the allocator computes them where they
/// are used, if need be): all move to the entry, one of each, so that equal ones are one value and blocks that only
/// decide are empty.
bool gather_constants(Function& function);

/// Folds, merges equal computations, drops parameters whose arguments are all the same, decides known branches.
bool simplify_values(Function& function);

/// Drops blocks that cannot be reached, threads jumps through blocks that only decide, joins blocks with their only way
/// in.
bool simplify_blocks(Function& function);

/// Drops values that are not used.
bool drop_dead(Function& function);

/// Moves computations down to the last block before all their uses.
void sink(Function& function);

/// Follows replacements to their end, shortening the way for next time.
[[nodiscard]] inline Value resolved(std::vector<Value>& replacements, Value value) {
  while (replacements[value] != value) {
    replacements[value] = replacements[replacements[value]];
    value = replacements[value];
  }
  return value;
}

/// Calls f(value) for each value an instruction reads; f may change it.
template <typename Instr, typename F>
void for_each_operand(Instr& instruction, F f) {
  if (instruction.a != kNoValue) f(instruction.a);
  if (instruction.b != kNoValue) f(instruction.b);
}
template <typename End, typename F>
void for_each_operand_of_end(End& terminator, F f) {
  if (terminator.kind == Terminator::Kind::kBranch || terminator.kind == Terminator::Kind::kReturn) f(terminator.a);
  if (terminator.kind == Terminator::Kind::kBranch) {
    f(terminator.b);
    for (auto& argument : terminator.otherwise.arguments)
      f(argument);
  }
  if (terminator.kind != Terminator::Kind::kReturn) {
    for (auto& argument : terminator.then.arguments)
      f(argument);
  }
}
/// Likewise for each value that a block's instructions and its end read, in their order.
template <typename AnyBlock, typename F>
void for_each_use(AnyBlock& block, F f) {
  for (auto& instruction : block.instructions)
    for_each_operand(instruction, f);
  for_each_operand_of_end(block.terminator, f);
}

}  // namespace perilune::ir
