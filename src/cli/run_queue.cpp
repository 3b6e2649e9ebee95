// `perilune run SCRIPT --queue N[-M]`, `--divert`, `--undivert`: live traffic.
//
// The order matters. Start: script loaded, queues bound, and only then the rule, because a rule without a listener
// drops packets. End: first the rule, so that nothing new is queued, then what is queued is judged, then the queues are
// unbound. Messages go to standard error, packets and the summary to standard output.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>

#include <pthread.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/run_options.h"
#include "cli/terminal.h"
#include "hooks/divert.h"
#include "hooks/queue.h"

namespace perilune::cli {
namespace {

/// Blocks the signals that the main thread waits for, here and in all threads started from now on.
sigset_t block_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1})
    ::sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

class LiveRun final : public engine::Observer, public hooks::QueueObserver {
 public:
  explicit LiveRun(const RunOptions& options) : options_(options), output_(STDOUT_FILENO) {
    report_ = options.json ? json_report(output_, options.script) : text_report(output_, options.script, STDOUT_FILENO);
    output_.flush_each_line(true);
  }

  int run();

  void on_packet(uint16_t queue, const packet::Packet& packet, const packet::Location& location,
                 const packet::Decision& decision) override {
    const bool shown = options_.detail == Detail::kAll || (options_.detail == Detail::kNotable && is_notable(decision));
    if (!shown) return;
    const std::lock_guard lock(mutex_);
    origin_.queue = queue;
    origin_.several = options_.queues->first != options_.queues->last;
    report_->packet(origin_, packet, location, decision);
  }

  void on_warning(const std::string& text) override {
    const std::lock_guard lock(mutex_);
    fmt::print(stderr, "perilune: warning: {}\n", printable(text));
  }

  void on_log(uint64_t event, uint32_t line, std::string_view text) override {
    if (options_.detail == Detail::kSummary) return;
    const std::lock_guard lock(mutex_);
    report_->log(Origin{}, event, line, text);
  }

  void on_error(uint64_t event, const script::ScriptError& error) override {
    if (options_.detail == Detail::kSummary && options_.json) return;
    const std::lock_guard lock(mutex_);
    report_->script_error(Origin{}, event, error);
  }

 private:
  [[nodiscard]] Result<void> divert();
  /// Waits until a signal ends the run, or a worker fails. Returns false in the second case.
  void wait_for_end(const sigset_t& signals);
  void summarise(bool final);
  static void say(const std::string& text) { fmt::print(stderr, "perilune: {}\n", printable(text)); }

  const RunOptions& options_;
  std::mutex mutex_;  // guards output_ and report_
  Output output_;
  std::unique_ptr<Report> report_;
  Origin origin_;
  std::unique_ptr<engine::Program> program_;
  std::unique_ptr<hooks::QueueRun> queues_;
  std::unique_ptr<hooks::Divert> divert_;
  std::chrono::steady_clock::time_point start_;
};

Result<void> LiveRun::divert() {
  if (!options_.divert) return {};
  auto installed =
      hooks::install_divert(*options_.divert, options_.queues->first, options_.queues->last, options_.fail_open);
  if (!installed) return tl::make_unexpected(installed.error());
  divert_ = std::move(*installed);
  for (const std::string& rule : divert_->description())
    say("rule: " + rule);
  for (const std::string& note : divert_->notes())
    say("note: " + note);
  return {};
}

void LiveRun::wait_for_end(const sigset_t& signals) {
  constexpr timespec kPoll{0, 100'000'000};
  while (queues_->wait_for(std::chrono::milliseconds(0))) {
    const int number = ::sigtimedwait(&signals, nullptr, &kPoll);
    if (number == SIGUSR1) {
      summarise(false);
    } else if (number > 0) {
      return;
    }
    const std::lock_guard lock(mutex_);
    if (output_.error()) return;
  }
}

void LiveRun::summarise(bool final) {
  const std::lock_guard lock(mutex_);
  Summary summary;
  summary.final = final;
  summary.statistics = queues_->statistics();
  summary.errors = program_->errors().entries();
  summary.engine = engine::to_string(program_->kind());
  summary.explanation = explanation(*program_);
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  summary.queue = queues_->counters();
  report_->summary(summary);
}

int LiveRun::run() {
  const sigset_t signals = block_signals();
  auto program = engine::open(options_.script, options_.engine, *this);
  if (!program) {
    return refuse(program.error());
  }
  program_ = std::move(*program);
  std::vector<std::unique_ptr<engine::PacketWorker>> workers;
  for (unsigned i = 0; i <= static_cast<unsigned>(options_.queues->last - options_.queues->first); ++i) {
    auto worker = program_->packet_worker(i);
    if (!worker) {
      return refuse(worker.error());
    }
    workers.push_back(std::move(*worker));
  }
  say("engine: " + explanation(*program_));

  hooks::QueueOptions queue;
  queue.first = options_.queues->first;
  queue.last = options_.queues->last;
  queue.fail_open = options_.fail_open;
  auto opened = hooks::QueueRun::open(queue, std::move(workers), *this);
  if (!opened) return print_error(opened.error());
  queues_ = std::move(*opened);
  if (const Result<void> diverted = divert(); !diverted) return print_error(diverted.error());
  start_ = std::chrono::steady_clock::now();
  if (const Result<void> started = queues_->start(); !started) return print_error(started.error());
  say(fmt::format("ready: judging queue {}{}; {}; Ctrl-C ends", queue.first,
                  queue.first == queue.last ? "" : fmt::format("-{}", queue.last),
                  queue.fail_open ? "fail-open: packets pass while the filter cannot judge them"
                                  : "fail-closed: packets that cannot be judged are dropped"));

  wait_for_end(signals);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second signal kills
  int status = kDone;
  if (divert_) {
    if (const Result<void> removed = divert_->remove(); !removed) status = print_error(removed.error());
  }
  if (const Result<void> stopped = queues_->stop(); !stopped) status = print_error(stopped.error());
  summarise(true);
  if (output_.error()) status = print_error(*output_.error());
  return status;
}

}  // namespace

int run_live(const RunOptions& options) {
  return LiveRun(options).run();
}

int run_undivert() {
  const Result<std::vector<std::string>> removed = hooks::remove_diverts(false);
  if (!removed) return print_error(removed.error());
  for (const std::string& rule : *removed)
    fmt::print("removed: {}\n", printable(rule));
  if (removed->empty()) fmt::print("no rules of ended runs here\n");
  return kDone;
}

}  // namespace perilune::cli
