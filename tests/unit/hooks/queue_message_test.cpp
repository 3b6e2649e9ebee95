#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "hooks/queue/message.h"
#include "packet/location.h"

namespace perilune::hooks::queue {
namespace {

/// A message as the kernel builds it.
class Message {
 public:
  explicit Message(int type = NFQNL_MSG_PACKET) : bytes_(70000) {
    nlmsghdr* header = mnl_nlmsg_put_header(bytes_.data());
    header->nlmsg_type = static_cast<uint16_t>((NFNL_SUBSYS_QUEUE << 8) | type);
    mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg));
  }
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }
  Message& packet_header(uint32_t id, uint8_t hook) {
    const nfqnl_msg_packet_hdr header{htonl(id), htons(0x0800), hook};
    mnl_attr_put(this->header(), NFQA_PACKET_HDR, sizeof header, &header);
    return *this;
  }
  Message& number(uint16_t type, uint32_t value) {
    mnl_attr_put_u32(header(), type, htonl(value));
    return *this;
  }
  Message& bytes(uint16_t type, const std::vector<uint8_t>& value) {
    mnl_attr_put(header(), type, value.size(), value.data());
    return *this;
  }

 private:
  std::vector<uint8_t> bytes_;
};

TEST(QueueMessage, EveryField) {
  Message message;
  message.packet_header(0x01020304, NF_INET_LOCAL_IN)
      .number(NFQA_MARK, 0xaabbccdd)
      .number(NFQA_IFINDEX_INDEV, 3)
      .number(NFQA_IFINDEX_OUTDEV, 4)
      .number(NFQA_SKB_INFO, NFQA_SKB_CSUMNOTREADY | NFQA_SKB_GSO)
      .number(NFQA_CAP_LEN, 70000)
      .bytes(NFQA_TIMESTAMP, {0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5})
      .bytes(NFQA_PAYLOAD, {0x45, 1, 2, 3, 4});
  const auto arrival = parse_arrival(message.header());
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->id, 0x01020304U);
  EXPECT_EQ(arrival->hook, NF_INET_LOCAL_IN);
  EXPECT_EQ(arrival->mark, 0xaabbccddU);
  EXPECT_EQ(arrival->in_interface, 3U);
  EXPECT_EQ(arrival->out_interface, 4U);
  EXPECT_TRUE(arrival->checksum_partial);
  EXPECT_EQ(arrival->wire_length, 70000U);
  EXPECT_EQ(arrival->time_ns, 2'000'005'000U);
  ASSERT_EQ(arrival->bytes.size(), 5U);
  EXPECT_EQ(arrival->bytes[0], 0x45);
}

TEST(QueueMessage, WhatIsAbsentIsZero) {
  Message message;
  message.packet_header(9, NF_INET_FORWARD).bytes(NFQA_PAYLOAD, {0x60, 0, 0});
  const auto arrival = parse_arrival(message.header());
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->mark, 0U);
  EXPECT_EQ(arrival->in_interface, 0U);
  EXPECT_EQ(arrival->time_ns, 0U);
  EXPECT_FALSE(arrival->checksum_partial);
  EXPECT_EQ(arrival->wire_length, 3U);
}

/// A TCP packet over IPv4 or IPv6, or of another protocol, with many bytes behind it.
std::vector<uint8_t> large_packet(unsigned version, uint8_t protocol) {
  std::vector<uint8_t> bytes(60'000, 0x5a);
  bytes[0] = version == 4 ? 0x45 : 0x60;
  bytes[version == 4 ? 9 : 6] = protocol;
  return bytes;
}

TEST(QueueMessage, TheBeginningIsEnoughWhereHeadersAreShort) {
  constexpr size_t kRead = 2048;
  for (const unsigned version : {4U, 6U}) {
    Message message;
    message.packet_header(7, NF_INET_LOCAL_IN)
        .number(NFQA_MARK, 5)
        .bytes(NFQA_PAYLOAD, large_packet(version, packet::protocol::kTcp));
    const size_t length = message.header()->nlmsg_len;
    const auto arrival = parse_beginning(message.header(), length, kRead);
    ASSERT_TRUE(arrival);
    EXPECT_EQ(arrival->id, 7U);
    EXPECT_EQ(arrival->mark, 5U);
    EXPECT_EQ(arrival->bytes.size(), 60'000U);
    EXPECT_EQ(arrival->wire_length, 60'000U);
    EXPECT_EQ(arrival->bytes.data() + arrival->ready, reinterpret_cast<const uint8_t*>(message.header()) + kRead);
    EXPECT_FALSE(parse_beginning(message.header(), length, 100)) << "headers may be longer";
    EXPECT_FALSE(parse_beginning(message.header(), length - 4, kRead)) << "the message is longer than what came";
    EXPECT_FALSE(parse_beginning(message.header(), length + 64, kRead)) << "another message follows";
  }
}

TEST(QueueMessage, TheBeginningIsNotEnough) {
  constexpr size_t kRead = 2048;
  const auto parsed = [](Message& message) {
    return parse_beginning(message.header(), message.header()->nlmsg_len, kRead).has_value();
  };
  for (const uint8_t protocol : {packet::protocol::kHopByHop, packet::protocol::kRouting, packet::protocol::kIcmpV6}) {
    Message message;
    message.packet_header(7, NF_INET_LOCAL_IN).bytes(NFQA_PAYLOAD, large_packet(6, protocol));
    EXPECT_FALSE(parsed(message)) << "extension headers may be long: " << int{protocol};
  }
  Message followed;
  followed.packet_header(7, NF_INET_LOCAL_IN).bytes(NFQA_PAYLOAD, large_packet(4, packet::protocol::kTcp));
  followed.number(NFQA_MARK, 5);
  EXPECT_FALSE(parsed(followed)) << "an attribute behind the packet was not read";
  Message late;
  late.packet_header(7, NF_INET_LOCAL_IN).bytes(NFQA_CT, std::vector<uint8_t>(kRead));
  late.bytes(NFQA_PAYLOAD, large_packet(4, packet::protocol::kTcp));
  EXPECT_FALSE(parsed(late)) << "the packet begins behind what was read";
}

TEST(QueueMessage, ShortOrMissingParts) {
  EXPECT_FALSE(parse_arrival(Message(NFQNL_MSG_CONFIG).packet_header(1, 1).bytes(NFQA_PAYLOAD, {1}).header()));
  EXPECT_FALSE(parse_arrival(Message().header()));
  EXPECT_FALSE(parse_arrival(Message().packet_header(1, 1).header()));
  EXPECT_FALSE(parse_arrival(Message().bytes(NFQA_PAYLOAD, {1}).header()));
  EXPECT_FALSE(parse_arrival(Message().bytes(NFQA_PACKET_HDR, {1, 2, 3}).bytes(NFQA_PAYLOAD, {1}).header()));
  nlmsghdr empty{.nlmsg_len = sizeof(nlmsghdr),
                 .nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET,
                 .nlmsg_flags = 0,
                 .nlmsg_seq = 0,
                 .nlmsg_pid = 0};
  EXPECT_FALSE(parse_arrival(&empty));
}

TEST(QueueMessage, DirectionAndInterface) {
  using packet::Direction;
  Arrival arrival;
  arrival.in_interface = 1;
  arrival.out_interface = 2;
  const auto check = [&](uint8_t hook, Direction direction, uint32_t interface) {
    arrival.hook = hook;
    EXPECT_EQ(direction_of_hook(hook), direction);
    EXPECT_EQ(interface_of(arrival), interface);
  };
  check(NF_INET_PRE_ROUTING, Direction::kIn, 1);
  check(NF_INET_LOCAL_IN, Direction::kIn, 1);
  check(NF_INET_FORWARD, Direction::kForward, 1);
  check(NF_INET_LOCAL_OUT, Direction::kOut, 2);
  check(NF_INET_POST_ROUTING, Direction::kOut, 2);
}

}  // namespace
}  // namespace perilune::hooks::queue
