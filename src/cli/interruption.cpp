#include "cli/interruption.h"

#include <array>
#include <csignal>

namespace perilune::cli {
namespace {

// Signal handlers can reach nothing but globals; these are lock-free.
std::atomic<bool> stop_requested{false};
std::atomic<int> signal_received{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
std::array<struct sigaction, kSignals.size()> previous_actions;

void on_signal(int number) {
  signal_received.store(number);
  stop_requested.store(true);
}

}  // namespace

Interruption::Interruption() {
  stop_requested.store(false);
  signal_received.store(0);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    // Once only: a second signal kills. No SA_RESTART: a read that waits for standard input returns.
    action.sa_flags = static_cast<int>(SA_RESETHAND);
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
