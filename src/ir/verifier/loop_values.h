// What a loop reads from outside, made a parameter of its header.
//
// The verifier compares two iterations of a loop exactly: all it knows of every live register must cover what it knew
// one iteration earlier. A number that was made before the loop and is only read in it seems harmless; but a register
// that is spilled and fetched back in the loop is unknown afterwards, which is wider than before, and a comparison with
// it bounds other registers anew in every iteration. As a parameter it goes through memory once, on the way in, and is
// unknown from then on (opacity.h).
//
//   n = end - start; for i ... if i >= n      n is a parameter that each iteration hands to the next
//
// What is only needed after the loop stays as it is: at worst the verifier walks one iteration more.
// Constants and pointers stay as they are: the verifier knows them for what they are in every iteration.
#pragma once

#include "ir/form/ir.h"

namespace perilune::ir {

void expose_loop_values(Function& function);

/// Makes `loop_header` say where loops really come back to. Paths that were joined or threaded may have moved that
/// place from the block that was marked to another of the same loop: every cycle must have its may_goto.
void mark_loop_headers(Function& function);

}  // namespace perilune::ir
