#include "cli/interruption.h"

#include <array>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace perilune::cli {
namespace {

// Signal handlers can reach nothing but globals; these are lock-free.
std::atomic<bool> stop_requested{false};
std::atomic<int> signal_received{0};
std::atomic<int64_t> first_signal_ns{0};
static_assert(std::atomic<int64_t>::is_always_lock_free);
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
std::array<struct sigaction, kSignals.size()> previous_actions;

int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

void on_signal(int number) {
  const int64_t now = monotonic_ns();
  if (signal_received.load() == 0) {
    first_signal_ns.store(now);
    signal_received.store(number);
    stop_requested.store(true);
    return;
  }
  if (std::chrono::nanoseconds(now - first_signal_ns.load()) < kSameSignal) return;
  (void)std::signal(number, SIG_DFL);  // a second one kills
  (void)std::raise(number);
}

}  // namespace

Interruption::Interruption() {
  stop_requested.store(false);
  signal_received.store(0);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = 0;  // no SA_RESTART: a read that waits for standard input returns
    ::sigaction(kSignals[i], &action, &previous_actions[i]);
    if (previous_actions[i].sa_handler == SIG_IGN) ::sigaction(kSignals[i], &previous_actions[i], nullptr);
  }
}

Interruption::~Interruption() {
  for (size_t i = 0; i < kSignals.size(); ++i)
    ::sigaction(kSignals[i], &previous_actions[i], nullptr);
}

const std::atomic<bool>& Interruption::stopped() const {
  return stop_requested;
}

void Interruption::stop() {
  stop_requested.store(true);
}

int Interruption::signal() const {
  return signal_received.load();
}

}  // namespace perilune::cli
