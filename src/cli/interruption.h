// Ctrl-C and its like while captures are judged: the first one asks to stop, a second one kills.
#pragma once

#include <atomic>
#include <chrono>

namespace perilune::cli {

/// timeout(1) sends its signal to the program and then to the group it is in: the same one twice, at almost one time.
/// What follows another within this time is no second signal.
inline constexpr std::chrono::milliseconds kSameSignal{50};

class Interruption {
 public:
  /// Catches SIGINT, SIGTERM and SIGHUP until destroyed (SIGHUP not under nohup). One object at a time.
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// True once a signal came, or stop() was called.
  [[nodiscard]] const std::atomic<bool>& stopped() const;
  /// The same as a signal, from inside.
  void stop();
  /// The signal that came, or 0.
  [[nodiscard]] int signal() const;
};

}  // namespace perilune::cli
