// Computations go down to where their results are needed: what only some ways need, the others need not compute.
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "ir/form/graph.h"
#include "ir/simplify/simplify.h"

namespace perilune::ir {
namespace {

class Sinking {
 public:
  explicit Sinking(Function& function)
      : function_(function),
        graph_(function),
        is_slot_(function.values),
        is_free_(function.values),
        users_(function.values) {
    for (const BlockId id : graph_.order) {
      const Block& block = function_.blocks[id];
      for (const Instruction& instruction : block.instructions)
        note(instruction);
      for_each_use(block, [&](Value value) { users_[value].push_back(id); });
    }
  }

  void run() {
    // From the last to the first: what uses a value has gone down before it.
    for (auto id = graph_.order.rbegin(); id != graph_.order.rend(); ++id) {
      std::vector<Instruction>& instructions = function_.blocks[*id].instructions;
      for (size_t i = instructions.size(); i-- > 0;) {
        const Instruction instruction = instructions[i];
        if (!may_move(instruction)) continue;
        const BlockId place = place_for(instruction.result, *id);
        if (place == *id || lengthens(instruction, *id, place)) continue;
        instructions.erase(instructions.begin() + static_cast<std::ptrdiff_t>(i));
        std::vector<Instruction>& there = function_.blocks[place].instructions;
        there.insert(there.begin(), instruction);
        for_each_operand(instruction, [&](Value value) { *std::ranges::find(users_[value], *id) = place; });
      }
    }
  }

 private:
  void note(const Instruction& instruction) {
    const Op op = instruction.op;
    if (op == Op::kSlot) is_slot_[instruction.result] = true;
    if (op == Op::kSlot || op == Op::kConst || op == Op::kTables) is_free_[instruction.result] = true;
  }

  [[nodiscard]] bool may_move(const Instruction& instruction) const {
    if (instruction.op >= Op::kAdd && instruction.op <= Op::kSwap64) return true;
    return instruction.op == Op::kLoad32 && is_slot_[instruction.a] && function_.is_steady(instruction.disp);
  }

  /// The last block before all uses, in no loop that the definition is not in.
  [[nodiscard]] BlockId place_for(Value value, BlockId home) const {
    const std::vector<BlockId>& users = users_[value];
    if (users.empty()) return home;
    BlockId place = users[0];
    for (const BlockId user : users)
      place = common(place, user);
    while (place != home && graph_.loop[place] != graph_.loop[home])
      place = graph_.dominator[place];
    return graph_.dominates(home, place) ? place : home;
  }

  /// Would more values have to be kept on the way down than before? A sum of many terms would otherwise be added up at
  /// its use, with all terms kept until then.
  [[nodiscard]] bool lengthens(const Instruction& instruction, BlockId home, BlockId place) const {
    int longer = 0;
    for_each_operand(instruction, [&](Value value) {
      if (is_free_[value]) return;
      bool own = false;  // the use that would move
      for (const BlockId user : users_[value]) {
        if (user == home && !std::exchange(own, true)) continue;
        if (graph_.dominates(place, user)) return;
      }
      ++longer;
    });
    return longer > 1;
  }

  [[nodiscard]] BlockId common(BlockId a, BlockId b) const {
    while (!graph_.dominates(a, b))
      a = graph_.dominator[a];
    return a;
  }

  Function& function_;
  Graph graph_;
  std::vector<bool> is_slot_;
  std::vector<bool> is_free_;                // needs no register
  std::vector<std::vector<BlockId>> users_;  // a block for each use
};

}  // namespace

void sink(Function& function) {
  Sinking(function).run();
}

}  // namespace perilune::ir
