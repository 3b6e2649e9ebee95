// `perilune run SCRIPT --queue N[-M]`, `--divert`, `--undivert`: live traffic.
//
// The order matters. Start: script loaded, queues bound and served, and only then the rule, because a rule without a
// listener drops packets. End: first the rule, so that nothing new is queued, then what is queued is judged, then the
// queues are unbound. Messages go to standard error, packets and the summary to standard output.
//
// The rule is taken away by one thing alone: an end that was asked for (SIGINT, SIGTERM, SIGHUP). What cannot be
// written, to either stream, is dropped and counted and ends nothing. Whatever else ends the process leaves the rule,
// so that nothing passes unjudged.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <system_error>

#include <pthread.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands/run_options.h"
#include "cli/interruption.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "hooks/confinement.h"
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

/// Those that are the one which has just come: see kSameSignal.
void take_the_same_signal_again(const sigset_t& signals) {
  constexpr timespec kPatience{0, std::chrono::nanoseconds(kSameSignal).count()};
  int most = 10;
  while (most > 0 && ::sigtimedwait(&signals, nullptr, &kPatience) > 0)
    --most;
}

/// Which filter this is, for the rules that it may leave behind: the script's whole path and the function.
std::string filter_name(const RunOptions& options) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::weakly_canonical(options.script, error);
  return (error ? options.script : path.string()) + '\n' + options.engine.function;
}

class LiveRun final : public engine::Observer, public hooks::QueueObserver {
 public:
  explicit LiveRun(const RunOptions& options) : options_(options), output_(STDOUT_FILENO) {
    report_ = options.json ? json_report(output_, options.script) : text_report(output_, options.script, STDOUT_FILENO);
    output_.drop_what_cannot_be_written();
  }

  int run();

  void on_packet(uint16_t queue, const packet::Packet& packet, const packet::Decision& decision) override {
    const bool shown = options_.detail == Detail::kAll || (options_.detail == Detail::kNotable && is_notable(decision));
    if (!shown) return;
    const std::lock_guard lock(mutex_);
    origin_.queue = queue;
    origin_.several = options_.queues->size() > 1 || queues_->other_numbers();
    report_->packet(origin_, packet, decision);
    warn_of_lost_lines();
  }

  void on_warning(const std::string& text) override {
    const std::lock_guard lock(mutex_);
    print_to(stderr, "perilune: warning: {}\n", printable(text));
  }

  void on_log(uint64_t event, uint32_t line, std::string_view text) override {
    if (options_.detail == Detail::kSummary) return;
    const std::lock_guard lock(mutex_);
    report_->log(Origin{}, event, line, text);
    warn_of_lost_lines();
  }

  void on_error(uint64_t event, const script::ScriptError& error) override {
    if (options_.detail == Detail::kSummary && options_.json) return;
    const std::lock_guard lock(mutex_);
    report_->script_error(Origin{}, event, error);
  }

 private:
  [[nodiscard]] hooks::QueueOptions queue_options() const;
  /// Loads the script and binds the queues; nothing is judged yet. An exit status when it cannot be done.
  [[nodiscard]] std::optional<int> open();
  /// Judges from now on, with all privileges given up, and puts the rule in place.
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<void> divert();
  enum class End { kAsked, kWorkerFailed };
  [[nodiscard]] End wait_for_end(const sigset_t& signals);
  /// Takes the rule away, judges what is queued and tells the numbers; the exit status.
  [[nodiscard]] int end_as_asked();
  /// The queues are closed and the rule stays; the exit status.
  [[nodiscard]] int end_closed();
  /// Once, under mutex_.
  void warn_of_lost_lines();
  void summarise(bool final);
  [[nodiscard]] Error lost_lines() const;
  static void say(const std::string& text) { print_to(stderr, "perilune: {}\n", printable(text)); }

  const RunOptions& options_;
  std::mutex mutex_;  // guards output_ and report_
  Output output_;
  std::unique_ptr<Report> report_;
  Origin origin_;
  bool loss_told_ = false;
  std::optional<hooks::DivertSpec> spec_;  // of --divert, with the filter's name
  std::unique_ptr<engine::Program> program_;
  std::unique_ptr<hooks::QueueRun> queues_;
  std::unique_ptr<hooks::DivertKeeper> keeper_;
  std::chrono::steady_clock::time_point start_;
};

hooks::QueueOptions LiveRun::queue_options() const {
  hooks::QueueOptions queue;
  queue.first = options_.queues->first;
  queue.last = options_.queues->last;
  queue.any_free = options_.any_free_queue;
  queue.fail_open = options_.fail_open;
  if (!options_.divert) return queue;
  // TCP has queues of its own, the only ones that take segmentation-offload packets whole.
  queue.gso = options_.divert->protocol.empty() || options_.divert->protocol == "tcp";
  if (options_.divert->protocol.empty()) {
    constexpr uint16_t kFirst = 20'000;
    const auto first = std::max<unsigned>(kFirst, queue.any_free ? 0U : queue.last + 1U);
    queue.others =
        hooks::QueueRange{static_cast<uint16_t>(first), static_cast<uint16_t>(first + options_.queues->size() - 1)};
    queue.others_any_free = true;
  }
  return queue;
}

Result<void> LiveRun::divert() {
  if (!keeper_) return {};
  if (auto installed = keeper_->install({queues_->numbers(), queues_->other_numbers()}); !installed) return installed;
  for (const std::string& rule : keeper_->description())
    say("rule: " + rule);
  for (const std::string& note : keeper_->notes())
    say("note: " + note);
  return {};
}

LiveRun::End LiveRun::wait_for_end(const sigset_t& signals) {
  constexpr timespec kPoll{0, 100'000'000};
  while (queues_->wait_for(std::chrono::milliseconds(0))) {
    const int number = ::sigtimedwait(&signals, nullptr, &kPoll);
    if (number == SIGUSR1) {
      summarise(false);
    } else if (number > 0) {
      return End::kAsked;
    }
  }
  return End::kWorkerFailed;
}

void LiveRun::warn_of_lost_lines() {
  if (loss_told_ || !output_.loss()) return;
  loss_told_ = true;
  print_to(stderr, "perilune: warning: {}: lines are dropped and counted, packets are judged as before\n",
           printable(output_.loss()->message));
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
  summary.lost_lines = output_.lost_lines();
  summary.lost_error_lines = lost_error_lines();
  report_->summary(summary);
  if (!final && output_.loss()) say(lost_lines().message);
}

Error LiveRun::lost_lines() const {
  return {Fault::kSystem,
          fmt::format("{} lines were lost: {}", output_.lost_lines(), output_.loss() ? output_.loss()->message : ""),
          {}};
}

std::optional<int> LiveRun::open() {
  auto program = engine::open(options_.script, options_.engine, *this);
  if (!program) return refuse(program.error());
  program_ = std::move(*program);
  hooks::QueueOptions queue = queue_options();
  auto avoided = hooks::queues_of_other_filters(spec_ ? &*spec_ : nullptr);
  if (!avoided) return print_error(avoided.error());
  queue.avoided = std::move(*avoided);
  const size_t count = options_.queues->size() + (queue.others ? queue.others->size() : 0);
  std::vector<std::unique_ptr<engine::PacketWorker>> workers;
  for (unsigned i = 0; i < count; ++i) {
    auto worker = program_->packet_worker(i);
    if (!worker) return refuse(worker.error());
    workers.push_back(std::move(*worker));
  }
  say("engine: " + explanation(*program_));
  auto opened = hooks::QueueRun::open(queue, std::move(workers), *this);
  if (!opened) return print_error(opened.error());
  queues_ = std::move(*opened);
  return std::nullopt;
}

Result<void> LiveRun::begin() {
  start_ = std::chrono::steady_clock::now();
  if (auto given_up = hooks::give_up_capabilities(); !given_up) return given_up;
  if (auto started = queues_->start(); !started) return started;
  if (auto confined = hooks::confine_process(hooks::Work::kLive); !confined) return confined;
  return divert();
}

int LiveRun::run() {
  drop_errors_that_cannot_be_written();
  const sigset_t signals = block_signals();
  if (options_.divert) {
    spec_ = options_.divert;
    spec_->filter = filter_name(options_);
    auto keeper = hooks::DivertKeeper::start(*spec_, options_.fail_open);
    if (!keeper) return print_error(keeper.error());
    keeper_ = std::move(*keeper);
  }
  if (const std::optional<int> status = open()) return *status;
  if (const Result<void> begun = begin(); !begun) return print_error(begun.error());
  const auto text = [](const hooks::QueueRange& range) {
    return range.size() == 1 ? fmt::format("{}", range.first) : fmt::format("{}-{}", range.first, range.last);
  };
  const auto others = queues_->other_numbers();
  say(fmt::format("ready: judging queue {}{}; {}; Ctrl-C ends", text(queues_->numbers()),
                  others ? fmt::format(" (TCP) and {}", text(*others)) : "",
                  options_.fail_open ? "fail-open: packets pass while the filter cannot judge them"
                                     : "fail-closed: packets that cannot be judged are dropped"));
  if (wait_for_end(signals) == End::kWorkerFailed) return end_closed();
  take_the_same_signal_again(signals);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // another one kills
  return end_as_asked();
}

int LiveRun::end_as_asked() {
  int status = kDone;
  if (keeper_) {
    if (const Result<void> removed = keeper_->remove(); !removed) status = print_error(removed.error());
  }
  if (const Result<void> stopped = queues_->stop(); !stopped) status = print_error(stopped.error());
  summarise(true);
  if (output_.loss()) status = print_error(lost_lines());
  return status;
}

int LiveRun::end_closed() {
  const Result<void> stopped = queues_->stop();
  summarise(true);
  if (!stopped) (void)print_error(stopped.error());
  return kCannotRun;
}

}  // namespace

int run_live(const RunOptions& options) {
  return LiveRun(options).run();
}

int run_undivert() {
  const Result<std::vector<std::string>> removed = hooks::remove_diverts(false);
  if (!removed) return print_error(removed.error());
  for (const std::string& rule : *removed)
    print_to(stdout, "removed: {}\n", printable(rule));
  if (removed->empty()) print_to(stdout, "no rules of ended runs here\n");
  return kDone;
}

}  // namespace perilune::cli
