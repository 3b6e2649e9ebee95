// What the kernel tells about queues in /proc: whose they are and what was dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"

namespace perilune::hooks::queue {

/// A line of /proc/net/netfilter/nfnetlink_queue.
struct KernelQueue {
  uint16_t number = 0;
  uint32_t port_id = 0;       // netlink's name for the socket that listens
  uint32_t waiting = 0;       // packets without a verdict
  uint64_t dropped_full = 0;  // the queue was full
  uint64_t dropped_user = 0;  // the socket buffer was full
  uint32_t last_id = 0;       // of the packet queued last
};

/// Lines that cannot be read are left out.
[[nodiscard]] std::vector<KernelQueue> parse_kernel_queues(std::string_view text);
/// The queues of this thread's network namespace; empty when the kernel has no NFQUEUE.
[[nodiscard]] std::vector<KernelQueue> kernel_queues();
[[nodiscard]] std::optional<KernelQueue> kernel_queue(uint16_t number);

/// The same through a file that stays open, for a process that may open none later.
class KernelQueues {
 public:
  /// Of this thread's network namespace, wherever it is asked from later.
  KernelQueues();
  [[nodiscard]] std::optional<KernelQueue> find(uint16_t number) const;

 private:
  FileDescriptor file_;  // empty when the kernel has no NFQUEUE
};

/// "process 1234 (suricata)" for the owner of a netlink socket, as far as this process may see it; else empty.
[[nodiscard]] std::string describe_owner(uint32_t port_id);

}  // namespace perilune::hooks::queue
