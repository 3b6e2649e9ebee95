#include "hooks/queue/worker.h"

#include <array>
#include <ctime>
#include <exception>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "hooks/queue/kernel_state.h"

namespace perilune::hooks::queue {

namespace {

// A packet whose firewall rule was just taken away may still be on its way to the queue.
constexpr int kSettleMilliseconds = 20;
// A slow script must not hold back the verdicts of the packets before.
constexpr std::chrono::milliseconds kLongestHold{1};

uint64_t realtime_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void add(std::atomic<uint64_t>& counter, uint64_t count = 1) {
  counter.fetch_add(count, std::memory_order_relaxed);
}

}  // namespace

Worker::Worker(std::unique_ptr<QueueSocket> socket, std::unique_ptr<engine::PacketWorker> judge, ReplySender replies,
               FileDescriptor wake, std::atomic<uint64_t>& numbers, QueueObserver& observer, Warnings& warnings)
    : socket_(std::move(socket)),
      judge_(std::move(judge)),
      replies_(std::move(replies)),
      wake_(std::move(wake)),
      numbers_(numbers),
      observer_(observer),
      warnings_(warnings),
      number_(socket_->number()),
      verdicts_(number_) {}

Result<void> Worker::run() {
  Result<void> result;
  try {
    result = serve();
  } catch (const std::exception& error) {
    result = system_error(fmt::format("the thread of queue {} ended: {}", number_, error.what()));
  }
  keep_kernel_counters();
  if (result) socket_->unbind();
  socket_.reset();
  return result;
}

void Worker::finish(std::chrono::steady_clock::time_point deadline) {
  deadline_ns_.store(deadline.time_since_epoch().count(), std::memory_order_relaxed);
  finishing_.store(true, std::memory_order_release);
  eventfd_write(wake_.get(), 1);
}

Result<void> Worker::serve() {
  while (true) {
    const auto arrivals = socket_->receive();
    if (!arrivals) return tl::make_unexpected(arrivals.error());
    count_losses();
    if (arrivals->empty()) {
      const auto more = wait();
      if (!more) return tl::make_unexpected(more.error());
      if (!*more) return {};
      continue;
    }
    TimePoint held_since = std::chrono::steady_clock::now();
    for (const Arrival& arrival : *arrivals) {
      judge(arrival);
      const TimePoint now = std::chrono::steady_clock::now();
      if (!verdicts_.full() && now - held_since < kLongestHold) continue;
      if (auto sent = send_verdicts(); !sent) return sent;
      held_since = now;
    }
    if (auto sent = send_verdicts(); !sent) return sent;
    if (finishing_.load(std::memory_order_acquire) &&
        held_since.time_since_epoch().count() > deadline_ns_.load(std::memory_order_relaxed)) {
      return {};
    }
  }
}

Result<bool> Worker::wait() {
  const bool finishing = finishing_.load(std::memory_order_acquire);
  std::array<pollfd, 2> waited{{{socket_->fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  const int ready = poll(waited.data(), finishing ? 1 : 2, finishing ? kSettleMilliseconds : -1);
  if (ready < 0 && errno != EINTR) return errno_error(fmt::format("wait for packets of queue {}", number_), errno);
  return ready != 0;
}

void Worker::judge(const Arrival& arrival) {
  packet::Packet packet;
  packet.bytes = arrival.bytes;
  packet.wire_length = arrival.wire_length;
  packet.link = packet::LinkType::kRaw;
  packet.has_frame = false;
  packet.checksum = arrival.checksum_partial ? packet::ChecksumState::kPartial : packet::ChecksumState::kFinal;
  packet.direction = direction_of_hook(arrival.hook);
  packet.ifindex = interface_of(arrival);
  packet.mark = arrival.mark;
  packet.time_ns = arrival.time_ns != 0 ? arrival.time_ns : realtime_ns();
  packet.number = numbers_.fetch_add(1, std::memory_order_relaxed) + 1;
  packet.interface = names_.name(packet.ifindex, packet.time_ns);

  const packet::Decision decision = judge_->judge(packet);
  if (decision.verdict == packet::Verdict::kPass) {
    pass(arrival, packet, decision);
  } else {
    answer(packet, decision);
    verdicts_.drop(arrival.id);
  }
  observer_.on_packet(number_, packet, judge_->location(), decision);
}

void Worker::pass(const Arrival& arrival, const packet::Packet& packet, const packet::Decision& decision) {
  if (!decision.modified && !decision.mark_set) {
    verdicts_.pass(arrival.id);
    return;
  }
  const std::span<const uint8_t> bytes = decision.modified ? decision.bytes : std::span<const uint8_t>();
  // What the kernel gets back replaces the whole packet: one that it did not hand over whole would be cut.
  const bool cut = decision.modified && packet.wire_length > packet.bytes.size();
  if (cut || bytes.size() > VerdictBuffer::kMaxPacket || (decision.modified && bytes.empty())) {
    add(verdict_failures_);
    warnings_.once(fmt::format("a changed packet cannot be given back to the kernel (more than {} bytes): dropped",
                               VerdictBuffer::kMaxPacket));
    verdicts_.drop(arrival.id);
    return;
  }
  verdicts_.pass_changed(arrival.id, decision.mark_set ? std::optional(decision.mark) : std::nullopt, bytes);
}

void Worker::answer(const packet::Packet& packet, const packet::Decision& decision) {
  if (decision.verdict == packet::Verdict::kReject) {
    if (replies_.reject(packet, judge_->location())) return;
    warnings_.once("the answer to a rejected packet could not be sent: dropped only");
  } else if (decision.verdict == packet::Verdict::kReply) {
    if (replies_.reply(packet, judge_->location(), decision.modified ? decision.bytes : packet.bytes)) return;
    warnings_.once(
        "a reply could not be sent: dropped only (a reply must be addressed to the packet's sender: exchange the "
        "addresses "
        "and ports)");
  } else {
    return;
  }
  add(reply_failures_);
}

Result<void> Worker::send_verdicts() {
  if (verdicts_.empty()) return {};
  Result<void> sent = socket_->send(verdicts_.finish());
  verdicts_.clear();
  return sent;
}

void Worker::count_losses() {
  if (const uint64_t lost = socket_->take_lost(); lost != 0) {
    add(overruns_, lost);
    warnings_.once(
        fmt::format("queue {}: packets come faster than they are judged, the socket buffer was full", number_));
  }
  if (const uint64_t refused = socket_->take_refused(); refused != 0) add(verdict_failures_, refused);
}

void Worker::keep_kernel_counters() {
  if (const auto kernel = kernel_queue(number_)) {
    dropped_full_ = kernel->dropped_full;
    dropped_user_ = kernel->dropped_user;
  }
  kernel_counters_kept_ = true;
}

QueueCounters Worker::counters() const {
  QueueCounters counters;
  counters.overruns = overruns_.load(std::memory_order_relaxed);
  counters.reply_failures = reply_failures_.load(std::memory_order_relaxed);
  counters.verdict_failures = verdict_failures_.load(std::memory_order_relaxed);
  counters.dropped_kernel = dropped_full_;
  counters.dropped_user = dropped_user_;
  if (!kernel_counters_kept_) {
    if (const auto kernel = kernel_queue(number_)) {
      counters.dropped_kernel = kernel->dropped_full;
      counters.dropped_user = kernel->dropped_user;
    }
  }
  return counters;
}

}  // namespace perilune::hooks::queue
