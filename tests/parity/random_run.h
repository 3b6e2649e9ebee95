// Random scripts over random packets in every configuration; what differs is made smaller and printed.
#pragma once

#include "comparison.h"
#include "options.h"

namespace perilune::parity {

/// Exit status: 1 when something differs.
[[nodiscard]] int run_random(const Options& options, Comparison& comparison);

}  // namespace perilune::parity
