// The time a script sees: the packet's on captures (so that rate limits and times to live replay), the machine's on
// live hooks.
#pragma once

#include <atomic>
#include <cstdint>

namespace perilune::script {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since 1970.
  [[nodiscard]] virtual uint64_t now_ns() const = 0;
};

/// Follows the packets; never goes back (captures merged from several files may).
class PacketClock final : public Clock {
 public:
  [[nodiscard]] uint64_t now_ns() const override { return now_.load(std::memory_order_relaxed); }
  void advance(uint64_t ns) {
    if (ns > now_.load(std::memory_order_relaxed)) now_.store(ns, std::memory_order_relaxed);
  }

 private:
  std::atomic<uint64_t> now_{0};
};

/// CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] uint64_t now_ns() const override;
};

}  // namespace perilune::script
