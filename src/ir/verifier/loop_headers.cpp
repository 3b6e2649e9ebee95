// Every cycle has an edge against the order of the blocks (a depth-first one): the blocks such edges lead to are where
// loops come back to, in whatever graph.
#include <vector>

#include "ir/form/graph.h"
#include "ir/verifier/loop_values.h"

namespace perilune::ir {

void mark_loop_headers(Function& function) {
  const Graph graph(function);
  std::vector<bool> comes_back(function.blocks.size());
  bool right = true;
  for (const BlockId id : graph.order) {
    for (const BlockId predecessor : graph.predecessors[id]) {
      if (graph.number[predecessor] >= graph.number[id]) comes_back[id] = true;
    }
    right = right && comes_back[id] == function.blocks[id].loop_header;
  }
  if (right) return;
  // Where to go when the kernel's patience ends: as the marked block of the same loop says, else as the nearest does.
  std::vector<BlockId> exits(function.blocks.size(), Graph::kUnreachable);
  BlockId nearest = Graph::kUnreachable;
  for (const BlockId id : graph.order) {
    if (!function.blocks[id].loop_header) continue;
    if (nearest == Graph::kUnreachable) nearest = function.blocks[id].exhausted;
    for (BlockId loop = graph.loop[id]; loop != Graph::kUnreachable; loop = graph.outer[loop]) {
      if (exits[loop] == Graph::kUnreachable) exits[loop] = function.blocks[id].exhausted;
    }
  }
  for (const BlockId id : graph.order) {
    Block& block = function.blocks[id];
    if (block.loop_header) nearest = block.exhausted;
    if (comes_back[id] && !block.loop_header) {
      const BlockId exit = exits[id] != Graph::kUnreachable ? exits[id] : nearest;
      if (exit == Graph::kUnreachable) continue;
      block.loop_header = true;
      block.exhausted = exit;
    } else if (!comes_back[id]) {
      block.loop_header = false;
    }
  }
}

}  // namespace perilune::ir
