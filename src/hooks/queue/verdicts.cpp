#include "hooks/queue/verdicts.h"

#include <cassert>

#include "hooks/queue/netlink.h"

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
  nlmsghdr* message = put_message(buffer_.data() + used_, type, queue_);
  put_verdict(message, run_id_, run_passes_ ? NF_ACCEPT : NF_DROP);
  used_ += MNL_ALIGN(message->nlmsg_len);
  run_length_ = 0;
}

void VerdictBuffer::pass_changed(uint32_t id, std::optional<uint32_t> mark, std::span<const uint8_t> bytes) {
  assert(bytes.size() <= kMaxPacket);
  close_run();
  nlmsghdr* message = put_message(buffer_.data() + used_, NFQNL_MSG_VERDICT, queue_);
  put_verdict(message, id, NF_ACCEPT);
  if (mark) put_be32(message, NFQA_MARK, *mark);
  if (!bytes.empty()) put_bytes(message, NFQA_PAYLOAD, bytes);
  used_ += MNL_ALIGN(message->nlmsg_len);
}

void VerdictBuffer::repeat(uint32_t id) {
  close_run();
  nlmsghdr* message = put_message(buffer_.data() + used_, NFQNL_MSG_VERDICT, queue_);
  put_verdict(message, id, NF_REPEAT);
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
