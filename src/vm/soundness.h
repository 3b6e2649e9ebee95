// Is this code that the interpreter and the translation to machine code can take as it is?
#pragma once

#include <span>
#include <string>

#include "ir/code.h"

namespace perilune::vm {

/// Empty when every instruction is one of the instruction set's, registers exist and r10 is never written, jumps go to
/// instructions, the end cannot be run past and every helper called exists; else what is wrong. Says nothing about
/// memory accesses. Addresses must have been put in (no load-immediate of a map number is left).
[[nodiscard]] std::string unsound(std::span<const ir::Insn> code);

}  // namespace perilune::vm
