// Random scripts over random packets in every configuration; what differs is made smaller and printed.
#pragma once

#include <memory>
#include <vector>

#include "comparison.h"
#include "options.h"

namespace perilune::parity {

/// With a comparison for each job; what all of them counted is in the first afterwards.
void run_random(const Options& options, const std::vector<std::unique_ptr<Comparison>>& comparisons);

}  // namespace perilune::parity
