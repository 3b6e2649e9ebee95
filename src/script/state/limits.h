// How much a script may use. Every limit ends as a script error; none of them ends the process.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace perilune::script {

/// How many lines the filter may log for one packet, and the main chunk in all. Further lines are not written but
/// counted; a last line then says how many there were.
inline constexpr uint32_t kMostLogLines = 100;
inline constexpr uint32_t kMostLoadLogLines = 10'000;

struct Limits {
  size_t memory = size_t{64} << 20;            // bytes, per state
  uint64_t load_instructions = 1'000'000'000;  // for the main chunk, `require` included
  uint64_t call_instructions = 1'000'000;      // for one call of the entry point (one packet)
  /// A second line of defence after the instruction budget, for work that one instruction can hide (walking a huge
  /// table).
  std::chrono::milliseconds load_time{60'000};
  std::chrono::milliseconds call_time{1'000};
};

}  // namespace perilune::script
