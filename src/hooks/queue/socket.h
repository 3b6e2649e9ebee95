// One NFQUEUE queue: a netlink socket bound to its number.
//
// A full socket buffer: the kernel drops the packet (or passes it, with fail_open) and the stream goes on with the next
// one. The socket asks for NETLINK_NO_ENOBUFS, because without it the kernel marks the socket congested and drops
// *everything* until the buffer has run empty. What was lost is counted exactly all the same: the kernel numbers
// packets before it tries to hand them over, so losses are gaps in the ids.
//
// While packets come one at a time (a TCP stream waits for its verdicts) each costs two system calls: a read that
// waits, and the verdict. A read that finds nothing and a poll() before the next one would make that four. So only a
// message ends a read that waits, and wake() has the kernel send one.
//
// Of a large packet (a stretch of a TCP stream, up to 64 KiB) few filters look at more than the beginning, and copying
// it takes a quarter of the time. So where packets are large only the beginning is read, by MSG_PEEK, which leaves the
// message in the socket: read_rest() reads all of it where that is wanted, else the next receive() has the kernel
// forget it. That the message which is read or forgotten is the one that was looked at is checked by the packet's id.
//
// Cost of a packet of 64 KiB: three system calls, where it would be two and a copy of 64 KiB; of a small packet among
// large ones: a system call more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <libmnl/libmnl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/result.h"
#include "hooks/queue.h"
#include "hooks/queue/message.h"

namespace perilune::hooks::queue {

class QueueSocket {
 public:
  static constexpr size_t kBatch = 64;  // messages read by one system call
  /// After so many reads without a large packet none is expected next.
  static constexpr unsigned kSmallReads = 16;

  /// Binds the queue; from then on the kernel queues packets for us.
  /// `gso`: segmentation-offload packets come whole.
  [[nodiscard]] static Result<std::unique_ptr<QueueSocket>> open(uint16_t number, const QueueOptions& options,
                                                                 bool gso);

  [[nodiscard]] int fd() const { return mnl_socket_get_fd(socket_.get()); }
  [[nodiscard]] uint16_t number() const { return number_; }

  enum class Wait : uint8_t { kNot, kForMessage };
  /// Reads what is there, with kForMessage at least one message: up to kBatch packets, valid until the next call; none
  /// when there is nothing, after wake(), or when reading failed, which take_trouble() tells. An error is final: a
  /// packet came whose id is unknown, and the caller must let go of the socket, which drops what is queued.
  [[nodiscard]] Result<std::span<const Arrival>> receive(Wait wait);
  /// From any thread: a receive() under way, or else the next one, does not wait. 0 or an errno.
  [[nodiscard]] int wake() const;
  /// The errno of the last receive() that failed without losing anything, once; else 0.
  [[nodiscard]] int take_trouble() { return std::exchange(trouble_, 0); }
  /// From now on receive() may give a packet, always alone, of which only the beginning was read (Arrival::ready).
  void read_beginnings() { beginnings_ = true; }
  /// Reads what is missing of that packet; a second call does nothing. 0 or an errno, after which it may be tried
  /// again. ESTALE: the message is no longer there, and receive() fails from now on.
  [[nodiscard]] int read_rest();
  /// Hands messages to the kernel; 0 or an errno. All or nothing: what failed may be sent again, and must be before any
  /// later message (verdicts.h says why).
  [[nodiscard]] int send(std::span<const uint8_t> messages);

  /// Packets that never reached us (see above), and verdicts the kernel refused, since the last call.
  [[nodiscard]] uint64_t take_lost() { return std::exchange(lost_, 0); }
  [[nodiscard]] uint64_t take_refused() { return std::exchange(refused_, 0); }

  /// Segmentation-offload packets come in their parts from now on; 0 or an errno. Those that are queued already do not.
  [[nodiscard]] int take_packets_apart();

  /// Ends the binding; the kernel drops what it still holds.
  void unbind();

 private:
  struct CloseSocket {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };

  explicit QueueSocket(uint16_t number);
  [[nodiscard]] Result<void> configure(const QueueOptions& options, bool gso);
  /// Sends a configuration message and waits for the kernel's answer: 0 or an errno. Packets that come in between are
  /// kept.
  [[nodiscard]] int request(std::vector<uint8_t>& message);
  [[nodiscard]] Result<void> take_datagram(std::span<const uint8_t> datagram);
  void take(const Arrival& arrival);
  /// No packets, because of this errno.
  [[nodiscard]] std::span<const Arrival> nothing(int code);
  /// Reads the beginning of the next message and leaves it in the socket; its length, or -1 and errno.
  [[nodiscard]] ssize_t look(Wait wait);
  /// Takes the packet of the message that was looked at. False: more of it has to be read.
  [[nodiscard]] bool take_beginning(size_t length);
  /// Takes the message of the packet held_ out of the socket, with so many of its bytes; 0 or an errno as read_rest().
  [[nodiscard]] int take_held(size_t bytes);

  std::unique_ptr<mnl_socket, CloseSocket> socket_;
  uint16_t number_;
  uint32_t sequence_ = 0;
  unsigned small_reads_ = kSmallReads;  // reads without a large packet, since the last one
  bool beginnings_ = false;
  std::optional<uint32_t> held_;  // the packet whose beginning was read and whose message is still in the socket
  bool lost_track_ = false;       // another message came in its place
  std::vector<uint8_t> storage_;  // kBatch datagrams
  std::vector<iovec> vectors_;
  std::vector<mmsghdr> headers_;
  std::vector<Arrival> arrivals_;
  std::vector<std::vector<uint8_t>> early_;  // packets that came while configuring
  bool early_given_ = false;
  bool any_id_ = false;
  uint32_t last_id_ = 0;
  uint64_t lost_ = 0;
  uint64_t refused_ = 0;
  int trouble_ = 0;
};

}  // namespace perilune::hooks::queue
