#include <gtest/gtest.h>

#include "base/capabilities.h"
#include "hooks/queue/interface_names.h"
#include "hooks/queue/kernel_state.h"
#include "hooks/queue/reply_sender.h"

namespace perilune::hooks::queue {
namespace {

TEST(QueueKernelState, LinesOfProc) {
  const auto queues = parse_kernel_queues(
      "    5  1234     7 2 65531    11    22  4000000000  1\n"
      "65535 4294960000 0 2 65531 0 0 1 1\n"
      "rubbish\n\n70000 1 2 3 4 5 6 7 1\n5 1\n");
  ASSERT_EQ(queues.size(), 2U);
  EXPECT_EQ(queues[0].number, 5);
  EXPECT_EQ(queues[0].port_id, 1234U);
  EXPECT_EQ(queues[0].waiting, 7U);
  EXPECT_EQ(queues[0].dropped_full, 11U);
  EXPECT_EQ(queues[0].dropped_user, 22U);
  EXPECT_EQ(queues[0].last_id, 4000000000U);
  EXPECT_EQ(queues[1].number, 65535);
  EXPECT_TRUE(parse_kernel_queues("").empty());
}

TEST(QueueKernelState, UnknownOwnerIsEmpty) {
  EXPECT_EQ(describe_owner(0xfffffff0), "");
}

TEST(QueueKernelState, InterfaceNames) {
  auto changes = InterfaceChanges::open();
  ASSERT_TRUE(changes);
  InterfaceNames names(**changes);
  EXPECT_EQ(names.name(0), "");
  EXPECT_EQ(names.name(0x7fffffff), "");
  const unsigned lo = if_nametoindex("lo");
  if (lo == 0) GTEST_SKIP() << "no loopback interface";
  EXPECT_EQ(names.name(lo), "lo");
  EXPECT_EQ(names.name(lo), "lo");
}

TEST(QueuePrivileges, HintHandsTheFirewallToNobodyElse) {
  EXPECT_NE(grant_hint().find("sudo"), std::string::npos);
  EXPECT_NE(grant_hint().find("AmbientCapabilities=CAP_NET_ADMIN"), std::string::npos);
  EXPECT_EQ(grant_hint().find("setcap"), std::string::npos);
}

TEST(QueueReply, OnlyToTheSender) {
  std::vector<uint8_t> v4(28);
  v4[0] = 0x45;
  v4[12] = 10;
  v4[15] = 1;
  v4[16] = 10;
  v4[19] = 2;
  std::vector<uint8_t> turned = v4;
  std::swap(turned[15], turned[19]);
  EXPECT_TRUE(is_turned_round(v4, turned));
  EXPECT_FALSE(is_turned_round(v4, v4));
  EXPECT_FALSE(is_turned_round(v4, {}));
  EXPECT_FALSE(is_turned_round({}, v4));
  EXPECT_FALSE(is_turned_round(v4, std::span(turned).first(19)));

  std::vector<uint8_t> v6(48);
  v6[0] = 0x60;
  v6[23] = 1;
  v6[39] = 2;
  std::vector<uint8_t> turned6 = v6;
  std::swap(turned6[23], turned6[39]);
  EXPECT_TRUE(is_turned_round(v6, turned6));
  EXPECT_FALSE(is_turned_round(v6, v6));
  EXPECT_FALSE(is_turned_round(v4, turned6));
}

}  // namespace
}  // namespace perilune::hooks::queue
