// Where a script's entry point begins: the place of errors that belong to no line of it.
#pragma once

#include <cstdint>
#include <string>

#include "script/state/state.h"

namespace perilune::script {

struct EntryPoint {
  std::string file;
  uint32_t line = 0;  // 0: unknown
};

/// Of the global that the state's options name; `script_path` is the file when it is not known.
[[nodiscard]] EntryPoint find_entry_point(State& state, const std::string& script_path);

}  // namespace perilune::script
