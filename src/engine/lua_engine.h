// The engine `lua`: stock PUC Lua 5.4 in a sandbox, one state per worker. It defines what a script means and runs
// everything.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "engine/script_program.h"

namespace perilune::engine {

/// `explanation` is what Program::explanation() says.
[[nodiscard]] std::unique_ptr<Program> open_lua(std::unique_ptr<ScriptProgram> shared, std::string explanation);

}  // namespace perilune::engine
