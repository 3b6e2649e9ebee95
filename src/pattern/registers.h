// Fewer registers and fewer operations for a tagged automaton: dead writes dropped, copies coalesced, registers shared.
//
// The property relied on: the automaton is a control-flow graph whose edges carry parallel copies, so what compilers
// know about variables holds: a write is dead when no path reads it before it is written again; two registers can be
// one when neither is written while the other is live with another value.
//   (%w+)   the end noted after each byte is read only when the next byte is no letter: all but the last write are dead
//   (a*)(a*)b   the marks of two threads that are alive together must stay apart
// Cost: transitions x registers / 64, a few iterations.
#pragma once

#include "pattern/tdfa.h"

namespace perilune::pattern {

/// Changes lists, operations, final_list, registers, mark_register and end_register. False: there are too many
/// registers to look at.
[[nodiscard]] bool reduce_registers(Tdfa& tdfa);

}  // namespace perilune::pattern
