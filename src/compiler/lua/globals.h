// Which globals a script reads and writes, found in its bytecode: the base of "unknown global" diagnostics.
//
// A global `x` is `_ENV.x`, and the chunk's first upvalue is _ENV. Followed is that very upvalue through nested
// functions, so a local named _ENV is not mistaken for it. Found are accesses by a constant name, which is how globals
// are written in a script;
// `_G[name]` is an ordinary table access and not a mistake anybody can see without running it.
//
//   return lenght > 3        read of `lenght`                 local _ENV = {}; x = 1     nothing: another table
//   count = count + 1        read and write of `count`        _G['x'] = 1                nothing: no constant access of
//   _ENV
#pragma once

#include <string>
#include <vector>

#include "compiler/lua/bytecode.h"

namespace perilune::compiler {

struct GlobalAccess {
  std::string name;
  uint32_t line = 0;
  bool write = false;
  bool in_function = false;  // false: in the main chunk, which runs once, at load
};

/// All accesses, in the order of the code; functions after what surrounds them. None when the script assigns to _ENV
/// itself.
[[nodiscard]] std::vector<GlobalAccess> global_accesses(const Prototype& main);

/// Does the chunk use the table of globals as a value, by `_G` or `_ENV`? Then it may define globals that
/// global_accesses() does not know.
[[nodiscard]] bool hands_out_environment(const Prototype& main);

}  // namespace perilune::compiler
