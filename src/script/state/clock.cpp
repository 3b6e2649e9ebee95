#include "script/state/clock.h"

#include "base/realtime.h"

namespace perilune::script {

uint64_t SystemClock::now_ns() const {
  return realtime_ns();
}

}  // namespace perilune::script
