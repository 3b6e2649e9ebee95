// Which values go through memory on a loop's back edge, so that what the verifier knows of them does not wander.
//
// A loop is entered with values of which the verifier knows nothing, so that its first iteration covers all later ones
// (opacity.h). It does so from Linux 6.15 on. Before, the verifier compares every register, needed or not, and what is
// left in them from before the loop differs from what an iteration leaves: then the iterations have to cover each
// other. They do when the bounds of each value can only narrow from iteration to iteration, or start anew. They need
// not when a value's next bounds are its last ones, moved:
//
//   while ... do                        one way gives n <= 254; from then on the other gives n <= 255, <= 256, ...,
//     if c and n < 255 then ... end     each more than before, and the verifier walks every one of them
//     n = n + 1
//   end
//
// Three things come together there: n is computed from itself by arithmetic; something bounds it on the way (a
// comparison with a number, or with a value that has bounds; that value may also lend its bounds: `if byte == n then n
// = byte - 1 end`); and it matters (comes into a comparison, an index, a length), else the verifier gives up what it
// knows of it. Where one is missing nothing is done:
//
//   i = i + 1, compared with nothing,   no bounds: anything plus 1 is anything
//   or with a value without bounds
//   for i = 1, n, while i < 10          one comparison, which stands on every path through the body: each iteration
//                                       does the same to the bounds, and what is done to fewer values gives fewer
//   last = i, n = limit                 moved, not computed: nothing new comes out
//
// Two values of a function are in the same cycle when they are in one strongly connected component of the graph "its
// bounds depend on those of" (Tarjan). Linear in the size of the function.
#pragma once

#include <vector>

#include "ir/form/graph.h"
#include "ir/form/ir.h"
#include "ir/verifier/opacity.h"

namespace perilune::ir {

/// By value; of loop headers' parameters: which of the arguments on the back edges go through memory. A parameter that
/// is handed on as it is never does.
[[nodiscard]] std::vector<Opacity::Parameter> wandering_parameters(const Function& function, const Graph& graph,
                                                                   const Opacity& opacity);

}  // namespace perilune::ir
