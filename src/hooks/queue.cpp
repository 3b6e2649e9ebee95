#include "hooks/queue.h"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "hooks/queue/privileges.h"
#include "hooks/queue/worker.h"

namespace perilune::hooks {

QueueCounters& QueueCounters::operator+=(const QueueCounters& other) {
  overruns += other.overruns;
  dropped_kernel += other.dropped_kernel;
  dropped_user += other.dropped_user;
  reply_failures += other.reply_failures;
  verdict_failures += other.verdict_failures;
  return *this;
}

namespace {

/// Blocks all signals in this thread, and so in those it starts, for as long as it lives.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
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
    for (size_t i = 0; i < judges.size(); ++i) {
      auto socket = queue::QueueSocket::open(static_cast<uint16_t>(options_.first + i), options_);
      if (!socket) return tl::make_unexpected(socket.error());
      FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      if (!wake) return errno_error("make an eventfd", errno);
      workers_.push_back(std::make_unique<queue::Worker>(std::move(*socket), std::move(judges[i]), open_replies(),
                                                         std::move(wake), numbers_, observer, warnings_));
    }
    return {};
  }

  Result<void> start() override {
    const SignalsBlocked blocked;
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
  std::atomic<uint64_t> numbers_ = 0;
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
  if (options.last < options.first || workers.size() != size_t{options.last} - options.first + 1) {
    return system_error(
        fmt::format("queues {} to {} need one worker each, there are {}", options.first, options.last, workers.size()));
  }
  auto run = std::make_unique<QueueRunImpl>(options, observer);
  if (auto bound = run->bind(std::move(workers), observer); !bound) return tl::make_unexpected(bound.error());
  return run;
}

}  // namespace perilune::hooks
