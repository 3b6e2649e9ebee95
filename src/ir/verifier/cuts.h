// Long functions in pieces.
//
// The verifier walks one way to its end before it turns to the others, and keeps in mind each branch that it came by:
// at most 8,192 of them ("the sequence of 8193 jumps is too complex"). A long row of conditions has more, however few
// instructions there are to look at.
//
// So a long function becomes a loop that does one piece in each iteration:
//
//   next = 0
//   again: may_goto spent                    at a second arrival the verifier finds the state it knows, and ends this
//          if next == 1 goto piece 1         way: what it keeps in mind is a piece's branches
//          if next == 2 goto piece 2
//   piece 0 ...
//          save the registers, next = 1, goto again
//   piece 1: the registers again ...
//
// A piece begins at a block outside of loops, where no pointer is kept but the slot's, and addresses of tables, which
// are loaded again: scalars are in the slot's memory, which may be read whatever way led there, a pointer on the stack
// may not.
//
// Every may_goto costs the kernel more than that. It writes each of them out into several instructions after it has
// verified the program, and each time moves all that follows and corrects every jump: n loops in n lines are n^2 work,
// six seconds for 2,000 lines that search a text. So where that product is large, loops have no may_goto of their own:
// their heads begin a piece, and each iteration comes by the one at `again`. That is about 30 instructions more for an
// iteration, so as many loops as the kernel can be asked for keep theirs, the inner ones first.
//
// Linear in the size of the function.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/generate/live_ranges.h"
#include "ir/generate/low.h"

namespace perilune::ir {

/// In the order of the code; none for a function that is short enough.
[[nodiscard]] std::vector<Cut> choose_cuts(const LowFunction& function, const LiveRanges& ranges, int32_t stack_cells);

}  // namespace perilune::ir
