#include "base/realtime.h"

#include <ctime>

namespace perilune {

uint64_t realtime_ns() {
  constexpr uint64_t kSecond = 1'000'000'000;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);  // cannot fail with a valid clock and address
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace perilune
