// Packets of a capture file, one after the other, in constant memory.
//
// pcap (draft-ietf-opsawg-pcap): both byte orders, microseconds and nanoseconds, the variant with longer record headers
// that patched libpcaps of the 1990s wrote, FCS bits in the link type. pcapng (draft-ietf-opsawg-pcapng): sections in
// either byte order, any number of interfaces, enhanced, simple and obsolete packet blocks; every other block is
// stepped over.
//
// A reader of our own, because libpcap gives neither the interface's name nor the direction of a packet, and refuses
// files whose interfaces differ in link type.
//
// What a damaged file gives: everything before the damage, then kBroken with a message that says which packet, at which
// byte, and what is wrong. Damage inside one pcapng block whose borders are sound costs that packet only (kUnreadable),
// reading goes on. Lengths of a record never contradict each other for the caller: a record that claims more captured
// bytes than the packet had on the wire is taken to have had as many as there are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hooks/capture/byte_source.h"
#include "packet/packet.h"

namespace perilune::hooks {

/// No packet is longer than this, unless the file itself announces longer ones (snap length), and then never beyond
/// kMaxSnapLength.
inline constexpr uint32_t kMaxPacketLength = 256 * 1024;
inline constexpr uint32_t kMaxSnapLength = 16 * 1024 * 1024;

/// One packet as the file has it. Everything is borrowed from the reader until its next step.
struct CaptureRecord {
  std::span<const uint8_t> bytes;
  size_t wire_length = 0;  // >= bytes.size()
  packet::LinkType link = packet::LinkType::kEthernet;
  std::optional<packet::Direction> direction;  // when the file says it
  std::string_view interface;                  // empty: the file does not say
  uint32_t ifindex = 0;                        // 0: the file does not say
  uint64_t time_ns = 0;                      // a record without a time (simple packet block) has that of the one before
  uint64_t number = 0;                       // from 1, every packet record counts, as Wireshark numbers them
  std::vector<std::string_view> comments{};  // pcapng: of the packet
};

class CaptureReader {
 public:
  enum class Step : uint8_t {
    kPacket,
    kUnreadable,  // a packet that cannot be judged; it is counted, problem() says why, the next one may be fine
    kEnd,
    kBroken,  // nothing more can be read, error() says why
  };

  virtual ~CaptureReader() = default;
  [[nodiscard]] virtual Step next(CaptureRecord& record) = 0;
  /// Bytes read so far.
  [[nodiscard]] virtual uint64_t position() const = 0;

  /// After kUnreadable or kBroken: what is wrong and where; names the file.
  [[nodiscard]] const Error& error() const { return error_; }

 protected:
  Step fail(Step step, Error error) {
    error_ = std::move(error);
    return step;
  }

 private:
  Error error_;
};

/// Recognises the format by its first bytes. `name` is how messages call the file. Fails when it is no capture file, or
/// a pcap file of a link type that cannot be judged.
[[nodiscard]] Result<std::unique_ptr<CaptureReader>> open_capture(std::unique_ptr<ByteSource> source, std::string name);

}  // namespace perilune::hooks
