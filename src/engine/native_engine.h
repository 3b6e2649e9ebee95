// The engine `native`: the code that the compiler makes for the kernel, run in our own process on a copy of each
// packet's first bytes.
#pragma once

#include <memory>

#include "base/result.h"
#include "compiler/compiler.h"
#include "engine/engine.h"
#include "engine/script_program.h"

namespace perilune::engine {

/// `compiled` is made of the script that `shared` has; its state is not needed any more.
[[nodiscard]] Result<std::unique_ptr<Program>> open_native(std::unique_ptr<ScriptProgram> shared,
                                                           compiler::Compiled compiled);

}  // namespace perilune::engine
