#include <map>
#include <optional>
#include <random>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "base/bytes.h"
#include "hooks/queue/netlink.h"
#include "hooks/queue/verdicts.h"

namespace perilune::hooks::queue {
namespace {

struct Outcome {
  bool pass = false;
  std::optional<uint32_t> mark;
  std::vector<uint8_t> bytes;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// What the kernel would do with packets `held` (by id) when it gets these messages.
std::map<uint32_t, Outcome> as_kernel(std::span<const uint8_t> messages, std::vector<uint32_t> held,
                                      size_t* count = nullptr) {
  std::map<uint32_t, Outcome> outcomes;
  const auto* message = reinterpret_cast<const nlmsghdr*>(messages.data());
  int left = static_cast<int>(messages.size());
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    if (count != nullptr) ++*count;
    EXPECT_EQ(ntohs(static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message))->res_id), 7);
    const int type = message->nlmsg_type & 0xff;
    const Attributes attributes = attributes_of(message);
    if (attributes[NFQA_VERDICT_HDR] == nullptr) {
      ADD_FAILURE() << "no verdict";
      return outcomes;
    }
    const auto* verdict = static_cast<const nfqnl_msg_verdict_hdr*>(mnl_attr_get_payload(attributes[NFQA_VERDICT_HDR]));
    Outcome outcome;
    outcome.pass = ntohl(verdict->verdict) == NF_ACCEPT;
    if (attributes[NFQA_MARK] != nullptr) outcome.mark = ntohl(mnl_attr_get_u32(attributes[NFQA_MARK]));
    if (const nlattr* payload = attributes[NFQA_PAYLOAD]; payload != nullptr) {
      const auto* bytes = static_cast<const uint8_t*>(mnl_attr_get_payload(payload));
      outcome.bytes.assign(bytes, bytes + mnl_attr_get_payload_len(payload));
    }
    const uint32_t id = ntohl(verdict->id);
    std::erase_if(held, [&](uint32_t one) {
      const bool hit = type == NFQNL_MSG_VERDICT_BATCH ? static_cast<int32_t>(one - id) <= 0 : one == id;
      if (hit) outcomes[one] = outcome;
      return hit;
    });
  }
  EXPECT_EQ(left, 0);
  EXPECT_TRUE(held.empty());
  return outcomes;
}

TEST(QueueVerdicts, RunsBecomeOneMessage) {
  VerdictBuffer buffer(7);
  EXPECT_TRUE(buffer.empty());
  for (uint32_t id = 1; id <= 64; ++id)
    buffer.pass(id);
  EXPECT_FALSE(buffer.empty());
  std::vector<uint32_t> held;
  for (uint32_t id = 1; id <= 64; ++id)
    held.push_back(id);
  size_t messages = 0;
  for (const auto& [id, outcome] : as_kernel(buffer.finish(), held, &messages))
    EXPECT_TRUE(outcome.pass) << id;
  EXPECT_EQ(messages, 1U);
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_TRUE(buffer.finish().empty());
}

TEST(QueueVerdicts, AnyMixtureIsWhatWasSaid) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    VerdictBuffer buffer(7);
    std::map<uint32_t, Outcome> said;
    std::vector<uint32_t> held;
    uint32_t id = round % 2 == 0 ? 100 : UINT32_MAX - 20;  // ids wrap around
    for (int i = 0; i < 64; ++i, ++id) {
      if (random() % 10 == 0) continue;  // lost on the way to us
      held.push_back(id);
      Outcome outcome;
      outcome.pass = random() % 3 != 0;
      if (outcome.pass && random() % 4 == 0) {
        if (random() % 2 == 0) outcome.mark = random();
        if (!outcome.mark || random() % 2 == 0) outcome.bytes.assign(1 + random() % 900, static_cast<uint8_t>(id));
        buffer.pass_changed(id, outcome.mark, outcome.bytes);
      } else if (outcome.pass) {
        buffer.pass(id);
      } else {
        buffer.drop(id);
      }
      said[id] = outcome;
    }
    EXPECT_EQ(as_kernel(buffer.finish(), held), said);
  }
}

TEST(QueueVerdicts, OneMoreAlwaysFitsUntilItIsFull) {
  VerdictBuffer buffer(7);
  const std::vector<uint8_t> largest(VerdictBuffer::kMaxPacket, 0xab);
  std::vector<uint32_t> held;
  uint32_t id = 0;
  while (!buffer.full()) {
    buffer.pass(++id);
    held.push_back(id);
    buffer.pass_changed(++id, 5, std::vector<uint8_t>(16000, 1));
    held.push_back(id);
    if (id > 6) {
      buffer.drop(++id);
      held.push_back(id);
      buffer.pass_changed(++id, 6, largest);
      held.push_back(id);
    }
  }
  const auto outcomes = as_kernel(buffer.finish(), held);
  EXPECT_EQ(outcomes.size(), held.size());
  EXPECT_EQ(outcomes.at(id).bytes, largest);
}

}  // namespace
}  // namespace perilune::hooks::queue
