// The engine `native`: the code that the compiler makes for the kernel, run in our own process on a copy of each
// packet's first bytes.
#pragma once

#include <memory>

#include "base/result.h"
#include "compiler/compiler.h"
#include "engine/engine.h"
#include "engine/script_program.h"
#include "script/library/random.h"
#include "script/state/entry_point.h"

namespace perilune::engine {

/// What is left of the state that a script was compiled from.
struct LoadedScript {
  compiler::Compiled compiled;
  script::EntryPoint entry_point;
  script::Random random;  // after the main chunk has drawn from it
};

[[nodiscard]] Result<std::unique_ptr<Program>> open_native(std::unique_ptr<ScriptProgram> shared, LoadedScript script);

}  // namespace perilune::engine
