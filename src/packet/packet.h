// One packet as a hook hands it to an engine, and what the engine decided.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "packet/location.h"
#include "packet/verdict.h"

namespace perilune::packet {

enum class Direction : uint8_t { kIn, kOut, kForward };

[[nodiscard]] constexpr std::string_view to_string(Direction direction) {
  switch (direction) {
    case Direction::kIn:
      return "in";
    case Direction::kOut:
      return "out";
    case Direction::kForward:
      return "forward";
  }
  return "in";
}

/// How far the transport checksum in the bytes can be trusted.
enum class ChecksumState : uint8_t {
  kFinal,    // as on the wire (right or wrong): writes update it incrementally
  kPartial,  // only the pseudo header's sum, the device would have finished it: a write computes it whole
};

/// Bytes of a packet that its hook has not read yet.
class UnreadBytes {
 public:
  virtual ~UnreadBytes() = default;
  /// Puts them where the packet has them; a second call does nothing. Where that fails the hook drops the packet,
  /// whatever is decided.
  virtual void read() noexcept = 0;
};

/// Everything is borrowed from the hook and valid during the call that gets it.
struct Packet {
  std::span<const uint8_t> bytes;  // the frame (or the IP packet, for raw link types); never written through
  size_t wire_length = 0;          // >= bytes.size()
  LinkType link = LinkType::kEthernet;
  bool has_frame = true;  // false: the hook has only the IP packet, `pkt.frame` is nil
  ChecksumState checksum = ChecksumState::kFinal;
  Direction direction = Direction::kIn;
  uint32_t ifindex = 0;  // 0: unknown
  uint32_t mark = 0;
  uint64_t time_ns = 0;        // since 1970
  uint64_t number = 0;         // counted from 1 within a file, as Wireshark does; by arrival on live hooks
  std::string_view interface;  // empty: unknown

  /// Not null: of `bytes` only the first `ready`, which hold all headers, may be looked at before need(). Only workers
  /// that say so get such packets (engine::PacketWorker::asks_for_bytes).
  UnreadBytes* unread = nullptr;
  size_t ready = 0;

  /// To be called before any of the bytes [ready, upto) is looked at.
  void need(size_t upto) const {
    if (unread != nullptr && upto > ready) unread->read();
  }
};

struct Decision {
  Verdict verdict = Verdict::kBlock;
  Cause cause = Cause::kDefault;
  Malformed malformed = Malformed::kNone;
  bool modified = false;
  bool mark_set = false;
  uint32_t mark = 0;
  uint32_t line = 0;                   // of the script's return (when recorded) or error; 0: unknown
  std::span<const uint8_t> bytes;      // the packet after modification; valid until the worker's next call
  const Location* location = nullptr;  // the headers as they arrived; likewise
};

}  // namespace perilune::packet
