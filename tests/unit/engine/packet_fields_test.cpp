// What `hdr`, `pld` and `pkt` show of a packet.
#include "engine_helpers.h"

namespace perilune::engine {
namespace {

using packet::Cause;
using packet::Verdict;

// Runs `checks` (assertions in Lua) on a packet; the message of what failed, or "".
std::string check(const std::string& checks, const packet::Packet& packet) {
  Options options;
  options.policy.non_ip = packet::NonIp::kAsk;
  Judge judge("local data = require 'data'\nfunction filter(hdr, pld, pkt)\n" + checks + "\nend", options);
  const packet::Decision decision = judge(packet);
  if (decision.cause == Cause::kError) return judge.error();
  return decision.cause == Cause::kDefault ? "" : "not asked";
}

packet::Packet whole(const std::vector<uint8_t>& frame) {
  packet::Packet packet;
  packet.bytes = frame;
  packet.wire_length = frame.size();
  return packet;
}

TEST(PacketFields, UdpOverIpv4) {
  const std::vector<uint8_t> frame = udp("hello");
  packet::Packet packet = whole(frame);
  packet.number = 7;
  packet.time_ns = 1'234'567'890'123'456'789U;
  packet.mark = 0xfffffffe;
  packet.direction = packet::Direction::kOut;
  packet.interface = "eth0";
  packet.ifindex = 3;
  EXPECT_EQ(check(R"(
    assert(#hdr == 28 and tostring(pld) == 'hello')
    assert(tostring(pkt.payload) == 'hello' and #pkt.transport == 8 and #pkt.frame == 47)
    assert(pkt.length == 33 and pkt.version == 4 and pkt.protocol == 17)
    assert(pkt.src == '\192\0\2\1' and pkt.dst == '\198\51\100\2')
    assert(pkt.sport == 1234 and pkt.dport == 53)
    assert(pkt.fragment == false and pkt.truncated == false)
    assert(pkt.direction == 'out' and pkt.interface == 'eth0' and pkt.ifindex == 3)
    assert(pkt.mark == 0xfffffffe and pkt.number == 7 and pkt.time == 1234567890123456789)
    assert(pkt.vlan == nil and pkt.ethertype == 0x0800)
    assert(tostring(pkt) == 'packet 7'))",
                  packet),
            "");
}

TEST(PacketFields, UdpOverIpv6) {
  const std::vector<uint8_t> frame = udp("hello", true);
  EXPECT_EQ(check(R"(
    assert(#hdr == 48 and tostring(pld) == 'hello' and pkt.length == 53)
    assert(pkt.version == 6 and pkt.protocol == 17 and pkt.ethertype == 0x86dd)
    assert(pkt.src == '\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1' and #pkt.dst == 16 and pkt.dst:byte(16) == 2))",
                  whole(frame)),
            "");
}

TEST(PacketFields, WhatIsUnknownIsNil) {
  packet::BuildOptions options;
  options.source = "192.0.2.1";
  options.destination = "192.0.2.2";
  options.protocol = 47;
  options.payload = bytes_of("gre");
  options.ethernet = false;
  const std::vector<uint8_t> bytes = build_frame(options);
  packet::Packet packet = whole(bytes);
  packet.link = packet::LinkType::kRaw;
  packet.has_frame = false;
  EXPECT_EQ(check(R"(
    assert(pkt.frame == nil and pkt.interface == nil and pkt.ifindex == nil and pkt.ethertype == nil and pkt.vlan == nil)
    assert(pkt.sport == nil and pkt.dport == nil and pkt.transport == nil)
    assert(#hdr == 20 and tostring(pld) == 'gre' and pkt.length == 23 and pkt.protocol == 47))",
                  packet),
            "");
}

TEST(PacketFields, VlanTags) {
  packet::BuildOptions options;
  options.source = "192.0.2.1";
  options.destination = "192.0.2.2";
  options.vlans = {0xa123, 7};
  const std::vector<uint8_t> frame = build_frame(options);
  EXPECT_EQ(check("assert(pkt.vlan == 0x123 and pkt.ethertype == 0x0800 and pkt.dport == 0)", whole(frame)), "");
}

TEST(PacketFields, Fragments) {
  packet::BuildOptions options;
  options.source = "192.0.2.1";
  options.destination = "192.0.2.2";
  options.protocol = packet::protocol::kUdp;
  options.source_port = 5;
  options.destination_port = 6;
  options.payload = std::vector<uint8_t>(64, 'x');
  options.more_fragments = true;
  std::vector<uint8_t> frame = build_frame(options);
  EXPECT_EQ(check("assert(pkt.fragment and pkt.dport == 6)", whole(frame)), "");
  options.fragment_offset = 64;
  options.more_fragments = false;
  options.protocol = 17;
  frame = build_frame(options);
  EXPECT_EQ(
      check("assert(pkt.fragment and pkt.dport == nil and pkt.transport == nil and pkt.protocol == 17)", whole(frame)),
      "");
}

TEST(PacketFields, LengthIsThatOfTheIpPacket) {
  std::vector<uint8_t> padded = udp("x");
  padded.resize(60);
  EXPECT_EQ(check("assert(pkt.length == 29 and #pkt.frame == 60 and tostring(pld) == 'x')", whole(padded)), "");

  const std::vector<uint8_t> frame = udp(std::string(100, 'x'));
  packet::Packet cut;
  cut.bytes = std::span(frame).first(60);
  cut.wire_length = frame.size();
  EXPECT_EQ(check("assert(pkt.length == 128 and pkt.truncated and #pld == 18 and #pkt.frame == 60)", cut), "");
}

TEST(PacketFields, UnknownNamesAreErrorsThatHelp) {
  const std::vector<uint8_t> frame = udp();
  const std::pair<const char*, const char*> cases[] = {
      {"local x = pkt.dprot", "pkt has no field 'dprot' (did you mean 'dport'?)"},
      {"local x = pkt.scr", "pkt has no field 'scr' (did you mean 'src'?)"},
      {"local x = pkt.lenght", "pkt has no field 'lenght' (did you mean 'length'?)"},
      {"local x = pkt.banana", "pkt has no field 'banana'"},
      {"local x = pkt['']", "pkt has no field ''"},
      {"local x = pkt[1]", "pkt has named fields only, such as pkt.src; it was indexed with a number"},
      {"local x = pkt[{}]", "pkt has named fields only, such as pkt.src; it was indexed with a table"},
      {"pkt.marc = 1", "pkt has no field 'marc' (did you mean 'mark'?)"},
      {"pkt.src = 'x'",
       "pkt.src cannot be set (only pkt.mark and pkt.payload can); write to the packet through hdr and pld"},
      {"pkt.mark = -1", "pkt.mark is an integer from 0 to 0xffffffff; it was set to -1"},
      {"pkt.mark = 1 << 32", "pkt.mark is an integer from 0 to 0xffffffff; it was set to 4294967296"},
      {"pkt.mark = 1.5", "pkt.mark is an integer from 0 to 0xffffffff; it was set to a number"},
      {"pkt.mark = '1'", "pkt.mark is an integer from 0 to 0xffffffff; it was set to a string"},
      {"pkt.payload = nil", "pkt.payload is set to a string or a data object that is still there; it was set to a nil"},
      {"pkt.payload = 5",
       "pkt.payload is set to a string or a data object that is still there; it was set to a number"},
      {"pkt.payload = pkt", "pkt.payload is set to a string or a data object that is still there; it was set to a pkt"},
  };
  for (const auto& [statement, message] : cases)
    EXPECT_EQ(check(statement, whole(frame)), message) << statement;
}

TEST(PacketFields, TheObjectIsClosed) {
  const std::vector<uint8_t> frame = udp();
  EXPECT_EQ(check("assert(getmetatable(pkt) == false and not pcall(setmetatable, pkt, {}))", whole(frame)), "");
  EXPECT_EQ(check("assert(not pcall(rawset, pkt, 1, 1) and not pcall(next, pkt) and not pcall(function() for k in "
                  "pairs(pkt) do end end))",
                  whole(frame)),
            "");
  EXPECT_EQ(check("assert(pkt.pass(nil) == 'pass' and pkt.reply() == 'reply')", whole(frame)), "");
}

TEST(PacketFields, OnlyDeclaredArgumentsAreMade) {
  const std::vector<uint8_t> frame = udp();
  for (const char* text : {"function filter(...) assert(select('#', ...) == 3) return select(3, ...):block() end",
                           "function filter(a, b, c, d, e) assert(c and d == nil) return c:block() end",
                           "function filter() return false end", "function filter(h) return #h ~= 28 end"}) {
    Judge judge(text);
    EXPECT_EQ(judge(frame).cause, Cause::kScript) << text << judge.error();
  }
}

TEST(KeptPackets, ViewsOfEarlierPacketsShowNothing) {
  Judge judge(R"(
    local data = require 'data'
    local layout = data.layout{first = {0, 8}}
    local old_hdr, old_pld, old_segment
    function filter(hdr, pld, pkt)
      if old_pld then
        assert(old_pld:layout(layout).first == nil and old_segment.first == nil)
        old_pld:layout(layout).first = 1
        old_segment.first = 2
        old_hdr:layout(layout).first = 0xff
        assert(pld:layout(layout).first == ('b'):byte())
        return true
      end
      old_hdr, old_pld, old_segment = hdr, pld, pld:segment(1):layout(layout)
      assert(old_segment.first == ('a'):byte(1))
    end)");
  EXPECT_EQ(judge(udp("aaaa")).cause, Cause::kDefault);
  for (int i = 0; i < 3; ++i) {
    const packet::Decision decision = judge(udp("bbbb"));
    EXPECT_EQ(decision.verdict, Verdict::kPass) << judge.error();
    EXPECT_EQ(decision.cause, Cause::kScript);
    EXPECT_FALSE(decision.modified);
  }
}

TEST(KeptPackets, PktOfAnEarlierPacketSaysItIsGone) {
  Judge judge(R"(
    local old
    local method
    function filter(hdr, pld, pkt)
      if old then
        assert(method(old) == 'pass')
        local ok, message = pcall(function() return old.src end)
        assert(not ok and message:find('this packet is gone', 1, true), message)
        ok, message = pcall(function() old.mark = 1 end)
        assert(not ok and message:find('this packet is gone', 1, true), message)
        ok, message = pcall(tostring, old)
        assert(not ok and message:find('this packet is gone', 1, true), message)
        old.payload = 'x'
      end
      old = pkt
      method = pkt.pass
    end)");
  EXPECT_EQ(judge(udp()).cause, Cause::kDefault);
  const packet::Decision decision = judge(udp());
  EXPECT_EQ(decision.cause, Cause::kError);
  EXPECT_FALSE(decision.mark_set);
  EXPECT_EQ(decision.line, 13U);
  EXPECT_EQ(judge.error().substr(0, 19), "this packet is gone");
}

TEST(KeptPackets, BetweenPacketsAWorkerCanBeDropped) {
  // Views and pkt kept in globals outlive the binding, and are collected when the state closes.
  Judge judge("kept = {} function filter(...) kept[#kept + 1] = {...} kept[#kept][2]:segment(0, 1) end");
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(judge(udp()).cause, Cause::kDefault);
}

}  // namespace
}  // namespace perilune::engine
