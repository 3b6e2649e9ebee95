// Verdicts on their way to the kernel, many messages in one buffer for one system call.
//
// A run of packets that all pass (or are all dropped) unchanged becomes a single NFQNL_MSG_VERDICT_BATCH, which the
// kernel applies to every packet it still holds with an id up to the given one. That is the same as one message each
// because verdicts are given in the order of ids and none is ever left out: nothing older is still held when the
// message arrives. Whoever loses a buffer must therefore close the queue, not go on (socket.h does).
//
// Cost: 4 messages for pass pass pass block pass pass+mark instead of 6; 1 instead of 64 for a batch that passes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace perilune::hooks::queue {

class VerdictBuffer {
 public:
  /// The longest packet that fits into a message (an attribute's length has 16 bits).
  static constexpr size_t kMaxPacket = 0xffff - 4;
  /// Send when it holds this much; one further message always fits.
  static constexpr size_t kFullBytes = 64U << 10;

  explicit VerdictBuffer(uint16_t queue);

  void pass(uint32_t id) { add_plain(id, true); }
  void drop(uint32_t id) { add_plain(id, false); }
  /// Passes with another mark, other bytes (at most kMaxPacket), or both. An empty span leaves the bytes as they are.
  void pass_changed(uint32_t id, std::optional<uint32_t> mark, std::span<const uint8_t> bytes);

  /// Sends it through the firewall's rules again, from the first one of its hook, and so perhaps to a queue again.
  void repeat(uint32_t id);

  [[nodiscard]] bool empty() const { return used_ == 0 && run_length_ == 0; }
  [[nodiscard]] bool full() const { return used_ >= kFullBytes; }
  /// All messages, complete; valid until the next call.
  [[nodiscard]] std::span<const uint8_t> finish();
  void clear();

 private:
  void add_plain(uint32_t id, bool pass);
  void close_run();

  uint16_t queue_;
  std::vector<uint8_t> buffer_;
  size_t used_ = 0;
  uint32_t run_length_ = 0;  // packets of the run that is not written yet
  uint32_t run_id_ = 0;      // the last of them
  bool run_passes_ = false;
};

}  // namespace perilune::hooks::queue
