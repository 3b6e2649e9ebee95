// The clock of the day in the kernel, where programs may ask for atomic time (CLOCK_TAI) but not for the time of the
// day (CLOCK_REALTIME).
//
// The two go together when the time is set and while the machine sleeps; between them stand whole seconds, which a time
// daemon tells the kernel (37 since 2017) and which are 0 before. A program has that number in its memory. It does not
// see when a daemon sets it later, as happens after a boot: so each command that looks at a filter corrects it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "bpf/map.h"

namespace perilune::bpf {

/// CLOCK_REALTIME - CLOCK_TAI now, in nanoseconds.
[[nodiscard]] uint64_t clock_offset();

/// Puts that number into all slots of a program's memory.
[[nodiscard]] Result<void> correct_clock(const Map& memory);

}  // namespace perilune::bpf
