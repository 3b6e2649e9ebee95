// One walk down the dominator tree: below a header, what the loop uses has the header's name. Cost: the sum of the
// loops' sizes.
#include "ir/verifier/loop_values.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/form/fold.h"
#include "ir/form/graph.h"
#include "ir/simplify/simplify.h"

namespace perilune::ir {
namespace {

class LoopValues {
 public:
  explicit LoopValues(Function& function)
      : function_(function),
        graph_(function),
        home_(function.values, Graph::kUnreachable),
        fixed_(function.values),
        seen_(function.values, Graph::kUnreachable),
        used_(function.blocks.size()),
        extra_(function.blocks.size()) {}

  void run() {
    collect();
    bool any = false;
    for (const BlockId id : graph_.order) {
      for (BlockId loop = graph_.loop[id]; loop != Graph::kUnreachable; loop = graph_.outer[loop]) {
        if (!function_.blocks[loop].loop_header) continue;
        for (const Value value : used_[id]) {
          if (graph_.dominates(loop, home_[value])) continue;
          members_[loop].push_back(value);
          any = true;
        }
      }
    }
    if (!any) return;
    // each value once a loop
    for (auto& [loop, values] : members_) {
      for (const Value value : values) {
        if (seen_[value] == loop) continue;
        seen_[value] = loop;
        extra_[loop].push_back(value);
      }
    }
    walk_dominators(
        graph_, [this](BlockId id) { return enter(id); },
        [this](size_t mark) {
          for (; undo_.size() > mark; undo_.pop_back())
            names_[undo_.back().first] = undo_.back().second;
        });
  }

 private:
  void collect() {
    for (const BlockId id : graph_.order) {
      const Block& block = function_.blocks[id];
      for (const Value parameter : block.parameters)
        home_[parameter] = id;
      for (const Instruction& instruction : block.instructions) {
        if (instruction.result == kNoValue) continue;
        home_[instruction.result] = id;
        fixed_[instruction.result] = instruction.op == Op::kConst || is_pointer(instruction.op);
      }
    }
    for (const BlockId id : graph_.order) {
      if (graph_.depth[id] == 0) continue;
      const auto use = [&](Value value) {
        if (!fixed_[value] && home_[value] != id) used_[id].push_back(value);
      };
      for_each_use(function_.blocks[id], use);
    }
  }

  [[nodiscard]] Value name(Value value) const {
    const auto found = names_.find(value);
    return found == names_.end() ? value : found->second;
  }

  /// How much there was to undo before.
  size_t enter(BlockId id) {
    const size_t mark = undo_.size();
    Block& block = function_.blocks[id];
    for (const Value value : extra_[id]) {
      undo_.emplace_back(value, name(value));
      const Value parameter = function_.values++;
      names_[value] = parameter;
      block.parameters.push_back(parameter);
    }
    const auto rename = [this](Value& value) { value = name(value); };
    for_each_use(block, rename);
    Terminator& terminator = block.terminator;
    const auto extend = [this](Edge& edge) {
      for (const Value value : extra_[edge.target])
        edge.arguments.push_back(name(value));
    };
    if (terminator.kind == Terminator::Kind::kJump || terminator.kind == Terminator::Kind::kBranch) {
      extend(terminator.then);
    }
    if (terminator.kind == Terminator::Kind::kBranch) extend(terminator.otherwise);
    return mark;
  }

  Function& function_;
  const Graph graph_;
  std::vector<BlockId> home_;             // where a value is defined
  std::vector<bool> fixed_;               // constants and pointers
  std::vector<BlockId> seen_;             // by value: the loop it was noted for last
  std::vector<std::vector<Value>> used_;  // by block in a loop: values of other blocks
  std::unordered_map<BlockId, std::vector<Value>> members_;
  std::vector<std::vector<Value>> extra_;   // by header: its new parameters, by their old names
  std::unordered_map<Value, Value> names_;  // below the headers entered
  std::vector<std::pair<Value, Value>> undo_;
};

}  // namespace

void expose_loop_values(Function& function) {
  LoopValues(function).run();
}

}  // namespace perilune::ir
