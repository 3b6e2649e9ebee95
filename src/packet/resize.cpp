#include "packet/resize.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace perilune::packet {
namespace {

constexpr size_t kIpv6Header = 40;
constexpr size_t kIpMaximum = 65535;
constexpr uint32_t kIcmpV6Header = 8;

ResizeRefusal why_not(const Location& location, std::span<const uint8_t> buffer) {
  if (location.version == 0 || location.malformed != Malformed::kNone) return ResizeRefusal::kNotIp;
  if (location.truncated) return ResizeRefusal::kTruncated;
  if (location.fragment) return ResizeRefusal::kFragment;
  if (location.protocol == protocol::kTcp) return ResizeRefusal::kTcp;
  if (location.protocol == protocol::kSctp) return ResizeRefusal::kProtocol;
  const uint8_t* ip = buffer.data() + location.network;
  const bool is_jumbogram = location.version == 6 && read_be16(ip + 4) == 0 && ip[6] == protocol::kHopByHop;
  return is_jumbogram ? ResizeRefusal::kTooLong : ResizeRefusal::kNone;
}

void write_lengths(uint8_t* frame, const Location& location) {
  uint8_t* ip = frame + location.network;
  const size_t ip_length = location.end - location.network;
  if (location.version == 4) {
    write_be16(ip + 2, static_cast<uint16_t>(ip_length));
  } else {
    write_be16(ip + 4, static_cast<uint16_t>(ip_length - kIpv6Header));
  }
  if (location.has_transport && location.protocol == protocol::kUdp) {
    write_be16(frame + location.transport + 4, static_cast<uint16_t>(location.end - location.transport));
  }
  if (location.link_length != 0) {
    write_be16(frame + location.link_length, static_cast<uint16_t>(location.end - location.link_length - 2));
  }
}

}  // namespace

std::string_view to_string(ResizeRefusal refusal) {
  switch (refusal) {
    case ResizeRefusal::kNone:
      return "the payload can be replaced";
    case ResizeRefusal::kTcp:
      return "a TCP payload cannot change its length: both ends count its bytes in sequence numbers; write the same "
             "number "
             "of bytes";
    case ResizeRefusal::kFragment:
      return "the payload of a fragment cannot change its length: the other fragments would no longer fit";
    case ResizeRefusal::kTruncated:
      return "the payload cannot change its length: the capture does not have the whole packet";
    case ResizeRefusal::kTooLong:
      return "the payload is too long: an IP packet has at most 65,535 bytes";
    case ResizeRefusal::kNotIp:
      return "there is no payload: this is not an IP packet";
    case ResizeRefusal::kProtocol:
      return "an SCTP payload cannot change its length: its chunks have lengths of their own; write the same number of "
             "bytes";
    case ResizeRefusal::kMalformed:
      return "the packet was malformed by the script before";
  }
  return "";
}

ResizeRefusal replace_payload(std::span<uint8_t> buffer, size_t& length, Location& location,
                              std::span<const uint8_t> payload) {
  if (location.version == 0) return ResizeRefusal::kNotIp;
  const bool resizes = payload.size() != location.end - location.payload;
  if (resizes) {
    const ResizeRefusal refusal = why_not(location, buffer);
    if (refusal != ResizeRefusal::kNone) return refusal;
    const size_t end = location.payload + payload.size();
    const size_t ip_header = location.version == 6 ? kIpv6Header : 0;
    if (payload.size() > kIpMaximum || end - location.network - ip_header > kIpMaximum || end > buffer.size()) {
      return ResizeRefusal::kTooLong;
    }
    if (location.link_length != 0 && end - location.link_length - 2 > kIpMaximum) return ResizeRefusal::kTooLong;
    location.end = static_cast<uint32_t>(end);
    length = end;
  }
  if (!payload.empty()) std::memmove(buffer.data() + location.payload, payload.data(), payload.size());
  if (resizes) write_lengths(buffer.data(), location);
  if (location.has_transport && location.protocol == protocol::kIcmpV6) {
    // A message that was shorter than 8 bytes was all header, and may be longer now.
    location.payload = location.transport + std::min(kIcmpV6Header, location.end - location.transport);
  }
  return ResizeRefusal::kNone;
}

}  // namespace perilune::packet
