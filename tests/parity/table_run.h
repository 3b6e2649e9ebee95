// The tables of the library's edges (table_file.h) in the stock interpreter, in our lua engine, and compiled.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "options.h"
#include "subject.h"

namespace perilune::parity {

/// Makes the compiled engines, and says which cannot be had when `says_so`.
using ConfigurationsMaker = std::function<std::vector<std::unique_ptr<Configuration>>(bool says_so)>;

/// Prints what differs and 'N passed, M failed'. The exit status.
int run_tables(const Options& options, const ConfigurationsMaker& make);

}  // namespace perilune::parity
