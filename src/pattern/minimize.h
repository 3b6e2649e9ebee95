// The fewest states that behave alike (Moore).
//
// The property relied on: the machines are deterministic and complete, and what they do is on their transitions
// (`label`) and in their states (`output`): two states are the same unless a word tells them apart. Works for plain
// automata (no labels) and for tagged ones, whose labels are lists of register operations.
// Cost: states x classes for each iteration; iterations are at most the length of the longest word needed to tell two
// states apart (below 100 for patterns as people write them).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace perilune::pattern {

struct Machine {
  uint32_t classes = 0;
  std::vector<uint32_t> next;    // state * classes + class
  std::vector<uint32_t> label;   // likewise; may be empty
  std::vector<uint32_t> output;  // by state

  [[nodiscard]] uint32_t states() const { return static_cast<uint32_t>(output.size()); }
  /// Every byte leads back to it, with nothing to do.
  [[nodiscard]] bool is_sink(uint32_t state) const;
};

/// What became of the states.
struct Minimized {
  Machine machine;                  // sinks are the last states
  std::vector<uint32_t> new_state;  // by old state
  uint32_t first_sink = 0;          // == states() when there is none
};
[[nodiscard]] Minimized minimize(const Machine& machine);

/// Numbers for classes whose columns are the same, for merge() of byte_classes.h; the machine loses the others.
[[nodiscard]] std::vector<uint32_t> merge_columns(Machine& machine);

}  // namespace perilune::pattern
