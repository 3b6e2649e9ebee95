// The engine `lua`: stock PUC Lua 5.4 in a sandbox, one state per worker. It defines what a script means and runs
// everything.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace perilune::engine {

/// `explanation` is what Program::explanation() says.
[[nodiscard]] std::unique_ptr<Program> open_lua(const std::string& script_path, const Options& options,
                                                std::string explanation, Observer& observer);

}  // namespace perilune::engine
