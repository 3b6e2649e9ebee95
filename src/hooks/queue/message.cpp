#include "hooks/queue/message.h"

#include <algorithm>

#include <arpa/inet.h>

#include "base/bytes.h"
#include "hooks/queue/netlink.h"

namespace perilune::hooks::queue {

namespace {

constexpr uint16_t kPacketMessage = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET;

/// A 32-bit attribute in network byte order; 0 when it is absent or short.
uint32_t attribute_be32(const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < sizeof(uint32_t)) return 0;
  return ntohl(mnl_attr_get_u32(attribute));
}

uint64_t timestamp_ns(const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < sizeof(nfqnl_msg_packet_timestamp)) return 0;
  const auto* bytes = static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));
  const auto be64 = [](const uint8_t* p) { return (uint64_t{read_be32(p)} << 32) | read_be32(p + 4); };
  return be64(bytes) * 1'000'000'000 + be64(bytes + 8) * 1'000;
}

/// Do all headers end within these bytes, whatever they say? Of IPv6's extension headers that is not known.
bool has_short_headers(std::span<const uint8_t> bytes) {
  constexpr size_t kLongestHeaders = 60 + 60;  // IPv4's and TCP's, both with all options
  if (bytes.size() < kLongestHeaders) return false;
  const unsigned version = bytes[0] >> 4;
  const uint8_t protocol = version == 4 ? bytes[9] : bytes[6];
  return (version == 4 || version == 6) && (protocol == packet::protocol::kTcp || protocol == packet::protocol::kUdp);
}

}  // namespace

std::optional<Arrival> parse_arrival(const nlmsghdr* message) {
  if (message->nlmsg_type != kPacketMessage || mnl_nlmsg_get_payload_len(message) < sizeof(nfgenmsg))
    return std::nullopt;
  const Attributes attributes = attributes_of(message);

  const nlattr* header = attributes[NFQA_PACKET_HDR];
  const nlattr* payload = attributes[NFQA_PAYLOAD];
  if (header == nullptr || mnl_attr_get_payload_len(header) < sizeof(nfqnl_msg_packet_hdr) || payload == nullptr) {
    return std::nullopt;
  }
  const auto packet_header = read_host<nfqnl_msg_packet_hdr>(static_cast<const uint8_t*>(mnl_attr_get_payload(header)));

  Arrival arrival;
  arrival.id = ntohl(packet_header.packet_id);
  arrival.hook = packet_header.hook;
  arrival.in_interface = attribute_be32(attributes[NFQA_IFINDEX_INDEV]);
  arrival.out_interface = attribute_be32(attributes[NFQA_IFINDEX_OUTDEV]);
  arrival.mark = attribute_be32(attributes[NFQA_MARK]);
  arrival.time_ns = timestamp_ns(attributes[NFQA_TIMESTAMP]);
  const uint32_t state = attribute_be32(attributes[NFQA_SKB_INFO]);
  arrival.checksum_partial = (state & NFQA_SKB_CSUMNOTREADY) != 0;
  arrival.several = (state & NFQA_SKB_GSO) != 0;
  arrival.bytes = {static_cast<const uint8_t*>(mnl_attr_get_payload(payload)), mnl_attr_get_payload_len(payload)};
  // The kernel sends NFQA_CAP_LEN, the packet's own length, only when it copied less.
  arrival.wire_length = arrival.bytes.size();
  if (const uint32_t whole = attribute_be32(attributes[NFQA_CAP_LEN]); whole > arrival.wire_length) {
    arrival.wire_length = whole;
  }
  arrival.ready = arrival.bytes.size();
  return arrival;
}

std::optional<Arrival> parse_beginning(const nlmsghdr* message, size_t length, size_t read) {
  // The packet is the last attribute: those before it were read if its own header was.
  if (read < MNL_NLMSG_HDRLEN || message->nlmsg_len > length || MNL_ALIGN(message->nlmsg_len) < length) {
    return std::nullopt;
  }
  std::optional<Arrival> arrival = parse_arrival(message);
  if (!arrival) return std::nullopt;
  const auto begin = static_cast<size_t>(arrival->bytes.data() - reinterpret_cast<const uint8_t*>(message));
  if (begin >= read || begin + MNL_ALIGN(arrival->bytes.size()) < message->nlmsg_len) return std::nullopt;
  arrival->ready = std::min(arrival->bytes.size(), read - begin);
  if (!has_short_headers(arrival->bytes.first(arrival->ready))) return std::nullopt;
  return arrival;
}

packet::Direction direction_of_hook(uint8_t hook) {
  switch (hook) {
    case NF_INET_LOCAL_OUT:
    case NF_INET_POST_ROUTING:
      return packet::Direction::kOut;
    case NF_INET_FORWARD:
      return packet::Direction::kForward;
    default:
      return packet::Direction::kIn;
  }
}

uint32_t interface_of(const Arrival& arrival) {
  const bool out = direction_of_hook(arrival.hook) == packet::Direction::kOut;
  return out ? arrival.out_interface : arrival.in_interface;
}

}  // namespace perilune::hooks::queue
