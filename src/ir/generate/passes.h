// From IR to BPF code.
#pragma once

#include <string>

#include "base/result.h"
#include "ir/code.h"
#include "ir/form/ir.h"

namespace perilune::ir {

/// Empty when the function is well formed (each value defined once and before use on every path, arguments match
/// parameters, pointers only where they may be, every block terminated); else what is wrong. For tests and asserts.
[[nodiscard]] std::string verify(const Function& function);

/// Drops unreachable blocks and needless parameters, threads jumps, folds, merges equal computations, removes dead
/// code.
void simplify(Function& function);

/// Register allocation and emission. Fails only when the spill area is too small: an input error that names how large
/// it got.
[[nodiscard]] Result<Code> generate(const Function& function);

/// Disassembly, as the verifier prints instructions, with the script's line in front where it changes.
[[nodiscard]] std::string disassemble(const Code& code);

}  // namespace perilune::ir
