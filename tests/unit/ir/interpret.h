// Two independent readings of a function: of its intermediate form, and of the code made of it.
#pragma once

#include <cstdint>
#include <string>

#include "ir/code.h"
#include "ir/form/ir.h"
#include "world.h"

namespace perilune::ir::test {

struct Outcome {
  uint64_t result = 0;
  uint64_t steps = 0;
  std::string problem;  // empty: none
};

[[nodiscard]] Outcome interpret(const Function& function, World& world);
[[nodiscard]] Outcome interpret(const Code& code, World& world);

}  // namespace perilune::ir::test
