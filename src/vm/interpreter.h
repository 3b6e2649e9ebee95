// Runs code instruction by instruction: on every processor, and with every memory access checked where that is asked
// for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/code.h"
#include "vm/helpers.h"
#include "vm/map.h"

namespace perilune::vm {

/// What checked code may touch, beside its stack.
struct AccessRules {
  std::span<const uint8_t> memory;  // read and write
  std::span<const uint8_t> tables;  // read
  std::span<const std::unique_ptr<Map>> maps;
  uint64_t events = 0;      // the address that stands for the ring buffer
  uint64_t most_steps = 0;  // instructions in one run
};

class Interpreter {
 public:
  /// Sound code (soundness.h) with its addresses put in; `helpers` must outlive it. `patience`: how many times
  /// may_goto does not go, in one run.
  Interpreter(std::vector<ir::Insn> code, uint32_t patience, HelperState& helpers)
      : code_(std::move(code)), patience_(patience), helpers_(&helpers) {}

  [[nodiscard]] uint64_t run(uint64_t r1, uint64_t r2);
  /// The same with checks: what breaks the rules ends the run, with fault() set.
  [[nodiscard]] uint64_t run_checked(uint64_t r1, uint64_t r2, const AccessRules& rules);
  /// What the last run_checked() did wrong; empty: nothing.
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  template <bool kChecked>
  uint64_t execute(uint64_t r1, uint64_t r2, const AccessRules* rules);

  std::vector<ir::Insn> code_;
  uint32_t patience_;
  HelperState* helpers_;
  std::string fault_;
};

}  // namespace perilune::vm
