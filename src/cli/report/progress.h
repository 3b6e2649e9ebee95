// The line on a terminal that says how far a long work is. Nothing at all when standard error is not a terminal.
#pragma once

#include <chrono>
#include <cstdint>

namespace perilune::cli {

class Progress {
 public:
  Progress();
  ~Progress() { erase(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows the state at most ten times a second, from the first second on. `total` 0: unknown.
  void show(uint64_t bytes_done, uint64_t bytes_total, uint64_t packets);
  /// Takes the line away, before something else is printed.
  void erase();

 private:
  using Clock = std::chrono::steady_clock;
  bool on_;
  bool visible_ = false;
  Clock::time_point start_;
  Clock::time_point next_;
};

}  // namespace perilune::cli
