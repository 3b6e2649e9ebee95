#include "ir/generate/layout.h"

#include <algorithm>
#include <utility>

namespace perilune::ir {
namespace {

constexpr float kRoundsOfALoop = 8;
constexpr float kUnlikely = 1.0F / 64;
constexpr uint32_t kDeepest = 4;  // loops that are counted

}  // namespace

Layout::Layout(const Function& function, const Graph& graph) {
  unlikely.resize(function.blocks.size());
  frequencies.resize(function.blocks.size());
  for (const BlockId block : graph.order) {
    const std::vector<BlockId>& predecessors = graph.predecessors[block];
    // back edges come later in the order and are not asked
    bool all = !predecessors.empty();
    for (const BlockId predecessor : predecessors) {
      if (graph.number[predecessor] < graph.number[block] && !unlikely[predecessor] &&
          !(function.blocks[predecessor].loop_header && function.blocks[predecessor].exhausted == block)) {
        all = false;
      }
    }
    unlikely[block] = block != 0 && (all || function.blocks[block].unlikely);
    float frequency = 1;
    for (uint32_t i = 0; i < std::min(graph.depth[block], kDeepest); ++i)
      frequency *= kRoundsOfALoop;
    frequencies[block] = unlikely[block] ? frequency * kUnlikely : frequency;
  }

  // Of the ways on, those that leave the loop and unlikely ones end up last.
  order = reverse_postorder(function, [&](BlockId block, std::vector<BlockId>& successors) {
    const BlockId loop = graph.loop[block];
    const auto rank = [&](BlockId target) {
      return (unlikely[target] ? 2 : 0) + (loop != Graph::kUnreachable && !graph.in_loop(target, loop) ? 1 : 0);
    };
    std::stable_sort(successors.begin(), successors.end(), [&](BlockId a, BlockId b) { return rank(a) < rank(b); });
  });
  std::stable_partition(order.begin(), order.end(), [this](BlockId block) { return !unlikely[block]; });
}

}  // namespace perilune::ir
