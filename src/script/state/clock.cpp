#include "script/state/clock.h"

#include <ctime>

namespace perilune::script {

uint64_t SystemClock::now_ns() const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);  // vdso: no system call; cannot fail with a valid clock and address
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace perilune::script
