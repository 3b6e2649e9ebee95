// Loading a script as every command does it: what is wrong with it is decided here, for all of them alike.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/diagnostic.h"
#include "script/state/source.h"
#include "script/state/state.h"

namespace perilune::compiler {

struct CheckedScript {
  std::unique_ptr<script::State> state;
  Diagnostics warnings;
};

/// Runs the main chunk of `text` (as script::read_script gave it; `path` is its file) and judges the code of the script
/// and of its modules: globals that are never defined, and an entry point with more parameters than are passed. Fails
/// when anything found is an error; the list then has the warnings too. Everything is in the order of files and lines.
[[nodiscard]] tl::expected<CheckedScript, Diagnostics> load_checked(std::string_view text, const std::string& path,
                                                                    const script::Options& options);

/// What is found in code that is no script of its own: a module, or a test. `defined`: globals beyond the sandbox's.
[[nodiscard]] Diagnostics unknown_globals_in(const script::LoadRecord& record, const std::set<std::string>& defined);

/// Is the file a test by its name (FILE.test.lua)? Such a file is no script for any command but `test`.
[[nodiscard]] bool is_test(std::string_view path);

[[nodiscard]] bool has_errors(const Diagnostics& diagnostics);

}  // namespace perilune::compiler
