#include "hooks/queue.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <linux/capability.h>
#include <pthread.h>

#include "base/capabilities.h"
#include "hooks/queue/interface_names.h"
#include "hooks/queue/kernel_state.h"
#include "hooks/queue/worker.h"

namespace perilune::hooks {

QueueCounters& QueueCounters::operator+=(const QueueCounters& other) {
  overruns += other.overruns;
  dropped_kernel += other.dropped_kernel;
  dropped_user += other.dropped_user;
  reply_failures += other.reply_failures;
  verdict_failures += other.verdict_failures;
  failed_calls += other.failed_calls;
  trains += other.trains;
  unjudged += other.unjudged;
  return *this;
}

namespace {

/// Blocks all signals in this thread, and so in those it starts, for as long as it lives.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGSYS);  // see hooks/confinement.h; blocked it would end the process without a word
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

class QueueRunImpl final : public QueueRun {
 public:
  QueueRunImpl(const QueueOptions& options, QueueObserver& observer) : options_(options), warnings_(observer) {}
  ~QueueRunImpl() override { finish(); }
  QueueRunImpl(const QueueRunImpl&) = delete;
  QueueRunImpl& operator=(const QueueRunImpl&) = delete;

  Result<void> bind(std::vector<std::unique_ptr<engine::PacketWorker>> judges, QueueObserver& observer) {
    auto changes = queue::InterfaceChanges::open();
    if (!changes) return tl::make_unexpected(changes.error());
    changes_ = std::move(*changes);
    Sockets sockets;
    if (auto bound = bind_range({options_.first, options_.last}, options_.any_free, options_.gso, sockets); !bound) {
      return tl::make_unexpected(bound.error());
    } else {
      numbers_ = *bound;
    }
    if (options_.others) {
      const auto bound = bind_range(*options_.others, options_.others_any_free, false, sockets);
      if (!bound) return tl::make_unexpected(bound.error());
      others_ = *bound;
    }
    for (size_t i = 0; i < judges.size(); ++i) {
      workers_.push_back(
          std::make_unique<queue::Worker>(std::move(sockets[i]), std::move(judges[i]), open_replies(),
                                          queue::Shared{packets_, *changes_, kernel_, observer, warnings_}));
    }
    return {};
  }

  [[nodiscard]] QueueRange numbers() const override { return numbers_; }
  [[nodiscard]] std::optional<QueueRange> other_numbers() const override { return others_; }

  Result<void> start() override {
    const SignalsBlocked blocked;
    if (auto started = changes_->start(); !started) return started;
    for (const auto& worker : workers_) {
      try {
        threads_.emplace_back([this, &worker = *worker] { run(worker); });
      } catch (const std::system_error& error) {
        return errno_error("start a thread", error.code().value());
      }
    }
    return {};
  }

  bool wait_for(std::chrono::milliseconds time) override {
    std::unique_lock lock(mutex_);
    return !failed_.wait_for(lock, time, [this] { return error_.has_value(); });
  }

  Result<void> stop() override {
    finish();
    const std::lock_guard lock(mutex_);
    if (error_) return tl::make_unexpected(*error_);
    return {};
  }

  [[nodiscard]] engine::Statistics statistics() const override {
    engine::Statistics sum;
    for (const auto& worker : workers_)
      sum += worker->statistics();
    return sum;
  }

  [[nodiscard]] QueueCounters counters() const override {
    QueueCounters sum;
    for (const auto& worker : workers_)
      sum += worker->counters();
    return sum;
  }

 private:
  using Sockets = std::vector<std::unique_ptr<queue::QueueSocket>>;

  /// Appends the sockets of queues in a row: those of `wanted`, or as many from the first number on where all are free.
  Result<QueueRange> bind_range(QueueRange wanted, bool any_free, bool gso, Sockets& sockets) {
    const size_t before = sockets.size();
    const size_t count = wanted.size();
    size_t first = wanted.first;
    for (size_t number = first; number < first + count; ++number) {
      if (number > UINT16_MAX) return system_error(fmt::format("no {} queues in a row are free", count));
      if (is_avoided(number)) {
        if (!any_free) return avoided_error(number);
        sockets.resize(before);
        first = number + 1;
        continue;
      }
      auto socket = queue::QueueSocket::open(static_cast<uint16_t>(number), options_, gso);
      if (socket) {
        sockets.push_back(std::move(*socket));
        continue;
      }
      if (!any_free || !queue::kernel_queue(static_cast<uint16_t>(number))) {
        return tl::make_unexpected(socket.error());
      }
      sockets.resize(before);
      first = number + 1;
    }
    return QueueRange{static_cast<uint16_t>(first), static_cast<uint16_t>(first + count - 1)};
  }

  /// One that is served already is for the error of a queue that is taken.
  [[nodiscard]] bool is_avoided(size_t number) const {
    return std::any_of(options_.avoided.begin(), options_.avoided.end(),
                       [number](const QueueRange& range) { return number >= range.first && number <= range.last; }) &&
           !queue::kernel_queue(static_cast<uint16_t>(number));
  }
  static tl::unexpected<Error> avoided_error(size_t number) {
    return system_error(
        fmt::format("queue {} has the packets of another filter, whose run ended without being asked to", number),
        "start that filter again, or remove its rule with: perilune run --undivert; or take another queue");
  }

  queue::ReplySender open_replies() {
    auto replies = queue::ReplySender::open();
    if (replies) return std::move(*replies);
    if (!has_capability(CAP_NET_RAW)) {
      warnings_.once("'reject' and 'reply' need CAP_NET_RAW: without it such packets are only dropped; " +
                     grant_hint());
    } else {
      warnings_.once(replies.error().message + ": rejected packets are only dropped");
    }
    return {};
  }

  void run(queue::Worker& worker) {
    const Result<void> result = worker.run();
    if (result) return;
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = result.error();
    failed_.notify_all();
  }

  void finish() {
    const auto deadline = std::chrono::steady_clock::now() + options_.drain_time;
    for (const auto& worker : workers_)
      worker->finish(deadline);
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
  }

  QueueOptions options_;
  queue::Warnings warnings_;
  std::atomic<uint64_t> packets_ = 0;
  QueueRange numbers_;
  std::optional<QueueRange> others_;
  queue::KernelQueues kernel_;
  std::unique_ptr<queue::InterfaceChanges> changes_;
  std::vector<std::unique_ptr<queue::Worker>> workers_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable failed_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::unique_ptr<QueueRun>> QueueRun::open(const QueueOptions& options,
                                                 std::vector<std::unique_ptr<engine::PacketWorker>> workers,
                                                 QueueObserver& observer) {
  const size_t wanted = QueueRange{options.first, options.last}.size() + (options.others ? options.others->size() : 0);
  if (options.last < options.first || workers.size() != wanted) {
    return system_error(fmt::format("{} queues need one worker each, there are {}", wanted, workers.size()));
  }
  auto run = std::make_unique<QueueRunImpl>(options, observer);
  if (auto bound = run->bind(std::move(workers), observer); !bound) return tl::make_unexpected(bound.error());
  return run;
}

}  // namespace perilune::hooks
