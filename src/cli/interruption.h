// Ctrl-C and its like while captures are judged: the first one asks to stop, a second one kills.
#pragma once

#include <atomic>

namespace perilune::cli {

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
