// Which values are compared so often that the verifier must not learn from it.
//
// A branch teaches the verifier what its operands are on either way: after `if d == 80` d is 80 on one, after `if d >
// 80` it has other bounds on each. Where the two ways meet again, d is known in two forms, and what can be decided by
// the one and not by the other is walked for both. With n comparisons of d the verifier walks n forms through all that
// follow, n^2 instructions for n lines:
//
//   if d == 80 and s > 1024 then return false end
//   if d == 443 and s > 2048 then return false end      walked with d = 80, and with any other d
//   ...                                                 walked with d = 80, d = 443, any other d
//
// A value that stands in memory and is loaded for each comparison stays unknown: what a branch teaches is said of a
// register that is not read again. Then all ways that meet look the same to the verifier, and a line costs it the same
// whatever stands in front. The price is a load for each comparison. It is paid where it is worth something: values
// with several comparisons whose ways meet again, in functions that have many of those.
//
// The verifier also knows that x and x + 7 belong together: a comparison of one is one of the other.
//
// Linear in the size of the function.
#pragma once

#include <vector>

#include "ir/form/graph.h"
#include "ir/form/ir.h"

namespace perilune::ir {

/// By value: those to be kept in memory.
[[nodiscard]] std::vector<bool> values_compared_often(const Function& function, const Graph& graph);

}  // namespace perilune::ir
