#include "hooks/queue/worker.h"

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "base/realtime.h"
#include "packet/location.h"

namespace perilune::hooks::queue {

namespace {

// A packet whose firewall rule was just taken away may still be on its way to the queue.
constexpr int kSettleMilliseconds = 20;
// A slow script must not hold back the verdicts of the packets before.
constexpr std::chrono::milliseconds kLongestHold{1};
constexpr std::chrono::milliseconds kLongestPause{100};
// More packets than a queue holds (QueueOptions::queue_length) or loses at once.
constexpr uint32_t kMostQueued = 1U << 16;

void add(std::atomic<uint64_t>& counter, uint64_t count = 1) {
  counter.fetch_add(count, std::memory_order_relaxed);
}

/// The only protocol whose packet of several segments is one stretch of a stream. What carries TCP inside (a tunnel) is
/// several packets by their outer headers.
bool is_tcp(std::span<const uint8_t> bytes) {
  return packet::locate(bytes, bytes.size(), packet::LinkType::kRaw).protocol == packet::protocol::kTcp;
}

}  // namespace

Worker::Worker(std::unique_ptr<QueueSocket> socket, std::unique_ptr<engine::PacketWorker> judge, ReplySender replies,
               const Shared& shared)
    : socket_(std::move(socket)),
      judge_(std::move(judge)),
      replies_(std::move(replies)),
      packets_(shared.packets),
      kernel_(shared.kernel),
      observer_(shared.observer),
      warnings_(shared.warnings),
      number_(socket_->number()),
      names_(shared.changes),
      verdicts_(number_) {
  if (judge_->asks_for_bytes()) socket_->read_beginnings();
}

Result<void> Worker::run() {
  Result<void> result;
  try {
    result = serve();
  } catch (const std::exception& error) {
    result = system_error(fmt::format("the thread of queue {} ended: {}", number_, error.what()));
  }
  keep_kernel_counters();
  if (result) socket_->unbind();
  const std::lock_guard lock(socket_mutex_);
  socket_.reset();
  return result;
}

void Worker::finish(std::chrono::steady_clock::time_point deadline) {
  deadline_ns_.store(deadline.time_since_epoch().count(), std::memory_order_relaxed);
  finishing_.store(true, std::memory_order_release);
  while (!wake())  // no memory for the message: the thread still waits
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

bool Worker::wake() {
  const std::lock_guard lock(socket_mutex_);
  return !socket_ || socket_->wake() == 0;
}

Result<void> Worker::serve() {
  while (true) {
    const bool finishing = finishing_.load(std::memory_order_acquire);
    const auto arrivals = socket_->receive(finishing ? QueueSocket::Wait::kNot : QueueSocket::Wait::kForMessage);
    if (!arrivals) return tl::make_unexpected(arrivals.error());
    count_losses();
    if (const int code = socket_->take_trouble(); code != 0) {
      hesitate("read packets from", code);
      if (is_past_deadline()) return {};
      continue;
    }
    if (arrivals->empty()) {
      if (finishing && !something_comes()) return {};
      continue;
    }
    pause_ = {};
    if (auto settled = settle(*arrivals); !settled) return settled;
    if (is_past_deadline()) return {};
  }
}

bool Worker::something_comes() {
  pollfd waited{socket_->fd(), POLLIN, 0};
  const int ready = poll(&waited, 1, kSettleMilliseconds);
  if (ready < 0 && errno != EINTR) {
    hesitate("wait for packets of", errno);
    return !is_past_deadline();
  }
  return ready != 0;
}

void Worker::hesitate(const char* what, int code) {
  add(failed_calls_);
  try {
    warnings_.once(fmt::format("{}; it is tried again, and until then nothing passes here",
                               errno_error(fmt::format("{} queue {}", what, number_), code).value().message));
  } catch (const std::bad_alloc&) {
    // What failed is counted; there may be memory for the warning next time.
  }
  pause_ = std::clamp(pause_ * 2, std::chrono::milliseconds(1), kLongestPause);
  std::this_thread::sleep_for(pause_);
}

bool Worker::is_past_deadline() const {
  return finishing_.load(std::memory_order_acquire) &&
         std::chrono::steady_clock::now().time_since_epoch().count() > deadline_ns_.load(std::memory_order_relaxed);
}

Result<void> Worker::settle(std::span<const Arrival> arrivals) {
  const Arrival& last = arrivals.back();
  TimePoint held_since = arrivals.size() > 1 ? std::chrono::steady_clock::now() : TimePoint();
  for (const Arrival& arrival : arrivals) {
    settle(arrival);
    if (unreadable_ != 0) return errno_error(fmt::format("read a packet of queue {}", number_), unreadable_);
    if (&arrival == &last) break;
    const TimePoint now = std::chrono::steady_clock::now();
    if (!verdicts_.full() && now - held_since < kLongestHold) continue;
    if (auto sent = send_verdicts(); !sent) return sent;
    held_since = now;
  }
  return send_verdicts();
}

void Worker::settle(const Arrival& arrival) {
  answered_ = false;
  try {
    if (arrival.several && !is_tcp(arrival.bytes)) {
      take_apart(arrival);
    } else {
      judge(arrival);
    }
  } catch (const std::exception& error) {
    if (!answered_) {
      verdicts_.drop(arrival.id);
      add(unjudged_);
    }
    warnings_.once(fmt::format("queue {}: {}: packets that cannot be judged are dropped", number_, error.what()));
  }
}

void Worker::take_apart(const Arrival& arrival) {
  add(trains_);
  if (!apart_since_) {
    warnings_.once(fmt::format(
        "queue {}: a train of datagrams came as one packet: from now on packets come one by one, also those of TCP, "
        "which is slower; give UDP a queue of its own",
        number_));
    while (const int code = socket_->take_packets_apart()) {
      if (is_past_deadline()) break;
      hesitate("change how packets come from", code);
    }
    apart_since_ = arrival.id;
  }
  // What was queued before still comes whole. Anything later would come whole again, and again.
  if (arrival.id - *apart_since_ > kMostQueued) {
    warnings_.once(fmt::format("queue {}: trains of datagrams cannot be taken apart here: they are dropped", number_));
    verdicts_.drop(arrival.id);
  } else {
    verdicts_.repeat(arrival.id);
  }
  answered_ = true;
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
  packet.number = packets_.fetch_add(1, std::memory_order_relaxed) + 1;
  packet.interface = names_.name(packet.ifindex);
  if (arrival.ready < arrival.bytes.size()) {
    packet.unread = this;
    packet.ready = arrival.ready;
  }

  packet::Decision decision = judge_->judge(packet);
  if (decision.verdict != packet::Verdict::kPass && decision.verdict != packet::Verdict::kBlock) {
    packet.need(packet.bytes.size());  // the answer is made of it
  }
  if (unreadable_ != 0) return;  // without a verdict; the kernel drops it as the queue closes
  if (decision.verdict == packet::Verdict::kPass) {
    const bool given_back = pass(arrival, packet, decision);
    answered_ = true;
    if (!given_back) {
      decision.verdict = packet::Verdict::kBlock;
      decision.cause = packet::Cause::kError;
      decision.modified = false;
      decision.mark_set = false;
    }
  } else {
    verdicts_.drop(arrival.id);
    answered_ = true;
    answer(packet, decision);
  }
  observer_.on_packet(number_, packet, decision);
}

void Worker::read() noexcept {
  while (const int code = socket_->read_rest()) {
    if (code == ESTALE || is_past_deadline()) {
      unreadable_ = code;
      return;
    }
    hesitate("read packets from", code);
  }
  pause_ = {};
}

bool Worker::pass(const Arrival& arrival, const packet::Packet& packet, const packet::Decision& decision) {
  if (!decision.modified && !decision.mark_set) {
    verdicts_.pass(arrival.id);
    return true;
  }
  const std::span<const uint8_t> bytes = decision.modified ? decision.bytes : std::span<const uint8_t>();
  // What the kernel gets back replaces the whole packet: one that it did not hand over whole would be cut.
  const bool cut = decision.modified && packet.wire_length > packet.bytes.size();
  if (cut || bytes.size() > VerdictBuffer::kMaxPacket || (decision.modified && bytes.empty())) {
    add(verdict_failures_);
    add(not_given_back_);
    warnings_.once(fmt::format("a changed packet cannot be given back to the kernel (more than {} bytes): dropped",
                               VerdictBuffer::kMaxPacket));
    verdicts_.drop(arrival.id);
    return false;
  }
  verdicts_.pass_changed(arrival.id, decision.mark_set ? std::optional(decision.mark) : std::nullopt, bytes);
  return true;
}

engine::Statistics Worker::statistics() const {
  const uint64_t not_given_back = not_given_back_.load(std::memory_order_relaxed);
  engine::Statistics statistics = judge_->statistics();
  statistics.passed -= std::min(not_given_back, statistics.passed);
  statistics.modified -= std::min(not_given_back, statistics.modified);
  statistics.blocked += not_given_back;
  statistics.errors += not_given_back;
  return statistics;
}

void Worker::answer(const packet::Packet& packet, const packet::Decision& decision) {
  if (decision.verdict == packet::Verdict::kReject) {
    if (replies_.reject(packet, *decision.location)) return;
    warnings_.once("the answer to a rejected packet could not be sent: dropped only");
  } else if (decision.verdict == packet::Verdict::kReply) {
    if (replies_.reply(packet, *decision.location, decision.modified ? decision.bytes : packet.bytes)) return;
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
  const std::span<const uint8_t> messages = verdicts_.finish();
  while (const int code = socket_->send(messages)) {
    if (is_past_deadline()) return errno_error(fmt::format("send verdicts to queue {}", number_), code);
    hesitate("send verdicts to", code);
  }
  pause_ = {};
  verdicts_.clear();
  return {};
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
  if (const auto kernel = kernel_.find(number_)) {
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
  counters.failed_calls = failed_calls_.load(std::memory_order_relaxed);
  counters.trains = trains_.load(std::memory_order_relaxed);
  counters.unjudged = unjudged_.load(std::memory_order_relaxed);
  counters.dropped_kernel = dropped_full_;
  counters.dropped_user = dropped_user_;
  if (!kernel_counters_kept_) {
    if (const auto kernel = kernel_.find(number_)) {
      counters.dropped_kernel = kernel->dropped_full;
      counters.dropped_user = kernel->dropped_user;
    }
  }
  return counters;
}

}  // namespace perilune::hooks::queue
