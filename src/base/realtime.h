// The machine's clock of the day.
#pragma once

#include <cstdint>

namespace perilune {

/// CLOCK_REALTIME now, in nanoseconds since 1970. No system call where the kernel offers it without one (vdso(7)).
[[nodiscard]] uint64_t realtime_ns();

}  // namespace perilune
