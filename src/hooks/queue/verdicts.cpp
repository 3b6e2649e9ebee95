#include "hooks/queue/verdicts.h"

#include <cassert>

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>

namespace perilune::hooks::queue {

namespace {
constexpr size_t kMessageOverhead = 256;  // headers, the verdict and the mark; 48 bytes in truth
}

VerdictBuffer::VerdictBuffer(uint16_t queue)
    : queue_(queue), buffer_(kFullBytes + kMaxPacket + 1 + 2 * kMessageOverhead) {}

void VerdictBuffer::add_plain(uint32_t id, bool pass) {
  if (run_length_ != 0 && run_passes_ != pass) close_run();
  run_passes_ = pass;
  run_id_ = id;
  ++run_length_;
}

void VerdictBuffer::close_run() {
  if (run_length_ == 0) return;
  const int type = run_length_ == 1 ? NFQNL_MSG_VERDICT : NFQNL_MSG_VERDICT_BATCH;
  nlmsghdr* message = nfq_nlmsg_put(reinterpret_cast<char*>(buffer_.data() + used_), type, queue_);
  nfq_nlmsg_verdict_put(message, static_cast<int>(run_id_), run_passes_ ? NF_ACCEPT : NF_DROP);
  used_ += MNL_ALIGN(message->nlmsg_len);
  run_length_ = 0;
}

void VerdictBuffer::pass_changed(uint32_t id, std::optional<uint32_t> mark, std::span<const uint8_t> bytes) {
  assert(bytes.size() <= kMaxPacket);
  close_run();
  nlmsghdr* message = nfq_nlmsg_put(reinterpret_cast<char*>(buffer_.data() + used_), NFQNL_MSG_VERDICT, queue_);
  nfq_nlmsg_verdict_put(message, static_cast<int>(id), NF_ACCEPT);
  if (mark) nfq_nlmsg_verdict_put_mark(message, *mark);
  if (!bytes.empty()) nfq_nlmsg_verdict_put_pkt(message, bytes.data(), static_cast<uint32_t>(bytes.size()));
  used_ += MNL_ALIGN(message->nlmsg_len);
}

std::span<const uint8_t> VerdictBuffer::finish() {
  close_run();
  return {buffer_.data(), used_};
}

void VerdictBuffer::clear() {
  used_ = 0;
  run_length_ = 0;
}

}  // namespace perilune::hooks::queue
