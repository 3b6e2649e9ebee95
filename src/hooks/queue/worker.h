// One queue and the thread that serves it: read a batch, judge it, answer it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "engine/engine.h"
#include "hooks/queue.h"
#include "hooks/queue/interface_names.h"
#include "hooks/queue/reply_sender.h"
#include "hooks/queue/socket.h"
#include "hooks/queue/verdicts.h"
#include "hooks/queue/warnings.h"

namespace perilune::hooks::queue {

class Worker {
 public:
  /// `numbers` counts packets over all queues. The references must outlive the worker.
  Worker(std::unique_ptr<QueueSocket> socket, std::unique_ptr<engine::PacketWorker> judge, ReplySender replies,
         FileDescriptor wake, std::atomic<uint64_t>& numbers, QueueObserver& observer, Warnings& warnings);

  /// The thread's body: judges until finish() is called and the queue is empty, or until an error. Lets go of the queue
  /// at the end, so that the kernel drops (with fail_open and --queue-bypass: passes) what comes later.
  [[nodiscard]] Result<void> run();
  /// From another thread: run() ends when nothing is queued any more, at the latest at `deadline`.
  void finish(std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] uint16_t queue() const { return number_; }
  [[nodiscard]] engine::Statistics statistics() const { return judge_->statistics(); }
  [[nodiscard]] QueueCounters counters() const;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  [[nodiscard]] Result<void> serve();
  /// Waits for packets or finish(). False: finish() was called and nothing came for a moment.
  [[nodiscard]] Result<bool> wait();
  void judge(const Arrival& arrival);
  void pass(const Arrival& arrival, const packet::Packet& packet, const packet::Decision& decision);
  void answer(const packet::Packet& packet, const packet::Decision& decision);
  [[nodiscard]] Result<void> send_verdicts();
  void count_losses();
  void keep_kernel_counters();

  std::unique_ptr<QueueSocket> socket_;  // null after run()
  std::unique_ptr<engine::PacketWorker> judge_;
  ReplySender replies_;
  FileDescriptor wake_;  // an eventfd
  std::atomic<uint64_t>& numbers_;
  QueueObserver& observer_;
  Warnings& warnings_;
  const uint16_t number_;
  InterfaceNames names_;
  VerdictBuffer verdicts_;
  std::atomic<bool> finishing_ = false;
  std::atomic<int64_t> deadline_ns_ = 0;  // of the steady clock; set before finishing_

  std::atomic<uint64_t> overruns_ = 0;
  std::atomic<uint64_t> reply_failures_ = 0;
  std::atomic<uint64_t> verdict_failures_ = 0;
  std::atomic<uint64_t> dropped_full_ = 0;  // the kernel's counters, kept when the queue ends
  std::atomic<uint64_t> dropped_user_ = 0;
  std::atomic<bool> kernel_counters_kept_ = false;
};

}  // namespace perilune::hooks::queue
