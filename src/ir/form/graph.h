// The shape of a function's control flow: order, predecessors, dominators, loops.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "ir/form/ir.h"

namespace perilune::ir {

/// Calls f(target) for each way out of a block; twice when both edges of a branch lead to the same block.
template <typename F>
void for_each_successor(const Block& block, F f) {
  const Terminator& terminator = block.terminator;
  if (terminator.kind == Terminator::Kind::kJump || terminator.kind == Terminator::Kind::kBranch) {
    f(terminator.then.target);
  }
  if (terminator.kind == Terminator::Kind::kBranch) f(terminator.otherwise.target);
  if (block.loop_header) f(block.exhausted);
}

/// Linear in the size of the function (dominators by Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm").
struct Graph {
  static constexpr uint32_t kUnreachable = std::numeric_limits<uint32_t>::max();

  explicit Graph(const Function& function);

  std::vector<BlockId> order;    // reachable blocks in reverse postorder, loops in one piece where that can be
  std::vector<uint32_t> number;  // of a block in `order`, or kUnreachable
  std::vector<std::vector<BlockId>> predecessors;  // reachable ones, one for each edge
  /// Immediate; the entry's is itself. A header does not dominate its `exhausted`, which is reached before anything in
  /// the header is computed.
  std::vector<BlockId> dominator;
  std::vector<uint32_t> depth;  // number of loops around a block
  std::vector<BlockId> loop;   // header of the innermost loop around a block (or that begins there); kUnreachable: none
  std::vector<BlockId> outer;  // of a loop's header: the header of the loop around that loop, or kUnreachable

  [[nodiscard]] bool reachable(BlockId block) const { return number[block] != kUnreachable; }
  /// Does every path to b lead through a? Both reachable.
  [[nodiscard]] bool dominates(BlockId a, BlockId b) const {
    return entered_[a] <= entered_[b] && left_[b] <= left_[a];
  }
  /// Is a block in the loop that begins at `header`?
  [[nodiscard]] bool in_loop(BlockId block, BlockId header) const {
    for (BlockId at = loop[block]; at != kUnreachable; at = outer[at]) {
      if (at == header) return true;
    }
    return false;
  }
  /// Children in the dominator tree.
  [[nodiscard]] const std::vector<std::vector<BlockId>>& children() const { return children_; }

 private:
  void find_order(const Function& function);
  void find_dominators(const Function& function);
  void find_loops();

  std::vector<std::vector<BlockId>> children_;
  std::vector<uint32_t> entered_;
  std::vector<uint32_t> left_;
};

/// Down the dominator tree: mark = enter(block), then everything that the block dominates, then leave(mark). What holds
/// below a block and nowhere else is noted when it is entered and taken back when it is left.
template <typename Enter, typename Leave>
void walk_dominators(const Graph& graph, Enter enter, Leave leave) {
  struct Frame {
    BlockId block = 0;
    size_t next = 0;  // child
    size_t mark = 0;
  };
  std::vector<Frame> stack;
  stack.push_back({0, 0, enter(BlockId{0})});
  while (!stack.empty()) {
    Frame& frame = stack.back();
    const std::vector<BlockId>& children = graph.children()[frame.block];
    if (frame.next < children.size()) {
      const BlockId child = children[frame.next++];
      stack.push_back({child, 0, enter(child)});
    } else {
      leave(frame.mark);
      stack.pop_back();
    }
  }
}

/// The reachable blocks, each before those that only it leads to: reverse postorder. The ways on from a block are
/// visited from the last of `successors` to the first, and what is visited first ends up last; arrange(block,
/// successors) may put them in another order.
template <typename Arrange>
[[nodiscard]] std::vector<BlockId> reverse_postorder(const Function& function, Arrange arrange) {
  std::vector<BlockId> order;
  std::vector<std::pair<BlockId, std::vector<BlockId>>> stack;
  std::vector<bool> seen(function.blocks.size());
  const auto enter = [&](BlockId block) {
    seen[block] = true;
    std::vector<BlockId> successors;
    for_each_successor(function.blocks[block], [&](BlockId target) { successors.push_back(target); });
    arrange(block, successors);
    stack.emplace_back(block, std::move(successors));
  };
  enter(0);
  while (!stack.empty()) {
    std::vector<BlockId>& successors = stack.back().second;
    if (successors.empty()) {
      order.push_back(stack.back().first);
      stack.pop_back();
      continue;
    }
    const BlockId next = successors.back();
    successors.pop_back();
    if (!seen[next]) enter(next);
  }
  std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace perilune::ir
