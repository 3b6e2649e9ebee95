// One queue and the thread that serves it: read a batch, judge it, answer it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "engine/engine.h"
#include "hooks/queue.h"
#include "hooks/queue/interface_names.h"
#include "hooks/queue/kernel_state.h"
#include "hooks/queue/reply_sender.h"
#include "hooks/queue/socket.h"
#include "hooks/queue/verdicts.h"
#include "hooks/queue/warnings.h"

namespace perilune::hooks::queue {

/// What the workers of a run have in common; it must outlive them.
struct Shared {
  std::atomic<uint64_t>& packets;  // counted over all queues
  const InterfaceChanges& changes;
  const KernelQueues& kernel;
  QueueObserver& observer;
  Warnings& warnings;
};

class Worker : private packet::UnreadBytes {
 public:
  Worker(std::unique_ptr<QueueSocket> socket, std::unique_ptr<engine::PacketWorker> judge, ReplySender replies,
         const Shared& shared);

  /// The thread's body: judges until finish() is called and the queue is empty. System calls that fail are tried again;
  /// an error means that it is no longer known which packets were judged. Lets go of the queue at the end, so that the
  /// kernel drops (with fail_open and --queue-bypass: passes) what comes later.
  [[nodiscard]] Result<void> run();
  /// From another thread: run() ends when nothing is queued any more, at the latest at `deadline`.
  void finish(std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] uint16_t queue() const { return number_; }
  /// What became of the packets: one that was to pass changed and could not be given back is counted as blocked.
  [[nodiscard]] engine::Statistics statistics() const;
  [[nodiscard]] QueueCounters counters() const;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  [[nodiscard]] Result<void> serve();
  /// From another thread: ends a read of run() that waits. False: that failed.
  [[nodiscard]] bool wake();
  /// After finish(): waits for a moment. False: nothing came.
  [[nodiscard]] bool something_comes();
  /// Counts a system call that failed, says so once, and waits before the next attempt, longer each time.
  void hesitate(const char* what, int code);
  [[nodiscard]] bool is_past_deadline() const;
  /// Judges packets and sends their verdicts.
  [[nodiscard]] Result<void> settle(std::span<const Arrival> arrivals);
  /// Judges a packet; whatever goes wrong, it has a verdict afterwards.
  void settle(const Arrival& arrival);
  /// Sends a train of datagrams back to be taken apart, or drops it where that was in vain.
  void take_apart(const Arrival& arrival);
  void judge(const Arrival& arrival);
  /// packet::UnreadBytes, of the packet that is judged.
  void read() noexcept override;
  /// False: it cannot be given back to the kernel as it was changed, and is dropped.
  [[nodiscard]] bool pass(const Arrival& arrival, const packet::Packet& packet, const packet::Decision& decision);
  void answer(const packet::Packet& packet, const packet::Decision& decision);
  [[nodiscard]] Result<void> send_verdicts();
  void count_losses();
  void keep_kernel_counters();

  std::unique_ptr<QueueSocket> socket_;  // null after run()
  std::mutex socket_mutex_;              // held to let go of the socket, and to use it from another thread
  std::unique_ptr<engine::PacketWorker> judge_;
  ReplySender replies_;
  std::atomic<uint64_t>& packets_;
  const KernelQueues& kernel_;
  QueueObserver& observer_;
  Warnings& warnings_;
  const uint16_t number_;
  InterfaceNames names_;
  VerdictBuffer verdicts_;
  std::atomic<bool> finishing_ = false;
  std::atomic<int64_t> deadline_ns_ = 0;  // of the steady clock; set before finishing_

  bool answered_ = false;  // the packet under way has its verdict
  int unreadable_ = 0;     // the errno for which its bytes could not be read; ends the run
  std::chrono::milliseconds pause_{0};
  std::optional<uint32_t> apart_since_;  // the packet at which the queue stopped to take packets whole

  std::atomic<uint64_t> overruns_ = 0;
  std::atomic<uint64_t> reply_failures_ = 0;
  std::atomic<uint64_t> verdict_failures_ = 0;
  std::atomic<uint64_t> failed_calls_ = 0;
  std::atomic<uint64_t> trains_ = 0;
  std::atomic<uint64_t> not_given_back_ = 0;
  std::atomic<uint64_t> unjudged_ = 0;
  std::atomic<uint64_t> dropped_full_ = 0;  // the kernel's counters, kept when the queue ends
  std::atomic<uint64_t> dropped_user_ = 0;
  std::atomic<bool> kernel_counters_kept_ = false;
};

}  // namespace perilune::hooks::queue
