// What an attachment counted, over all reloads.
//
// A program counts in its own memory. Nothing else writes there: the program adds without atomic instructions, so that
// an addition of ours would be lost, or make some of the program's lost. What earlier programs counted is kept beside
// it and added when the counters are read:
//
//   memory       the program's own
//   base         a map with the sum of all programs before it, and whether the last one is in that sum already
//   old_memory   the memory of the program before it, until it is in the sum
//
// So every moment of a reload, and every state an interrupted one leaves, has the same counters to read.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "bpf/map.h"
#include "event/slot.h"

namespace perilune::bpf {

using Counters = std::array<uint64_t, PL_COUNTERS>;

/// Of a program that is in no folder: the sum over all slots of its memory (each of its counters only grows).
[[nodiscard]] Result<Counters> read_counters(const Map& memory);

/// Of the attachment whose pins are in `folder`, with what programs before this one counted.
[[nodiscard]] Result<Counters> counted_at(const std::string& folder);

/// Makes the attachment in `folder` (pinned, not running yet) count on from the one in `old_folder`.
[[nodiscard]] Result<void> count_on(const std::string& folder, const std::string& old_folder);
/// Adds up what the program before counted, which must not run any more. Done before: nothing happens.
[[nodiscard]] Result<void> settle_counters(const std::string& folder);

}  // namespace perilune::bpf
