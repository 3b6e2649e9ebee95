// What State::load_* says when a script cannot be used.
#pragma once

#include <string>

#include "base/diagnostic.h"
#include "script/state/state_internals.h"

namespace perilune::script {

/// "limit": not even the libraries fit into the memory limit.
[[nodiscard]] Diagnostics memory_too_small(const std::string& name, const Options& options);

/// Impl::error as a diagnostic: "syntax", "limit" or "load-error".
[[nodiscard]] Diagnostics load_error(const State::Impl& impl, const std::string& name, bool syntax);

/// "no-entry-point": what stands on top of the stack instead of a function, and what the script may have meant.
[[nodiscard]] Diagnostics no_entry_point(State::Impl& impl, const std::string& name);

}  // namespace perilune::script
