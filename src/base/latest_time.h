// The latest time that anything can have, in nanoseconds since 1970: more does not fit into a number of Lua. What
// claims to be later has this one; its real time is unknown.
#pragma once

#include <cstdint>

namespace perilune {

inline constexpr uint64_t kLatestTime = INT64_MAX;

}  // namespace perilune
