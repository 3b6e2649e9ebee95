// The optimiser's frame, and its two simplest steps.
#include "ir/simplify/simplify.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "ir/form/fold.h"
#include "ir/generate/passes.h"

namespace perilune::ir {
namespace {

constexpr int kMostRounds = 6;

}  // namespace

void simplify(Function& function) {
  simplify_blocks(function);
  for (int round = 0; round < kMostRounds; ++round) {
    bool changed = gather_constants(function);
    changed |= simplify_values(function);
    changed |= drop_dead(function);
    changed |= simplify_blocks(function);
    if (!changed) break;
  }
  sink(function);
}

bool gather_constants(Function& function) {
  std::map<std::pair<Op, int64_t>, Value> known;
  std::vector<Value> replacements(function.values);
  for (Value value = 0; value < function.values; ++value)
    replacements[value] = value;
  std::vector<Instruction> gathered;
  bool changed = false;
  for (size_t i = 0; i < function.blocks.size(); ++i) {
    std::vector<Instruction>& instructions = function.blocks[i].instructions;
    size_t kept = 0;
    for (size_t k = 0; k < instructions.size(); ++k) {
      Instruction& instruction = instructions[k];
      if (instruction.op != Op::kConst && instruction.op != Op::kSlot && instruction.op != Op::kTables) {
        instructions[kept++] = instruction;
        continue;
      }
      const auto [found, fresh] = known.try_emplace({instruction.op, instruction.imm}, instruction.result);
      changed |= i != 0 || !fresh;
      replacements[instruction.result] = found->second;
      if (!fresh) continue;
      instruction.line = 0;
      gathered.push_back(instruction);
    }
    instructions.resize(kept);
  }
  std::vector<Instruction>& entry = function.blocks[0].instructions;
  entry.insert(entry.begin(), gathered.begin(), gathered.end());
  if (!changed) return false;
  const auto replace = [&](Value& value) { value = replacements[value]; };
  for (Block& block : function.blocks)
    for_each_use(block, replace);
  return true;
}

namespace {

class DeadCode {
 public:
  explicit DeadCode(Function& function)
      : function_(function), needed_(function.values), definitions_(function.values), arguments_(function.values) {}

  bool run() {
    for (Block& block : function_.blocks)
      collect(block);
    while (!work_.empty()) {
      const Value value = work_.back();
      work_.pop_back();
      if (const Instruction* instruction = definitions_[value]) for_each_operand(*instruction, need_);
      for (const Value argument : arguments_[value])
        need(argument);
    }
    bool changed = false;
    for (Block& block : function_.blocks) {
      changed |= std::erase_if(block.instructions, [this](const Instruction& instruction) {
                   return is_droppable(instruction.op) && !needed_[instruction.result];
                 }) != 0;
      drop_arguments(block.terminator.then);
      drop_arguments(block.terminator.otherwise);
    }
    for (Block& block : function_.blocks) {
      changed |= std::erase_if(block.parameters, [this](Value parameter) { return !needed_[parameter]; }) != 0;
    }
    return changed;
  }

 private:
  void need(Value value) {
    if (needed_[value]) return;
    needed_[value] = true;
    work_.push_back(value);
  }

  void collect(const Block& block) {
    for (const Instruction& instruction : block.instructions) {
      if (instruction.result != kNoValue) definitions_[instruction.result] = &instruction;
      if (is_droppable(instruction.op)) continue;
      for_each_operand(instruction, need_);
    }
    const Terminator& terminator = block.terminator;
    if (terminator.kind == Terminator::Kind::kBranch || terminator.kind == Terminator::Kind::kReturn)
      need(terminator.a);
    if (terminator.kind == Terminator::Kind::kBranch) {
      need(terminator.b);
      collect(terminator.otherwise);
    }
    if (terminator.kind != Terminator::Kind::kReturn) collect(terminator.then);
  }

  void collect(const Edge& edge) {
    const std::vector<Value>& parameters = function_.blocks[edge.target].parameters;
    for (size_t i = 0; i < edge.arguments.size(); ++i)
      arguments_[parameters[i]].push_back(edge.arguments[i]);
  }

  void drop_arguments(Edge& edge) {
    if (edge.arguments.empty()) return;
    const std::vector<Value>& parameters = function_.blocks[edge.target].parameters;
    size_t kept = 0;
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (needed_[parameters[i]]) edge.arguments[kept++] = edge.arguments[i];
    }
    edge.arguments.resize(kept);
  }

  Function& function_;
  std::vector<bool> needed_;
  std::vector<const Instruction*> definitions_;
  std::vector<std::vector<Value>> arguments_;  // of parameters
  std::vector<Value> work_;
  struct Needer {
    DeadCode* self;
    void operator()(Value value) const { self->need(value); }
  } need_{this};
};

}  // namespace

bool drop_dead(Function& function) {
  return DeadCode(function).run();
}

}  // namespace perilune::ir
