// The peers of bench/queue, which measures live runs:
//   queue_peer accept QUEUE            passes every packet of a queue, as short as it can be written, until SIGTERM
//   queue_peer traffic tcp|udp PORT MILLISECONDS
//                                      a sender and a receiver on 127.0.0.1; prints the bytes received and the seconds
//                                      it took
//
// The accept loop is the usual one of libmnl: one packet a read into one buffer, whole packets, segmentation offload
// taken whole, a verdict as soon as nothing else was read with it. A filter can hardly do less.
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "hooks/queue/netlink.h"

namespace perilune::bench {
namespace {

namespace netlink = hooks::queue;

constexpr size_t kReceiveBytes = size_t{1} << 18;

Result<void> failed(const char* what) {
  return errno_error(what, errno);
}

Result<uint32_t> number(std::string_view text, uint32_t largest) {
  uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value > largest) {
    return input_error(fmt::format("'{}' is not a number up to {}", text, largest));
  }
  return value;
}

// The accept loop.

class AcceptLoop {
 public:
  explicit AcceptLoop(uint16_t queue) : queue_(queue), received_(kReceiveBytes) {}
  ~AcceptLoop() {
    if (socket_ != nullptr) mnl_socket_close(socket_);
  }
  AcceptLoop(const AcceptLoop&) = delete;
  AcceptLoop& operator=(const AcceptLoop&) = delete;

  Result<void> open() {
    socket_ = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (socket_ == nullptr || mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID) < 0) return failed("open a socket");
    const int receive_bytes = 8 << 20;
    int on = 1;
    if (setsockopt(mnl_socket_get_fd(socket_), SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) != 0 ||
        mnl_socket_setsockopt(socket_, NETLINK_NO_ENOBUFS, &on, sizeof on) != 0) {
      return failed("set up the socket");
    }
    nlmsghdr* message = netlink::put_message(sent_.data(), NFQNL_MSG_CONFIG, queue_);
    netlink::put_command(message, NFQNL_CFG_CMD_BIND);
    if (!send(message)) return failed("bind the queue");
    message = netlink::put_message(sent_.data(), NFQNL_MSG_CONFIG, queue_);
    netlink::put_copy_range(message, 0xffff);
    netlink::put_be32(message, NFQA_CFG_FLAGS, NFQA_CFG_F_GSO);
    netlink::put_be32(message, NFQA_CFG_MASK, NFQA_CFG_F_GSO);
    if (!send(message)) return failed("configure the queue");
    return {};
  }

  Result<void> run() {
    while (true) {
      const ssize_t length = mnl_socket_recvfrom(socket_, received_.data(), received_.size());
      if (length < 0) continue;
      last_ = std::nullopt;
      mnl_cb_run(received_.data(), static_cast<size_t>(length), 0, mnl_socket_get_portid(socket_), keep_id, this);
      if (!last_) continue;
      nlmsghdr* message = netlink::put_message(sent_.data(), NFQNL_MSG_VERDICT_BATCH, queue_);
      netlink::put_verdict(message, *last_, NF_ACCEPT);
      if (!send(message)) return failed("send a verdict");
    }
  }

 private:
  bool send(const nlmsghdr* message) { return mnl_socket_sendto(socket_, message, message->nlmsg_len) >= 0; }

  static int keep_id(const nlmsghdr* message, void* self) {
    const nlattr* header = netlink::attributes_of(message)[NFQA_PACKET_HDR];
    if (header == nullptr) return MNL_CB_ERROR;
    static_cast<AcceptLoop*>(self)->last_ =
        ntohl(static_cast<const nfqnl_msg_packet_hdr*>(mnl_attr_get_payload(header))->packet_id);
    return MNL_CB_OK;
  }

  uint16_t queue_;
  mnl_socket* socket_ = nullptr;
  std::vector<uint8_t> received_;
  alignas(nlmsghdr) std::array<uint8_t, 8192> sent_{};
  std::optional<uint32_t> last_;
};

// Traffic.

/// Bytes.
using Received = std::atomic<uint64_t>;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool bind_to(const FileDescriptor& socket, uint16_t port) {
  const sockaddr_in address = loopback(port);
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool connect_to(const FileDescriptor& socket, uint16_t port) {
  const sockaddr_in address = loopback(port);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Until the other side ends the connection. MSG_TRUNC: nothing is copied, so that the queue is what takes the time.
void receive_stream(int socket, Received& received) {
  ssize_t length = 0;
  while ((length = ::recv(socket, nullptr, size_t{1} << 20, MSG_TRUNC)) > 0) {
    received += static_cast<uint64_t>(length);
  }
}

void receive_datagrams(int socket, Received& received, const std::atomic<bool>& ended) {
  constexpr size_t kBatch = 64;
  constexpr size_t kBytes = 256;
  std::array<std::array<uint8_t, kBytes>, kBatch> storage{};
  std::array<iovec, kBatch> vectors{};
  std::array<mmsghdr, kBatch> headers{};
  for (size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {storage[i].data(), kBytes};
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  while (true) {
    const int count = ::recvmmsg(socket, headers.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (count <= 0 && ended) return;
    uint64_t bytes = 0;
    for (int i = 0; i < count; ++i)
      bytes += headers[static_cast<size_t>(i)].msg_len;
    received += bytes;
  }
}

using Clock = std::chrono::steady_clock;

Result<void> tcp(uint16_t port, Clock::duration time, Received& received) {
  const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const FileDescriptor sender(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener || !bind_to(listener, port) || ::listen(listener.get(), 1) != 0) return failed("listen");
  if (!sender || !connect_to(sender, port)) return failed("connect");
  const FileDescriptor receiver(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!receiver) return failed("accept a connection");
  std::thread receiving([&] { receive_stream(receiver.get(), received); });
  const std::vector<uint8_t> data(size_t{1} << 18, 'x');
  const auto end = Clock::now() + time;
  while (Clock::now() < end && ::send(sender.get(), data.data(), data.size(), MSG_NOSIGNAL) > 0) {
  }
  ::shutdown(sender.get(), SHUT_WR);
  receiving.join();
  return {};
}

Result<void> udp(uint16_t port, Clock::duration time, Received& received) {
  const FileDescriptor receiver(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const FileDescriptor sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval patience{0, 50'000};
  const int receive_bytes = 8 << 20;
  if (!receiver || !bind_to(receiver, port) ||
      setsockopt(receiver.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) != 0 ||
      setsockopt(receiver.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
    return failed("open the receiver");
  }
  if (!sender || !connect_to(sender, port)) return failed("open the sender");
  std::atomic<bool> ended = false;
  std::thread receiving([&] { receive_datagrams(receiver.get(), received, ended); });
  const std::array<uint8_t, 64> data{};
  const auto end = Clock::now() + time;
  // What waits in the queue is charged to the sender's buffer: send() waits when it is full, and nothing is lost.
  while (Clock::now() < end) {
    for (int i = 0; i < 32; ++i)
      (void)::send(sender.get(), data.data(), data.size(), 0);
  }
  ended = true;
  receiving.join();
  return {};
}

Result<void> traffic(std::string_view protocol, uint16_t port, std::chrono::milliseconds time) {
  Received received;
  const auto begin = Clock::now();
  const Result<void> done = protocol == "tcp" ? tcp(port, time, received) : udp(port, time, received);
  if (!done) return done;
  const std::chrono::duration<double> seconds = Clock::now() - begin;
  fmt::print("{} {:.6f}\n", received.load(), seconds.count());
  return {};
}

Result<void> run(const std::vector<std::string_view>& words) {
  if (words.size() == 2 && words[0] == "accept") {
    const auto queue = number(words[1], UINT16_MAX);
    if (!queue) return tl::make_unexpected(queue.error());
    AcceptLoop loop(static_cast<uint16_t>(*queue));
    if (auto opened = loop.open(); !opened) return opened;
    return loop.run();
  }
  if (words.size() == 4 && words[0] == "traffic" && (words[1] == "tcp" || words[1] == "udp")) {
    const auto port = number(words[2], UINT16_MAX);
    if (!port) return tl::make_unexpected(port.error());
    const auto time = number(words[3], 600'000);
    if (!time) return tl::make_unexpected(time.error());
    return traffic(words[1], static_cast<uint16_t>(*port), std::chrono::milliseconds(*time));
  }
  return input_error("usage: queue_peer accept QUEUE | queue_peer traffic tcp|udp PORT MILLISECONDS");
}

}  // namespace
}  // namespace perilune::bench

int main(int count, char** values) {
  using namespace perilune;
  const Result<void> done = bench::run({values + 1, values + count});
  if (done) return 0;
  fmt::print(stderr, "queue_peer: {}\n", done.error().message);
  return done.error().fault == Fault::kInput ? 1 : 2;
}
