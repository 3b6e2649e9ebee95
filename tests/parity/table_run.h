// The tables of the library's edges (table_file.h) in the stock interpreter, in our lua engine, and compiled.
#pragma once

#include <memory>
#include <vector>

#include "options.h"
#include "subject.h"

namespace perilune::parity {

/// `configurations`: the compiled engines. Prints what differs and 'N passed, M failed'. The exit status.
int run_tables(const Options& options, std::vector<std::unique_ptr<Configuration>> configurations);

}  // namespace perilune::parity
