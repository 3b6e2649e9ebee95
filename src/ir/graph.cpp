#include "ir/graph.h"

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
  // Depth first. What is visited first ends up last: `exhausted`, then `otherwise`; so `then` follows its branch.
  std::vector<std::pair<BlockId, std::vector<BlockId>>> stack;
  std::vector<bool> seen(function.blocks.size());
  const auto enter = [&](BlockId block) {
    seen[block] = true;
    std::vector<BlockId> successors;
    for_each_successor(function.blocks[block], [&](BlockId target) { successors.push_back(target); });
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
  for (uint32_t i = 0; i < order.size(); ++i)
    number[order[i]] = i;
}

void Graph::find_dominators(const Function& function) {
  dominator[0] = 0;
  const auto leaves_at_head = [&](BlockId from, BlockId to) {
    return function.blocks[from].loop_header && function.blocks[from].exhausted == to;
  };
  const auto common = [this](BlockId a, BlockId b) {
    while (a != b) {
      while (number[a] > number[b])
        a = dominator[a];
      while (number[b] > number[a])
        b = dominator[b];
    }
    return a;
  };
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
      }
    }
  }
  for (size_t i = 1; i < order.size(); ++i)
    children_[dominator[order[i]]].push_back(order[i]);
  uint32_t clock = 1;
  std::vector<std::pair<BlockId, size_t>> stack{{0, 0}};
  entered_[0] = clock++;
  while (!stack.empty()) {
    auto& [block, next] = stack.back();
    if (next < children_[block].size()) {
      const BlockId child = children_[block][next++];
      entered_[child] = clock++;
      stack.emplace_back(child, 0);
    } else {
      left_[block] = clock++;
      stack.pop_back();
    }
  }
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
