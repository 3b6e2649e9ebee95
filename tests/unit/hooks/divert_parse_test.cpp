#include <gtest/gtest.h>

#include "hooks/divert.h"

namespace perilune::hooks {
namespace {

using packet::Direction;

DivertSpec parsed(std::string_view text) {
  auto spec = parse_divert(text);
  EXPECT_TRUE(spec.has_value()) << text << ": " << (spec ? "" : spec.error().message);
  return spec.value_or(DivertSpec{});
}

std::string refusal(std::string_view text) {
  const auto spec = parse_divert(text);
  EXPECT_FALSE(spec.has_value()) << text;
  if (spec) return {};
  EXPECT_EQ(spec.error().fault, Fault::kInput);
  EXPECT_NE(spec.error().hint.find("in|out|forward"), std::string::npos);
  return spec.error().message;
}

TEST(DivertParse, Directions) {
  EXPECT_EQ(parsed("in").direction, Direction::kIn);
  EXPECT_EQ(parsed("out").direction, Direction::kOut);
  EXPECT_EQ(parsed("forward").direction, Direction::kForward);
  const DivertSpec all = parsed("  in ");
  EXPECT_TRUE(all.protocol.empty());
  EXPECT_FALSE(all.source_ports || all.destination_ports);
  EXPECT_TRUE(all.interface.empty());
  EXPECT_TRUE(all.ipv4 && all.ipv6);
}

TEST(DivertParse, Everything) {
  const DivertSpec spec = parsed("out udp sport 1000-2000 dport 53 on eth0 inet6");
  EXPECT_EQ(spec.direction, Direction::kOut);
  EXPECT_EQ(spec.protocol, "udp");
  EXPECT_EQ(spec.source_ports->first, 1000);
  EXPECT_EQ(spec.source_ports->last, 2000);
  EXPECT_EQ(spec.destination_ports->first, 53);
  EXPECT_EQ(spec.destination_ports->last, 53);
  EXPECT_EQ(spec.interface, "eth0");
  EXPECT_FALSE(spec.ipv4);
  EXPECT_TRUE(spec.ipv6);
}

TEST(DivertParse, OrderOfClausesIsFree) {
  const DivertSpec spec = parsed("in dport 22 on lo tcp inet");
  EXPECT_EQ(spec.protocol, "tcp");
  EXPECT_EQ(spec.destination_ports->first, 22);
  EXPECT_FALSE(spec.ipv6);
}

TEST(DivertParse, ServiceNamesAndBounds) {
  EXPECT_EQ(parsed("in tcp dport ssh").destination_ports->first, 22);
  EXPECT_EQ(parsed("in udp dport domain").destination_ports->first, 53);
  EXPECT_EQ(parsed("in tcp dport 0-65535").destination_ports->last, 65535);
  EXPECT_EQ(parsed("in tcp dport ssh-25").destination_ports->last, 25);
  EXPECT_EQ(parsed("in tcp dport kerberos-adm").destination_ports->first, 749);  // a dash that is no range
}

TEST(DivertParse, Protocols) {
  EXPECT_EQ(parsed("in 6 dport 22").protocol, "tcp");
  EXPECT_EQ(parsed("in 132").protocol, "sctp");
  EXPECT_EQ(parsed("in gre").protocol, "47");
  EXPECT_EQ(parsed("in 253").protocol, "253");
  EXPECT_EQ(parsed("in icmp").protocol, "icmp");
  EXPECT_TRUE(parsed("in icmp").ipv6);
  EXPECT_FALSE(parsed("in icmpv6").ipv4);
  EXPECT_EQ(parsed("in ipv6-icmp").protocol, "icmpv6");
}

TEST(DivertParse, NamesTheWrongWord) {
  EXPECT_NE(refusal("").find("empty"), std::string::npos);
  EXPECT_NE(refusal(" \t ").find("empty"), std::string::npos);
  EXPECT_NE(refusal("inn tcp").find("word 1, 'inn': the first word must be in, out or forward"), std::string::npos);
  EXPECT_NE(refusal("in tpc dport 22").find("word 2, 'tpc'"), std::string::npos);
  EXPECT_NE(refusal("in tcp dport 70000").find("word 4, '70000'"), std::string::npos);
  EXPECT_NE(refusal("in tcp dport -1").find("word 4, '-1'"), std::string::npos);
  EXPECT_NE(refusal("in tcp dport 22x").find("'22x'"), std::string::npos);
  EXPECT_NE(refusal("in tcp dport").find("at its end: a port must follow dport"), std::string::npos);
  EXPECT_NE(refusal("in tcp dport 30-20").find("must not be above"), std::string::npos);
  EXPECT_NE(refusal("in tcp dport nosuchservice").find("service name"), std::string::npos);
  EXPECT_NE(refusal("in dport 22").find("word 2, 'dport': ports need a protocol"), std::string::npos);
  EXPECT_NE(refusal("in icmp dport 22").find("only tcp, udp and sctp have ports, not icmp"), std::string::npos);
  EXPECT_NE(refusal("in tcp on").find("an interface name must follow on"), std::string::npos);
  EXPECT_NE(refusal("in tcp on " + std::string(128, 'a')).find("at most 127"), std::string::npos);
  EXPECT_NE(refusal("in tcp on e/th").find("not an interface name"), std::string::npos);
  EXPECT_NE(refusal("in tcp on eth+").find("not an interface name"), std::string::npos);
  EXPECT_NE(refusal("in 256").find("at most 255"), std::string::npos);
  EXPECT_NE(refusal("in tcp udp").find("word 3, 'udp': the protocol is given twice"), std::string::npos);
  EXPECT_NE(refusal("in tcp dport 1 dport 2").find("the destination port is given twice"), std::string::npos);
  EXPECT_NE(refusal("in tcp inet inet6").find("the address family is given twice"), std::string::npos);
  EXPECT_NE(refusal("in icmpv6 inet").find("IPv6 only"), std::string::npos);
}

}  // namespace
}  // namespace perilune::hooks
