// A capture's time stamps as nanoseconds since 1970.
#pragma once

#include <cstdint>

namespace perilune::hooks {

class TimeScale {
 public:
  /// Ticks of 10^-n seconds, or of 2^-n seconds when the top bit of `resolution` is set (if_tsresol of pcapng), counted
  /// from `offset_seconds` after 1970.
  explicit TimeScale(uint8_t resolution = 6, int64_t offset_seconds = 0);
  /// Times before 1970 become 0, times beyond 2554 the last one there is.
  [[nodiscard]] uint64_t nanoseconds(uint64_t ticks) const;

 private:
  uint64_t multiplier_ = 1;  // ticks * multiplier_ / divisor_ >> shift_
  uint64_t divisor_ = 1;     // 0: too fine for 64 bits, every tick count is less than a nanosecond
  uint8_t shift_ = 0;
  int64_t offset_seconds_;
};

}  // namespace perilune::hooks
