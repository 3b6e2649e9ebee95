// The hook `queue`: live packets that a firewall rule hands to user space (NFQUEUE), one worker thread a queue.
//
//   auto run = QueueRun::open(options, workers, observer);   // queues are bound: errors of privileges and numbers show
//   here auto divert = install_divert(...);                       // only now: a rule without a listener drops packets
//   run->start();
//   while (run->wait_for(100ms)) { signals, statistics ... } // false: a worker failed
//   divert->remove();                                        // first the rule, so that nothing new is queued; only on
//                                                            // an end that was asked for, not when a worker failed
//   run->stop();                                             // judges what is still queued, then unbinds
//
// Fail closed: a packet without a verdict of ours is dropped by the kernel, also when the process dies. What opens is
// only what `fail_open` (and --queue-bypass of the rule) says. A system call that fails (no memory, an error of the
// device below) is tried again until it succeeds, and the packets wait: the queue fills up and stays closed. A worker
// ends, and closes its queue, only where it can no longer know which packets it has judged; the rule must then stay.
//
// Loops: answers to `reject` and `reply` are sent with the mark kReplyMark. The rules of divert.h leave packets with
// that mark alone; a rule of the user's own should too (iptables: -m mark ! --mark 0x50455249). Should one come back
// all the same, it is judged, but not answered again.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/statistics.h"
#include "packet/packet.h"

namespace perilune::hooks {

/// The mark of packets that we send ourselves ("PERI").
inline constexpr uint32_t kReplyMark = 0x50455249;

struct QueueRange {
  uint16_t first = 0;
  uint16_t last = 0;

  [[nodiscard]] size_t size() const { return last < first ? 0 : size_t{last} - first + 1; }
};

/// Segmentation offload: the kernel hands over a stretch of a TCP stream, up to 64 KiB, as one packet. That is judged
/// as a whole. A train of datagrams is several packets in one buffer, too, but the kernel does not tell where each
/// begins, so none but TCP may come that way: a queue that takes packets whole (`gso`) stops doing so at the first
/// other train, which is sent through the firewall's rules again and comes back in its parts.
struct QueueOptions {
  uint16_t first = 0;  // queue numbers first..last
  uint16_t last = 0;
  /// Further queues, without segmentation offload whatever `gso` says.
  std::optional<QueueRange> others;
  bool others_any_free = false;  // as any_free, for those
  /// The numbers are where the search for free ones begins; numbers() has those that were found.
  bool any_free = false;
  /// Not to be served, although nothing serves them: see queues_of_other_filters() of divert.h.
  std::vector<QueueRange> avoided;
  bool fail_open = false;        // packets pass unjudged while the queue or the socket is full; else they are dropped
  uint32_t queue_length = 8192;  // packets the kernel holds per queue
  uint32_t receive_buffer = 8U << 20;          // bytes per socket
  bool gso = true;                             // take segmentation-offload packets of TCP whole
  std::chrono::milliseconds drain_time{2000};  // how long stop() goes on judging what is queued
};

struct QueueCounters {
  uint64_t overruns = 0;  // packets that never reached us: the socket buffer was full (gaps in the kernel's packet ids)
  uint64_t dropped_kernel = 0;    // packets the kernel dropped because the queue was full
  uint64_t dropped_user = 0;      // packets the kernel dropped because the socket buffer was full
  uint64_t reply_failures = 0;    // RST, ICMP or replies that could not be sent
  uint64_t verdict_failures = 0;  // verdicts the kernel refused, and changes to packets it had not handed over whole
  uint64_t failed_calls = 0;      // system calls that failed and were tried again; packets waited
  uint64_t trains = 0;            // trains of datagrams that were sent back to be taken apart
  uint64_t unjudged = 0;          // packets dropped because judging them failed in this process (no memory)

  QueueCounters& operator+=(const QueueCounters& other);
};

class QueueObserver {
 public:
  virtual ~QueueObserver() = default;
  /// After each packet, on the queue's thread.
  virtual void on_packet(uint16_t queue, const packet::Packet& packet, const packet::Decision& decision) = 0;
  /// Something worth saying that does not end the run; once for each kind. Any thread, also inside open().
  virtual void on_warning(const std::string& text) = 0;
};

class QueueRun {
 public:
  /// Binds the queues; packets that come from now on wait in the kernel until start(). workers[i] serves queue first +
  /// i, and after those of first..last come those of `others`. `observer` must outlive the run. Errors name the
  /// capability that is missing, the process that has the queue already, or the kernel module.
  [[nodiscard]] static Result<std::unique_ptr<QueueRun>> open(
      const QueueOptions& options, std::vector<std::unique_ptr<engine::PacketWorker>> workers, QueueObserver& observer);
  virtual ~QueueRun() = default;  // stops

  /// The queues that were bound.
  [[nodiscard]] virtual QueueRange numbers() const = 0;
  [[nodiscard]] virtual std::optional<QueueRange> other_numbers() const = 0;

  /// One thread a queue begins to judge. Signals are blocked in these threads: they reach the caller's.
  [[nodiscard]] virtual Result<void> start() = 0;
  /// Waits at most this long. False: a worker failed and the run should be stopped (its error is stop()'s).
  [[nodiscard]] virtual bool wait_for(std::chrono::milliseconds time) = 0;
  /// Judges what is queued (at most drain_time), unbinds, joins. The error of the first worker that failed, if any. A
  /// second call does nothing and says the same.
  [[nodiscard]] virtual Result<void> stop() = 0;

  /// Sums over the queues; may be called from any thread, before, during and after the run.
  [[nodiscard]] virtual engine::Statistics statistics() const = 0;
  [[nodiscard]] virtual QueueCounters counters() const = 0;
};

}  // namespace perilune::hooks
