// Random functions that end: nested choices and counted loops over a set of variables.
#pragma once

#include <cstdint>

#include "ir/form/ir.h"
#include "world.h"

namespace perilune::ir::test {

struct Shape {
  unsigned variables = 6;
  unsigned statements = 40;  // about
  unsigned depth = 3;        // of nesting
  bool calls = true;
};

[[nodiscard]] Function random_function(uint64_t seed, const Shape& shape);
[[nodiscard]] World random_world(uint64_t seed);

}  // namespace perilune::ir::test
