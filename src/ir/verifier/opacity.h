// Of which values the verifier must know nothing, so that it can merge paths.
//
// The verifier walks all paths. Two of them that meet are walked on as one only when what it knows of the registers on
// one is covered by what it knew on the other; it asks so only of registers whose value mattered since (an index, a
// branch it could predict), in loops of all of them. After `x = condition and 1 or 2` it knows x on both paths, and
// not the same: with n such places before x is used, it walks 2^n paths. A value that went through memory is unknown,
// and one path is left. So:
//  * arguments of a loop's header on the way in go through memory (always: in loops the verifier compares exactly);
//  * a constant argument goes through memory when the parameter matters: it reaches an index, a comparison, a call, or
//    stands in a loop;
//  * in functions that have many of them, what is chosen by comparisons, or has bounds by how it was computed, and is
//    compared again goes through memory;
//  * an index outside of loops goes through memory right before its use when it comes from a parameter with bounded
//    arguments, or was compared on the way in a place where both ways lead here.
//
// So a loop's first iteration, in which nothing is known of its values, covers all later ones; unless a register that
// is not needed seems alive to the verifier and holds something else later. It takes our own functions to have five
// arguments; calls of them set all (emit_calls.cpp, bpf/inline_call.cpp). Kernels before 6.15 compare all registers:
// for them see loop_bounds.h.
//
// Linear in the size of the function.
#pragma once

#include <vector>

#include "ir/form/graph.h"
#include "ir/form/ir.h"

namespace perilune::ir {

struct Opacity {
  enum class Parameter : uint8_t {
    kPlain,
    kConstants,  // its constant arguments go through memory
    kAll,        // all arguments do
  };

  /// `in_memory`: values that come from memory for each use.
  Opacity(const Function& function, const Graph& graph, const std::vector<bool>& in_memory);

  std::vector<Parameter> parameters;  // by value; for loop headers it does not speak of the back edges
  std::vector<bool> offsets;          // by a kOffset's result: its index goes through memory
  std::vector<bool> unknown;          // by value: the verifier knows nothing of it anyway
};

}  // namespace perilune::ir
