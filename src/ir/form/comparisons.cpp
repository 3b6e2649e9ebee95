#include "ir/form/comparisons.h"

#include "ir/form/fold.h"

namespace perilune::ir {
namespace {

constexpr uint32_t kOften = 4;  // comparisons of a value
constexpr uint32_t kMany = 64;  // comparisons of such values in a function

class Analysis {
 public:
  Analysis(const Function& function, const Graph& graph)
      : function_(function),
        graph_(graph),
        definitions_(function.values),
        comparisons_(function.values),
        highest_(function.blocks.size()),
        depth_(function.blocks.size()) {}

  std::vector<bool> run() {
    for (const BlockId id : graph_.order)
      for (const Instruction& instruction : function_.blocks[id].instructions)
        if (instruction.result != kNoValue) definitions_[instruction.result] = &instruction;
    find_where_regions_lead();
    for (const BlockId id : graph_.order) {
      const Terminator& terminator = function_.blocks[id].terminator;
      if (terminator.kind != Terminator::Kind::kBranch) continue;
      if (!meets_others(terminator.then.target) && !meets_others(terminator.otherwise.target)) continue;
      count(terminator.a);
      count(terminator.b);
    }
    uint32_t many = 0;
    for (const uint32_t comparisons : comparisons_)
      if (comparisons >= kOften) many += comparisons;
    std::vector<bool> often(function_.values);
    for (Value value = 0; many >= kMany && value < function_.values; ++value)
      often[value] = comparisons_[value] >= kOften;
    return often;
  }

 private:
  /// For each block how far up in the dominator tree a jump out of what it dominates leads.
  void find_where_regions_lead() {
    for (const BlockId id : graph_.order)
      if (id != 0) depth_[id] = depth_[graph_.dominator[id]] + 1;
    for (auto id = graph_.order.rbegin(); id != graph_.order.rend(); ++id) {
      uint32_t& highest = highest_[*id];
      highest = depth_[*id];
      for_each_successor(function_.blocks[*id],
                         [&](BlockId target) { highest = std::min(highest, depth_[graph_.dominator[target]]); });
      for (const BlockId child : graph_.children()[*id])
        highest = std::min(highest, highest_[child]);
    }
  }

  /// Does the way that begins with a jump to `target` meet another one?
  [[nodiscard]] bool meets_others(BlockId target) const {
    return graph_.predecessors[target].size() > 1 || highest_[target] < depth_[target];
  }

  void count(Value value) {
    ++comparisons_[value];
    // x + 7: the verifier knows that it is 7 more than x
    while (const Instruction* instruction = definitions_[value]) {
      if (instruction->op != Op::kAdd && instruction->op != Op::kSub) break;
      if (!is_number(instruction->b)) break;
      value = instruction->a;
      ++comparisons_[value];
    }
    if (is_number(value) || (definitions_[value] != nullptr && is_pointer(definitions_[value]->op)))
      comparisons_[value] = 0;
  }

  [[nodiscard]] bool is_number(Value value) const {
    return definitions_[value] != nullptr && definitions_[value]->op == Op::kConst;
  }

  const Function& function_;
  const Graph& graph_;
  std::vector<const Instruction*> definitions_;
  std::vector<uint32_t> comparisons_;  // by value
  std::vector<uint32_t> highest_;      // by block
  std::vector<uint32_t> depth_;        // by block, in the dominator tree
};

}  // namespace

std::vector<bool> values_compared_often(const Function& function, const Graph& graph) {
  return Analysis(function, graph).run();
}

}  // namespace perilune::ir
