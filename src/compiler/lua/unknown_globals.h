// Globals that a script reads and that are never defined: at packet time they are nil, and that is nearly always a
// misspelt name.
#pragma once

#include <set>
#include <string>

#include "base/diagnostic.h"
#include "compiler/lua/bytecode.h"

namespace perilune::compiler {

/// The script, or a module it requires.
struct CompiledFile {
  std::string name;  // for messages
  compiler::Prototype main;
};

/// Known is what the sandbox has (`provided`), what the script left behind after loading (`defined`, also what it made
/// by ways that no look at the code can see), and what any of the files assigns anywhere.
///
/// Reads inside functions are errors: they happen at packet time, when nothing will define the name any more. Reads in
/// a main chunk are warnings: it ran, so the nil did no harm so far (`if DEBUG then`). All are warnings where a file
/// uses the table of globals itself (`_G`, `_ENV` as a value): what it defines with it cannot be known. The code is
/// "unknown-global".
[[nodiscard]] Diagnostics unknown_globals(const std::vector<CompiledFile>& files, const std::set<std::string>& provided,
                                          const std::set<std::string>& defined);

}  // namespace perilune::compiler
