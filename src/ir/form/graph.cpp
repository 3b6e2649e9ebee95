#include "ir/form/graph.h"

#include <algorithm>
#include <utility>

namespace perilune::ir {

Graph::Graph(const Function& function) {
  const size_t count = function.blocks.size();
  number.assign(count, kUnreachable);
  predecessors.resize(count);
  dominator.assign(count, kUnreachable);
  depth.assign(count, 0);
  loop.assign(count, kUnreachable);
  outer.assign(count, kUnreachable);
  children_.resize(count);
  entered_.assign(count, 0);
  left_.assign(count, 0);
  if (count == 0) return;
  find_order(function);
  for (const BlockId block : order) {
    for_each_successor(function.blocks[block], [&](BlockId target) { predecessors[target].push_back(block); });
  }
  find_dominators(function);
  find_loops();
}

void Graph::find_order(const Function& function) {
  // As they come: `exhausted` last, before it `otherwise`; so `then` follows its branch.
  order = reverse_postorder(function, [](BlockId, std::vector<BlockId>&) {});
  for (uint32_t i = 0; i < order.size(); ++i)
    number[order[i]] = i;
}

void Graph::find_dominators(const Function& function) {
  dominator[0] = 0;
  const auto leaves_at_head = [&](BlockId from, BlockId to) {
    return function.blocks[from].loop_header && function.blocks[from].exhausted == to;
  };
  // Of each block, one farther up the tree, so that a long way up takes few steps (Myers: "An Applicative Random-Access
  // Stack"). In the first iteration what is above a block is settled before the block; should that change later, it is
  // step by step.
  std::vector<BlockId> farther(number.size(), 0);
  std::vector<uint32_t> level(number.size(), 0);
  bool strides = true;
  const auto common = [&](BlockId a, BlockId b) {
    while (a != b) {
      if (number[a] < number[b]) std::swap(a, b);
      a = strides && number[farther[a]] >= number[b] ? farther[a] : dominator[a];
    }
    return a;
  };
  bool first = true;
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t i = 1; i < order.size(); ++i) {
      const BlockId block = order[i];
      BlockId best = kUnreachable;
      for (const BlockId predecessor : predecessors[block]) {
        if (dominator[predecessor] == kUnreachable) continue;
        // A loop is left to `exhausted` before its header's instructions.
        const BlockId from = leaves_at_head(predecessor, block) ? dominator[predecessor] : predecessor;
        best = best == kUnreachable ? from : common(best, from);
      }
      if (dominator[block] != best) {
        dominator[block] = best;
        changed = true;
        strides = strides && first;
        const BlockId above = farther[best];
        const bool equal = level[best] - level[above] == level[above] - level[farther[above]];
        farther[block] = equal ? farther[above] : best;
        level[block] = level[best] + 1;
      }
    }
    first = false;
  }
  for (size_t i = 1; i < order.size(); ++i)
    children_[dominator[order[i]]].push_back(order[i]);
  uint32_t clock = 1;
  walk_dominators(
      *this,
      [&](BlockId block) {
        entered_[block] = clock++;
        return size_t{block};
      },
      [&](size_t block) { left_[block] = clock++; });
}

void Graph::find_loops() {
  // Headers in order, so that an inner loop overwrites what the outer one said.
  std::vector<BlockId> seen(number.size(), kUnreachable);
  std::vector<BlockId> work;
  for (const BlockId header : order) {
    work.clear();
    for (const BlockId predecessor : predecessors[header]) {
      if (dominates(header, predecessor)) work.push_back(predecessor);
    }
    if (work.empty()) continue;
    seen[header] = header;
    ++depth[header];
    outer[header] = loop[header];
    loop[header] = header;
    while (!work.empty()) {
      const BlockId block = work.back();
      work.pop_back();
      if (seen[block] == header) continue;
      seen[block] = header;
      ++depth[block];
      loop[block] = header;
      for (const BlockId predecessor : predecessors[block])
        work.push_back(predecessor);
    }
  }
}

}  // namespace perilune::ir
