#include <gtest/gtest.h>

#include "base/command.h"
#include "hooks/divert/rule.h"

namespace perilune::hooks::divert {
namespace {

Rule rule(std::string_view text, uint16_t first, uint16_t last, bool fail_open) {
  return {parse_divert(text).value(), {first, last}, fail_open, Owner{12, 345, 678, 255}};
}

TEST(DivertRule, IptablesWords) {
  EXPECT_EQ(to_line(iptables_rule(rule("in tcp dport 22", 5, 5, false), false)),
            "-p tcp -m tcp --dport 22 -m mark ! --mark 0x50455249 -m comment --comment "
            "perilune:12:345:678:00000000000000ff -j NFQUEUE "
            "--queue-num 5");
  EXPECT_EQ(to_line(iptables_rule(rule("out udp sport 1-9 dport 53 on eth0", 1, 4, true), true)),
            "-o eth0 -p udp -m udp --sport 1:9 --dport 53 -m mark ! --mark 0x50455249 -m comment --comment "
            "perilune:12:345:678:00000000000000ff -j NFQUEUE --queue-balance 1:4 --queue-bypass");
  EXPECT_NE(to_line(iptables_rule(rule("in icmp", 1, 1, false), false)).find("-p icmp "), std::string::npos);
  EXPECT_NE(to_line(iptables_rule(rule("in icmp", 1, 1, false), true)).find("-p ipv6-icmp "), std::string::npos);
  EXPECT_NE(to_line(iptables_rule(rule("forward on veth1", 1, 1, false), true)).find("-i veth1 "), std::string::npos);
}

TEST(DivertRule, IptablesChain) {
  EXPECT_EQ(iptables_chain(packet::Direction::kIn), "INPUT");
  EXPECT_EQ(iptables_chain(packet::Direction::kOut), "OUTPUT");
  EXPECT_EQ(iptables_chain(packet::Direction::kForward), "FORWARD");
}

TEST(DivertRule, ListedRulesAreReadBack) {
  const auto words = iptables_words(
      R"(-A INPUT -p tcp -m comment --comment "perilune:12:345:678:00000000000000ff" -j NFQUEUE --queue-num 5)");
  ASSERT_EQ(words.size(), 12U);
  EXPECT_EQ(words[7], "perilune:12:345:678:00000000000000ff");
  EXPECT_EQ(iptables_owner(words), (Owner{12, 345, 678, 255}));
  EXPECT_EQ(iptables_words(R"(-A X --comment "a \"b\" \\c" "")"),
            (std::vector<std::string>{"-A", "X", "--comment", R"(a "b" \c)", ""}));
}

TEST(DivertRule, RulesOfOthersAreNotOurs) {
  for (const char* line :
       {"-P INPUT ACCEPT", "-A INPUT -j ACCEPT", "-A INPUT --comment", "-A INPUT --comment perilune",
        "-A INPUT --comment perilune:", "-A INPUT --comment perilune:1", "-A INPUT --comment perilune:1:2",
        "-A INPUT --comment perilune:1:2:3:4", "-A INPUT --comment perilune:x:2:3",
        "-A INPUT --comment perilune:1:2:", "-A INPUT --comment perilune:0:2:3", "-A INPUT --comment xperilune:1:2:3",
        "-A INPUT --comment perilune:99999999999:2:3", R"(-A INPUT --comment "perilune:1:2:3 keep")",
        "-N --comment perilune:1:2:3"}) {
    EXPECT_FALSE(iptables_owner(iptables_words(line))) << line;
  }
}

TEST(DivertRule, NftRuleset) {
  EXPECT_EQ(nft_ruleset({rule("in tcp dport 22", 5, 5, false)}),
            "table inet perilune_12_345_678_00000000000000ff {\n  chain input {\n    type filter hook input priority "
            "-151; policy accept;\n"
            "    meta mark != 0x50455249 meta l4proto tcp th dport 22 queue num 5\n  }\n}\n");
  EXPECT_NE(nft_ruleset({rule("out udp sport 7-8 on e0 inet6", 1, 2, true)})
                .find("meta nfproto ipv6 meta l4proto udp th sport 7-8 oifname \"e0\" queue num 1-2 bypass"),
            std::string::npos);
  const std::string icmp = nft_ruleset({rule("forward icmp on a", 1, 2, false)});
  EXPECT_NE(icmp.find("meta nfproto ipv4 meta l4proto icmp iifname \"a\" queue num 1-2"), std::string::npos);
  EXPECT_NE(icmp.find("meta nfproto ipv6 meta l4proto ipv6-icmp"), std::string::npos);
}

TEST(DivertRule, TcpHasQueuesOfItsOwn) {
  const DivertSpec spec = parse_divert("in on eth0").value();
  const Owner owner{12, 345, 678, 255};
  const auto one = rules_for(spec, {{5, 6}, {}}, false, owner);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].spec.protocol, "");
  const auto two = rules_for(spec, {{5, 6}, QueueRange{8, 9}}, false, owner);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_NE(to_line(iptables_rule(two[0], false)).find("-p tcp"), std::string::npos);
  EXPECT_NE(to_line(iptables_rule(two[0], false)).find("--queue-balance 5:6"), std::string::npos);
  // Whatever is left, of any protocol or none that can be told.
  EXPECT_EQ(to_line(iptables_rule(two[1], true)).find("-p "), std::string::npos);
  EXPECT_NE(to_line(iptables_rule(two[1], true)).find("--queue-balance 8:9"), std::string::npos);
  const std::string nft = nft_ruleset(two);
  EXPECT_LT(nft.find("l4proto tcp"), nft.find("queue num 8-9"));
}

TEST(DivertRule, QueuesOfListedRules) {
  const auto text = [](const std::vector<QueueRange>& ranges) {
    std::string all;
    for (const QueueRange& range : ranges)
      all += fmt::format("{}-{} ", range.first, range.last);
    return all;
  };
  EXPECT_EQ(text(iptables_queues(iptables_rule(rule("in tcp", 5, 5, true), false))), "5-5 ");
  EXPECT_EQ(text(iptables_queues(iptables_rule(rule("in tcp", 5, 9, true), false))), "5-9 ");
  EXPECT_EQ(text(iptables_queues({"-j", "ACCEPT", "--queue-num"})), "");
  EXPECT_EQ(text(nft_queues(nft_ruleset(rules_for(parse_divert("in").value(), {{5, 6}, QueueRange{8, 8}}, true, {})))),
            "5-6 8-8 ");
  EXPECT_EQ(text(nft_queues("    th dport 22 queue flags bypass to 20000-20003\n    udp sport 7 queue to 65535\n")),
            "20000-20003 65535-65535 ");
  EXPECT_EQ(text(nft_queues("table inet x {\n  chain queue {\n    counter packets 1\n")), "");
}

TEST(DivertRule, NftTableNames) {
  EXPECT_EQ(nft_owner(nft_table(Owner{12, 345, 678, 9})), (Owner{12, 345, 678, 9}));
  for (const char* name : {"filter", "perilune", "perilune_", "perilune_1_2", "perilune_a_b_c", "perilune_1_2_3_4"}) {
    EXPECT_FALSE(nft_owner(name)) << name;
  }
}

}  // namespace
}  // namespace perilune::hooks::divert
