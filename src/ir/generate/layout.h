// In which order blocks stand in the code: loops in one piece, what is unlikely at the end.
#pragma once

#include <vector>

#include "ir/form/graph.h"
#include "ir/form/ir.h"

namespace perilune::ir {

struct Layout {
  Layout(const Function& function, const Graph& graph);

  std::vector<BlockId> order;      // the reachable blocks
  std::vector<bool> unlikely;      // by block: marked so, or reached only through such
  std::vector<float> frequencies;  // by block: a guess
};

}  // namespace perilune::ir
