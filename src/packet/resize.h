// A payload that becomes longer or shorter: moves what follows, sets the IP and UDP lengths. Checksums are repaired
// later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "packet/location.h"

namespace perilune::packet {

enum class ResizeRefusal : uint8_t {
  kNone,
  kTcp,        // would break the connection's sequence numbers
  kFragment,   // other fragments would no longer fit
  kTruncated,  // the capture does not have the whole packet
  kTooLong,    // beyond 65,535 bytes of IP, or the buffer
  kNotIp,
  kProtocol,   // a protocol whose own length fields we do not know (SCTP)
  kMalformed,  // the script wrote to the headers before, and they are malformed now
};
inline constexpr uint32_t kResizeRefusals = 7;                    // without kNone
[[nodiscard]] std::string_view to_string(ResizeRefusal refusal);  // a sentence for the script's author

/// Replaces the payload (location.payload .. location.end) in `buffer`, whose first `length` bytes are the frame, by
/// `payload`. On success `length` and `location` describe the new frame. Link-layer padding is dropped. A payload of
/// the same length is allowed for every protocol and for fragments; a different length for UDP, ICMP, ICMPv6 and
/// protocols without a transport header. `payload` may be part of
/// `buffer`: its bytes are those of before.
[[nodiscard]] ResizeRefusal replace_payload(std::span<uint8_t> buffer, size_t& length, Location& location,
                                            std::span<const uint8_t> payload);

}  // namespace perilune::packet
