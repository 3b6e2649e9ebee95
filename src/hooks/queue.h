// The hook `queue`: live packets that a firewall rule hands to user space (NFQUEUE), one worker thread a queue.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "packet/packet.h"

namespace perilune::hooks {

struct QueueOptions {
  uint16_t first = 0;          // queue numbers first..last
  uint16_t last = 0;
  bool fail_open = false;      // packets pass while the queue is full (and, with a rule of ours, while nobody listens)
  uint32_t queue_length = 8192;     // packets the kernel holds per queue
  uint32_t receive_buffer = 8U << 20;  // bytes per socket
  bool gso = true;             // take segmentation-offload packets whole
  const std::atomic<bool>* stop = nullptr;  // set: drain what is queued, then end
};

struct QueueCounters {
  uint64_t overruns = 0;       // times the socket buffer was full (ENOBUFS)
  uint64_t dropped_kernel = 0; // packets the kernel dropped because the queue was full (from /proc)
  uint64_t dropped_user = 0;   // packets it could not hand over
  uint64_t reply_failures = 0; // RST, ICMP or replies that could not be sent
};

class QueueObserver {
 public:
  virtual ~QueueObserver() = default;
  /// All queues are bound; packets are judged from now on.
  virtual void on_ready() = 0;
  /// After each packet, on the queue's thread.
  virtual void on_packet(uint16_t queue, const packet::Packet& packet, const packet::Decision& decision) = 0;
  /// Something worth saying that does not end the run.
  virtual void on_warning(const std::string& text) = 0;
};

/// Binds the queues, judges until `stop`, drains and unbinds. `counters` is kept up to date while it runs.
[[nodiscard]] Result<void> run_queues(const QueueOptions& options, engine::Program& program, QueueObserver& observer,
                                      std::atomic<uint64_t>* packets, QueueCounters& counters);

}  // namespace perilune::hooks
