// Packet descriptions from Lua to bytes.
#include "cli/testing/packet_module.h"

#include <gtest/gtest.h>
#include <lauxlib.h>
#include <lualib.h>

#include "packet/checksum.h"

namespace perilune::cli {
namespace {

/// Evaluates `expression` with the module at hand.
LuaValue evaluate(const std::string& expression) {
  lua_State* L = luaL_newstate();
  luaL_openlibs(L);
  const std::string code = std::string(packet_module_source()) + " return " + expression;
  LuaValue value;
  if (luaL_dostring(L, code.c_str()) == LUA_OK) {
    value = LuaValue::copy(L, -1);
  } else {
    ADD_FAILURE() << lua_tostring(L, -1);
  }
  lua_close(L);
  return value;
}

BuiltPacket built(const std::string& expression) {
  Result<BuiltPacket> result = build_packet(evaluate(expression));
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  return result ? std::move(*result) : BuiltPacket{};
}

std::string refused(const std::string& expression) {
  const Result<BuiltPacket> result = build_packet(evaluate(expression));
  EXPECT_FALSE(result.has_value()) << expression;
  return result ? "" : result.error().message;
}

TEST(PacketModule, DefaultsMakeASoundPacket) {
  for (const char* kind : {"tcp", "udp", "icmp", "icmpv6", "ip"}) {
    const BuiltPacket packet = built(fmt::format("packet.{}{{payload = 'x'}}", kind));
    const packet::Location location = packet::locate(packet.bytes, packet.bytes.size(), packet.packet.link);
    EXPECT_EQ(location.malformed, packet::Malformed::kNone) << kind;
    EXPECT_TRUE(packet::checksums_right(packet.bytes, location)) << kind;
    EXPECT_EQ(location.end - location.payload, 1U) << kind;
    EXPECT_EQ(location.version, std::string_view(kind) == "icmpv6" ? 6 : 4) << kind;
  }
}

TEST(PacketModule, FieldsGoWhereTheyBelong) {
  const BuiltPacket packet =
      built("packet.tcp{sport = 5, dport = 6, flags = 'SA', seq = 0x01020304, ttl = 9, vlan = {7, 8}}");
  const packet::Location location = packet::locate(packet.bytes, packet.bytes.size(), packet.packet.link);
  EXPECT_EQ(location.source_port, 5);
  EXPECT_EQ(location.destination_port, 6);
  EXPECT_EQ(location.vlan_tags, 2);
  EXPECT_EQ(location.vlan & 0xfff, 7);
  EXPECT_EQ(packet.bytes[location.network + 8], 9);
  EXPECT_EQ(packet.bytes[location.transport + 13], 0x12);
  EXPECT_EQ(packet.bytes[location.transport + 7], 4);
}

TEST(PacketModule, CircumstancesAreNoted) {
  const BuiltPacket packet =
      built("packet.udp{direction = 'out', interface = 'x', mark = 7, time = 1.5, snap = 20, payload = 'abc'}");
  EXPECT_EQ(packet.packet.direction, packet::Direction::kOut);
  EXPECT_EQ(packet.interface, "x");
  EXPECT_EQ(packet.packet.mark, 7U);
  EXPECT_EQ(packet.packet.time_ns, 1'500'000'000U);
  EXPECT_EQ(packet.view().bytes.size(), 20U);
  EXPECT_EQ(packet.view().wire_length, 45U);
}

TEST(PacketModule, RawBytesAndHexadecimal) {
  EXPECT_EQ(built("packet.raw('abc')").bytes, (std::vector<uint8_t>{'a', 'b', 'c'}));
  EXPECT_EQ(built("packet.hex('0a:0B 0c\\n', 'raw')").bytes, (std::vector<uint8_t>{10, 11, 12}));
  EXPECT_EQ(built("packet.hex('00', 113)").packet.link, packet::LinkType::kLinuxSll);
  EXPECT_FALSE(built("packet.raw('x', 'raw')").packet.has_frame);
  EXPECT_TRUE(built("packet.raw('')").bytes.empty());
}

TEST(PacketModule, PayloadsMayBePackets) {
  const BuiltPacket packet = built("packet.icmp{type = 3, payload = packet.udp{payload = 'q', vlan = 5}}");
  const packet::Location outer = packet::locate(packet.bytes, packet.bytes.size(), packet.packet.link);
  EXPECT_EQ(outer.end - outer.payload, 20U + 8 + 1);
  EXPECT_EQ(packet.bytes[outer.payload], 0x45);
}

TEST(PacketModule, ATableCanBeShared) {
  const LuaValue list = evaluate(
      "(function() local t = {dport = 1} local a = packet.tcp(t) t.dport = 2 return {a, packet.udp(t)} end)()");
  EXPECT_EQ(*list.element(1).field("dport").integer(), 1);
  EXPECT_EQ(*list.element(1).field("kind").string(), "tcp");
  EXPECT_EQ(*list.element(2).field("dport").integer(), 2);
}

TEST(PacketModule, MistakesNameTheField) {
  EXPECT_EQ(refused("packet.tcp{dprot = 22}"), "packet.tcp has no field 'dprot'");
  EXPECT_EQ(refused("packet.udp{flags = 'S'}"), "packet.udp has no field 'flags'");
  EXPECT_EQ(refused("packet.tcp{dport = -1}"), "packet.tcp: dport: expected an integer from 0 to 65535, got -1");
  EXPECT_EQ(refused("packet.tcp{dport = 1.5}"), "packet.tcp: dport: expected an integer from 0 to 65535, got 1.5");
  EXPECT_EQ(refused("packet.tcp{df = 1}"), "packet.tcp: df: expected true or false, got 1");
  EXPECT_NE(refused("packet.tcp{src_mac = '02:00'}").find("a MAC address"), std::string::npos);
  EXPECT_NE(refused("packet.tcp{src_mac = '02:00:00:00:00:01:'}").find("a MAC address"), std::string::npos);
  EXPECT_NE(refused("packet.tcp{vlan = 'x'}").find("a VLAN number"), std::string::npos);
  EXPECT_NE(refused("packet.udp{time = 0}").find("seconds above 0"), std::string::npos);
  EXPECT_NE(refused("packet.udp{time = 1e300}").find("seconds above 0"), std::string::npos);
  EXPECT_NE(refused("packet.udp{time = 0/0}").find("seconds above 0"), std::string::npos);
  EXPECT_NE(refused("packet.icmp{payload = packet.udp{dprot = 1}}").find("dprot"), std::string::npos);
  EXPECT_NE(refused("{}").find("is no packet"), std::string::npos);
  EXPECT_NE(refused("packet.raw{bytes = 'x', link = 65536}").find("link: expected"), std::string::npos);
}

TEST(LuaValues, CopyWhatTheyCan) {
  const LuaValue value = evaluate("{1, 2.5, 'x\\0y', true, nil, {a = {}}, print}");
  EXPECT_EQ(value.length(), 4);
  EXPECT_EQ(*value.element(1).integer(), 1);
  EXPECT_EQ(*value.element(2).number(), 2.5);
  EXPECT_EQ(*value.element(3).string(), std::string("x\0y", 3));
  EXPECT_TRUE(*value.element(4).boolean());
  EXPECT_NE(value.element(6).field("a").table(), nullptr);
  EXPECT_TRUE(value.element(7).is_function());
  EXPECT_TRUE(value.element(99).is_nil());
  EXPECT_TRUE(value.field("nothing").is_nil());
}

TEST(LuaValues, TablesWithinThemselvesEnd) {
  const LuaValue value = evaluate("(function() local t = {} t.t = t return t end)()");
  const LuaValue* inner = &value;
  int depth = 0;
  while (inner->table() != nullptr && depth < 100) {
    inner = &inner->field("t");
    ++depth;
  }
  EXPECT_LT(depth, 100);
  EXPECT_EQ(inner->text(), "a value that cannot be read");
}

}  // namespace
}  // namespace perilune::cli
