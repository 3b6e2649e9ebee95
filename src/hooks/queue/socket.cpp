#include "hooks/queue/socket.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <poll.h>

#include "base/capabilities.h"
#include "hooks/queue/kernel_state.h"
#include "hooks/queue/netlink.h"

namespace perilune::hooks::queue {

namespace {

// The largest packet the kernel copies (65,531 bytes) with room for all other attributes; a multiple of what nlmsghdr
// is aligned to, because these stand in a row.
constexpr size_t kDatagramBytes = 0x10000 + 4096;
constexpr int kAnswerMilliseconds = 5000;
// Large packets (a TCP stream with segmentation offload) are read few at a time, always into the same buffers: 64 of
// 64 KiB each would push one another out of the processor's cache, and a stream waits for each verdict.
constexpr size_t kLargeBytes = 8192;
constexpr size_t kLargeBatch = 2;
// Of a large packet this much is read at first: all headers, and what most filters look at.
constexpr size_t kBeginningBytes = 2048;
// The first attribute of a message has the packet's id.
constexpr size_t kIdBytes = 128;
// The sequence number of the message that wake() has answered. Verdicts have 0, requests count up from 1.
constexpr uint32_t kWakeSequence = UINT32_MAX;

std::vector<uint8_t> config_message(uint16_t number) {
  std::vector<uint8_t> message(512);
  nlmsghdr* header = put_message(message.data(), NFQNL_MSG_CONFIG, number);
  header->nlmsg_flags |= NLM_F_ACK;
  return message;
}

nlmsghdr* header_of(std::vector<uint8_t>& message) {
  return reinterpret_cast<nlmsghdr*>(message.data());
}

/// Why a queue could not be bound, as far as it can be found out.
tl::unexpected<Error> bind_error(uint16_t number, int code) {
  if (code == EPERM && !has_capability(CAP_NET_ADMIN)) {
    return system_error(fmt::format("reading packets from queue {} needs CAP_NET_ADMIN", number), grant_hint());
  }
  if (const auto taken = kernel_queue(number); taken && (code == EPERM || code == EBUSY)) {
    const std::string owner = describe_owner(taken->port_id);
    return system_error(
        fmt::format("queue {} is already taken by {}", number, owner.empty() ? "another process" : owner),
        "stop that process or choose another number with --queue");
  }
  if (code == EPERM) {
    return system_error(
        fmt::format("may not read packets from queue {}: this network namespace belongs to another user", number),
        "enter the namespace as the user who owns it, with CAP_NET_ADMIN there");
  }
  if (code == EINVAL || code == EOPNOTSUPP || code == ENOPROTOOPT) {
    return errno_error(fmt::format("bind queue {}", number), code,
                       "the kernel seems to lack NFQUEUE: sudo modprobe nfnetlink_queue");
  }
  return errno_error(fmt::format("bind queue {}", number), code);
}

}  // namespace

QueueSocket::QueueSocket(uint16_t number)
    : number_(number), storage_(kBatch * kDatagramBytes), vectors_(kBatch), headers_(kBatch) {
  for (size_t i = 0; i < kBatch; ++i) {
    vectors_[i] = {storage_.data() + i * kDatagramBytes, kDatagramBytes};
    headers_[i] = {};
    headers_[i].msg_hdr.msg_iov = &vectors_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
  arrivals_.reserve(kBatch);
}

Result<std::unique_ptr<QueueSocket>> QueueSocket::open(uint16_t number, const QueueOptions& options, bool gso) {
  std::unique_ptr<QueueSocket> queue(new QueueSocket(number));
  queue->socket_.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (!queue->socket_) {
    return errno_error("open a netfilter netlink socket", errno,
                       "the kernel seems to lack nfnetlink: sudo modprobe nfnetlink_queue");
  }
  if (mnl_socket_bind(queue->socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return errno_error("bind a netlink socket", errno);
  if (auto configured = queue->configure(options, gso); !configured) return tl::make_unexpected(configured.error());
  return queue;
}

Result<void> QueueSocket::configure(const QueueOptions& options, bool gso) {
  // The forced variants go beyond net.core.rmem_max and need CAP_NET_ADMIN; the others are cut to the limit. A smaller
  // buffer than asked for works too.
  const int receive_bytes = static_cast<int>(std::min<uint32_t>(options.receive_buffer, INT32_MAX / 2));
  if (setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) != 0) {
    setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  }
  const int send_bytes = 512 << 10;
  setsockopt(fd(), SOL_SOCKET, SO_SNDBUFFORCE, &send_bytes, sizeof send_bytes);
  int on = 1;
  mnl_socket_setsockopt(socket_.get(), NETLINK_NO_ENOBUFS, &on, sizeof on);

  std::vector<uint8_t> bind = config_message(number_);
  put_command(header_of(bind), NFQNL_CFG_CMD_BIND);
  if (const int code = request(bind); code != 0) return bind_error(number_, code);

  std::vector<uint8_t> length = config_message(number_);
  put_be32(header_of(length), NFQA_CFG_QUEUE_MAXLEN, options.queue_length);
  if (const int code = request(length); code != 0) {
    return errno_error(fmt::format("set the length of queue {} to {}", number_, options.queue_length), code);
  }

  std::vector<uint8_t> flags = config_message(number_);
  const uint32_t wanted = (gso ? NFQA_CFG_F_GSO : 0U) | (options.fail_open ? NFQA_CFG_F_FAIL_OPEN : 0U);
  put_be32(header_of(flags), NFQA_CFG_FLAGS, wanted);
  put_be32(header_of(flags), NFQA_CFG_MASK, NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN);
  if (const int code = request(flags); code != 0) {
    return errno_error(fmt::format("set the flags of queue {}", number_), code);
  }

  // Last, because this is what makes packets come.
  std::vector<uint8_t> copy = config_message(number_);
  put_copy_range(header_of(copy), 0xffff);
  if (const int code = request(copy); code != 0) {
    return errno_error(fmt::format("ask for whole packets from queue {}", number_), code);
  }
  return {};
}

int QueueSocket::request(std::vector<uint8_t>& message) {
  nlmsghdr* header = header_of(message);
  header->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_.get(), header, header->nlmsg_len) < 0) return errno;
  while (true) {
    pollfd waited{fd(), POLLIN, 0};
    const int ready = poll(&waited, 1, kAnswerMilliseconds);
    if (ready == 0) return ETIMEDOUT;
    if (ready < 0 && errno != EINTR) return errno;
    if (ready < 0) continue;
    const ssize_t length = recv(fd(), storage_.data(), kDatagramBytes, MSG_DONTWAIT);
    if (length < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOBUFS)) continue;
    if (length < 0) return errno;
    const auto* answer = reinterpret_cast<const nlmsghdr*>(storage_.data());
    if (!mnl_nlmsg_ok(answer, static_cast<int>(length))) return EBADMSG;
    if (answer->nlmsg_type == NLMSG_ERROR && answer->nlmsg_seq == sequence_) {
      return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error;
    }
    early_.emplace_back(storage_.data(), storage_.data() + length);
  }
}

Result<void> QueueSocket::take_datagram(std::span<const uint8_t> datagram) {
  const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
  int left = static_cast<int>(datagram.size());
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    if (message->nlmsg_type == NLMSG_ERROR) {
      if (message->nlmsg_seq != kWakeSequence) ++refused_;
      continue;
    }
    const auto arrival = parse_arrival(message);
    // A packet whose id is unknown can have no verdict, and a later batch of verdicts would sweep it along.
    if (!arrival)
      return system_error(fmt::format("the kernel sent a message on queue {} that cannot be read", number_));
    take(*arrival);
  }
  return {};
}

void QueueSocket::take(const Arrival& arrival) {
  if (any_id_) lost_ += arrival.id - last_id_ - 1;
  any_id_ = true;
  last_id_ = arrival.id;
  arrivals_.push_back(arrival);
}

Result<std::span<const Arrival>> QueueSocket::receive(Wait wait) {
  arrivals_.clear();
  if (!early_given_) {
    early_given_ = true;
    for (const auto& datagram : early_) {
      if (auto taken = take_datagram(datagram); !taken) return tl::make_unexpected(taken.error());
    }
    if (!arrivals_.empty()) return std::span<const Arrival>(arrivals_);
  }
  early_.clear();
  if (held_) {
    const int code = take_held(kIdBytes);
    if (lost_track_) return system_error(fmt::format("a packet of queue {} went before it was read", number_));
    if (code != 0) return nothing(code);
  }
  if (beginnings_ && small_reads_ < kSmallReads) {
    const ssize_t length = look(wait);
    if (length < 0) return nothing(errno);
    if (static_cast<size_t>(length) > kLargeBytes && take_beginning(static_cast<size_t>(length))) {
      small_reads_ = 0;
      return std::span<const Arrival>(arrivals_);
    }
    wait = Wait::kNot;
  }
  const int flags = wait == Wait::kForMessage ? MSG_WAITFORONE : MSG_DONTWAIT;
  const int count = recvmmsg(fd(), headers_.data(), small_reads_ == 0 ? kLargeBatch : kBatch, flags, nullptr);
  if (count < 0) return nothing(errno);
  size_t largest = 0;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    largest = std::max<size_t>(largest, headers_[i].msg_len);
    if ((headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      return system_error(fmt::format("the kernel sent a message on queue {} that is too long to be read", number_));
    }
    const auto taken = take_datagram({storage_.data() + i * kDatagramBytes, headers_[i].msg_len});
    if (!taken) return tl::make_unexpected(taken.error());
  }
  small_reads_ = largest > kLargeBytes ? 0 : std::min(small_reads_ + 1, kSmallReads);
  return std::span<const Arrival>(arrivals_);
}

std::span<const Arrival> QueueSocket::nothing(int code) {
  // ENOBUFS comes only where NETLINK_NO_ENOBUFS could not be set; the gap in the ids says how many were lost.
  if (code != EAGAIN && code != EINTR && code != ENOBUFS) trouble_ = code;
  return {};
}

ssize_t QueueSocket::look(Wait wait) {
  const int flags = MSG_PEEK | MSG_TRUNC | (wait == Wait::kForMessage ? 0 : MSG_DONTWAIT);
  return recv(fd(), storage_.data(), kBeginningBytes, flags);
}

bool QueueSocket::take_beginning(size_t length) {
  if (length > kDatagramBytes) return false;
  const auto arrival = parse_beginning(reinterpret_cast<const nlmsghdr*>(storage_.data()), length, kBeginningBytes);
  if (!arrival) return false;
  take(*arrival);
  held_ = arrival->id;
  return true;
}

int QueueSocket::take_held(size_t bytes) {
  if (lost_track_) return ESTALE;
  const ssize_t length = recv(fd(), storage_.data(), bytes, MSG_DONTWAIT | MSG_TRUNC);
  if (length < 0 && errno != EAGAIN) return errno;
  const auto* message = reinterpret_cast<const nlmsghdr*>(storage_.data());
  const bool whole = length >= ssize_t{MNL_NLMSG_HDRLEN} && mnl_nlmsg_ok(message, static_cast<int>(length));
  const auto arrival = whole && static_cast<size_t>(length) <= kDatagramBytes ? parse_arrival(message) : std::nullopt;
  if (!arrival || arrival->id != held_) {
    lost_track_ = true;
    return ESTALE;
  }
  held_.reset();
  return 0;
}

int QueueSocket::read_rest() {
  return held_ ? take_held(kDatagramBytes) : 0;
}

int QueueSocket::wake() const {
  // A message that asks for nothing but an answer; one from a thread without CAP_NET_ADMIN is refused, by an answer
  // too. There is none where the buffer is full, but then there is something to read.
  alignas(nlmsghdr) std::array<uint8_t, MNL_NLMSG_HDRLEN> message{};
  nlmsghdr* header = mnl_nlmsg_put_header(message.data());
  header->nlmsg_type = NLMSG_NOOP;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  header->nlmsg_seq = kWakeSequence;
  while (mnl_socket_sendto(socket_.get(), message.data(), header->nlmsg_len) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int QueueSocket::take_packets_apart() {
  std::vector<uint8_t> message = config_message(number_);
  header_of(message)->nlmsg_flags = NLM_F_REQUEST;  // an answer would come between the packets
  put_be32(header_of(message), NFQA_CFG_FLAGS, 0);
  put_be32(header_of(message), NFQA_CFG_MASK, NFQA_CFG_F_GSO);
  return mnl_socket_sendto(socket_.get(), message.data(), header_of(message)->nlmsg_len) < 0 ? errno : 0;
}

int QueueSocket::send(std::span<const uint8_t> messages) {
  while (mnl_socket_sendto(socket_.get(), messages.data(), messages.size()) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

void QueueSocket::unbind() {
  std::vector<uint8_t> message = config_message(number_);
  header_of(message)->nlmsg_flags = NLM_F_REQUEST;
  put_command(header_of(message), NFQNL_CFG_CMD_UNBIND);
  mnl_socket_sendto(socket_.get(), message.data(), header_of(message)->nlmsg_len);
}

}  // namespace perilune::hooks::queue
