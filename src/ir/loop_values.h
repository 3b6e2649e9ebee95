// What lives through a loop, made a parameter of its header.
//
// The verifier compares two rounds of a loop exactly: all it knows of every live register must cover what it knew one
// round earlier. A number that was made before the loop and is only read in it seems harmless; but a register that is
// spilled and fetched back in the loop is unknown afterwards, which is wider than before, and a comparison with it
// bounds other registers anew in every round. As a parameter it goes through memory once, on the way in, and is unknown
// from then on (opacity.h).
//
//   n = end - start; for i ... if i >= n      n is a parameter that each round hands to the next
//
// Constants and pointers stay as they are: the verifier knows them for what they are in every round.
#pragma once

#include "ir/ir.h"

namespace perilune::ir {

void expose_loop_values(Function& function);

}  // namespace perilune::ir
