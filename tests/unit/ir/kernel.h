// Runs a filter's code in the kernel, on the memory of a World.
#pragma once

#include <cstdint>
#include <string>

#include "ir/code.h"
#include "world.h"

namespace perilune::ir::test {

struct KernelRun {
  bool unsupported = false;  // no right to load programs here
  std::string problem;       // of loading or running, with the end of the verifier's log
  uint64_t result = 0;
  uint32_t verified = 0;  // instructions the verifier walked
  uint32_t instructions = 0;
};

/// The pulls of the world are not recorded.
[[nodiscard]] KernelRun run_in_kernel(const Code& code, World& world);

}  // namespace perilune::ir::test
