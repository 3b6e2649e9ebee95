#include "hooks/capture/time_scale.h"

#include "base/latest_time.h"

namespace perilune::hooks {

namespace {

__extension__ using Wide = __int128;

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr uint8_t kBinaryFlag = 0x80;
constexpr unsigned kNanosecondExponent = 9;
constexpr unsigned kMaxExponent64 = 19;  // 10^19 < 2^64 < 10^20

uint64_t power_of_ten(unsigned exponent) {
  uint64_t result = 1;
  while (exponent-- > 0)
    result *= 10;
  return result;
}

}  // namespace

TimeScale::TimeScale(uint8_t resolution, int64_t offset_seconds) : offset_seconds_(offset_seconds) {
  const unsigned exponent = resolution & static_cast<uint8_t>(~kBinaryFlag);
  if ((resolution & kBinaryFlag) != 0) {
    multiplier_ = kNanosecondsPerSecond;
    shift_ = static_cast<uint8_t>(exponent);
  } else if (exponent <= kNanosecondExponent) {
    multiplier_ = power_of_ten(kNanosecondExponent - exponent);
  } else {
    const unsigned excess = exponent - kNanosecondExponent;
    divisor_ = excess > kMaxExponent64 ? 0 : power_of_ten(excess);
  }
}

uint64_t TimeScale::nanoseconds(uint64_t ticks) const {
  Wide time = 0;
  if (divisor_ == 1) {
    time = (static_cast<Wide>(ticks) * static_cast<Wide>(multiplier_)) >> shift_;
  } else if (divisor_ != 0) {
    time = ticks / divisor_;
  }
  time += static_cast<Wide>(offset_seconds_) * static_cast<Wide>(kNanosecondsPerSecond);
  if (time < 0) return 0;
  return time > static_cast<Wide>(kLatestTime) ? kLatestTime : static_cast<uint64_t>(time);
}

}  // namespace perilune::hooks
