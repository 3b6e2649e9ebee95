// Code whose jumps back are far, for the processor's code alone.
//
// The kernel's translator for x86-64 (arch/x86/net/bpf_jit_comp.c) makes jumps short where they reach, over and over
// until nothing changes any more. For a jump back it subtracts an address of this pass from one of the pass before: all
// that became shorter in front of it in this pass counts, too. So the jump of a loop of less than 128 bytes may be
// short in one pass and long in the next, and then what is around it grows again. When that happens in one of the last
// passes, which only fill up, it gives up ("unexpected jmp_cond padding"), and loading ends with ENOTSUPP. It needs a
// long function with many loops.
//
//   again: ...                        again: ...
//          if r1 < r2 goto again             if r1 < r2 goto far
//          ...                               ...
//                                     far:   goto again
#pragma once

#include "ir/code.h"

namespace perilune::bpf {

/// The same with each jump back by way of the code's end: a jump more for each iteration, and none that may be short.
/// As it is, when some would not reach.
[[nodiscard]] ir::Code with_far_loops(ir::Code code);

}  // namespace perilune::bpf
