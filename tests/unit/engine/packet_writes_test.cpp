// What scripts write: copied at the first write, checksums right afterwards, all of it or nothing.
#include <algorithm>

#include "engine_helpers.h"

namespace perilune::engine {
namespace {

using packet::Cause;
using packet::Decision;
using packet::Verdict;

constexpr const char* kPrelude =
    "local data = require 'data'\n"
    "local b = data.layout{[0] = {0, 8}, first = {0, 8}, second = {8, 8}, ttl = {64, 8}, protocol = {72, 8},\n"
    "  total = {16, 16}, src = {96, 32}, dport = {176, 16}, sum = {80, 16}, udp_sum = {208, 16}, udp_length = {192, "
    "16}}\n";

std::string script(const std::string& body) {
  return std::string(kPrelude) + "function filter(hdr, pld, pkt) " + body + " end";
}

TEST(PacketWrites, TheHooksBytesAreNeverWritten) {
  Judge judge(script("pld:layout(b).first = 65 hdr:layout(b).ttl = 1 return true"));
  for (const auto& frame : {udp("hello"), tcp("hello"), udp("hello", true), tcp("hello", true)}) {
    const std::vector<uint8_t> before = frame;
    const Decision decision = judge(frame);
    EXPECT_EQ(frame, before);
    ASSERT_TRUE(decision.modified) << judge.error();
    EXPECT_EQ(payload_of(decision.bytes), "Aello");
    EXPECT_TRUE(checksums_right(decision.bytes));
    EXPECT_EQ(decision.bytes.size(), before.size());
  }
  EXPECT_EQ(judge.worker().statistics().modified, 4U);
}

TEST(PacketWrites, AllViewsSeeAWrite) {
  Judge judge(script(R"(
    local before = pld:segment(1)
    local f = pkt.frame
    before:layout(b).first = 88
    assert(tostring(pld) == 'hXllo' and tostring(before) == 'Xllo' and tostring(pkt.payload) == 'hXllo')
    assert(tostring(f):sub(-5) == 'hXllo' and tostring(pkt.frame):sub(-5) == 'hXllo')
    return true)"));
  EXPECT_TRUE(judge(udp("hello")).modified) << judge.error();
}

TEST(PacketWrites, WritingWhatIsThereIsNoModification) {
  Judge judge(script("pld:layout(b).first = ('h'):byte() return true"));
  const Decision decision = judge(udp("hello"));
  EXPECT_FALSE(decision.modified) << judge.error();
  EXPECT_TRUE(decision.bytes.empty());
}

TEST(PacketWrites, ChecksumsAreNotTheScriptsBusiness) {
  Judge judge(script("hdr:layout(b).sum = 0x1234 return true"));
  EXPECT_FALSE(judge(udp()).modified) << "what is written there is overridden";
}

TEST(PacketWrites, AWrongChecksumStaysWrong) {
  std::vector<uint8_t> frame = udp("hello");
  frame[14 + 20 + 6] ^= 0x55;
  ASSERT_FALSE(checksums_right(frame));
  Judge judge(script("pld:layout(b).first = 65 return true"));
  const Decision decision = judge(frame);
  ASSERT_TRUE(decision.modified);
  EXPECT_FALSE(checksums_right(decision.bytes));
}

TEST(PacketWrites, PartialChecksumsAreComputedWhole) {
  std::vector<uint8_t> frame = udp("hello");
  frame[14 + 20 + 6] = 0x12;  // as a device would have found it
  packet::Packet packet;
  packet.bytes = frame;
  packet.wire_length = frame.size();
  packet.checksum = packet::ChecksumState::kPartial;
  Judge judge(script("pld:layout(b).first = 65 return true"));
  const Decision decision = judge(packet);
  ASSERT_TRUE(decision.modified);
  EXPECT_TRUE(checksums_right(decision.bytes));
}

TEST(PacketWrites, AnErrorLeavesThePacketAsItWas) {
  Judge judge(script("pkt.mark = 5 pld:layout(b).first = 65 pkt.payload = 'longer than before' error('now')"));
  Options options;
  for (const auto& frame : {udp(), udp("x", true)}) {
    const Decision decision = judge(frame);
    EXPECT_EQ(decision.cause, Cause::kError);
    EXPECT_EQ(judge.error(), "now");
    EXPECT_FALSE(decision.modified);
    EXPECT_FALSE(decision.mark_set);
    EXPECT_TRUE(decision.bytes.empty());
  }
  EXPECT_EQ(judge.worker().statistics().modified, 0U);
}

TEST(PacketWrites, APacketAfterAnErrorStartsAnew) {
  Judge judge(
      script("if #pld == 5 then pld:layout(b).first = 65 error('x') end assert(tostring(pld) == 'other') return true"));
  EXPECT_EQ(judge(udp("hello")).cause, Cause::kError);
  Judge second(script("if pkt.dport == 22 then pld:layout(b).first = 65 pkt.mark = 1 error('x') end return true"));
  EXPECT_EQ(second(tcp("hello")).cause, Cause::kError);
  const Decision decision = second(udp("hello"));
  EXPECT_EQ(decision.cause, Cause::kScript);
  EXPECT_FALSE(decision.modified);
  EXPECT_FALSE(decision.mark_set);
}

TEST(PacketWrites, BlockedPacketsAreNotChanged) {
  for (const char* verdict : {"false", "'reject'"}) {
    Judge judge(script(std::string("hdr:layout(b).total = 7 return ") + verdict));
    const Decision decision = judge(udp());
    EXPECT_EQ(decision.cause, Cause::kScript) << judge.error();
    EXPECT_FALSE(decision.modified);
  }
}

TEST(PacketWrites, Marks) {
  Judge judge(script("assert(pkt.mark == 0) pkt.mark = 7 assert(pkt.mark == 7) pkt.mark = 0xffffffff return true"));
  const Decision decision = judge(udp());
  EXPECT_TRUE(decision.mark_set) << judge.error();
  EXPECT_EQ(decision.mark, 0xffffffffU);
  EXPECT_FALSE(decision.modified);
}

TEST(PacketWrites, APacketMalformedByTheScriptIsItsError) {
  const std::pair<const char*, const char*> cases[] = {
      {"hdr:layout(b).total = 19", "ip-length"},      {"hdr:layout(b).total = 9999", "ip-length"},
      {"hdr:layout(b).first = 0x44", "ip-header"},    {"hdr:layout(b).first = 0x75", "ip-version"},
      {"hdr:layout(b).udp_length = 7", "udp-length"}, {"hdr:layout(b).udp_length = 9999", "udp-length"},
  };
  for (const auto& [write, reason] : cases) {
    Options options;
    options.policy.on_error = Verdict::kPass;
    Judge judge(script(std::string(write) + " pkt.mark = 1 return true"), options);
    const Decision decision = judge(udp());
    EXPECT_EQ(decision.verdict, Verdict::kPass);
    EXPECT_EQ(decision.cause, Cause::kError);
    EXPECT_EQ(judge.error(), std::string("the packet was malformed by the script: ") + reason) << write;
    EXPECT_FALSE(decision.modified) << write;
    EXPECT_FALSE(decision.mark_set) << write;
    EXPECT_EQ(decision.malformed, packet::Malformed::kNone);
  }
}

TEST(PacketWrites, HeadersMayBeRewritten) {
  Judge judge(script(
      "local h = hdr:layout(b) h.src = 0xc0000263 h.dport = 5353 h.ttl = 3 assert(pkt.dport == 53) return true"));
  const Decision decision = judge(udp("hello"));
  ASSERT_TRUE(decision.modified) << judge.error();
  EXPECT_TRUE(checksums_right(decision.bytes));
  const packet::Location after = packet::locate(decision.bytes, decision.bytes.size(), packet::LinkType::kEthernet);
  EXPECT_EQ(after.destination_port, 5353);
  EXPECT_EQ(decision.bytes[14 + 15], 0x63);
}

TEST(PacketWrites, WritesOutsideAreImpossible) {
  Judge judge(script(R"(
    local l = data.layout{far = {8000, 32}, edge = {32, 16}}
    pld:layout(l).far = -1
    pld.edge = -1
    local s = pld:segment(5)
    if s then s:layout(b).first = 1 end
    return true)"));
  std::vector<uint8_t> frame = udp("hello");
  frame.resize(60);  // padding behind the packet
  const Decision decision = judge(frame);
  EXPECT_EQ(decision.cause, Cause::kScript) << judge.error();
  EXPECT_FALSE(decision.modified);
}

TEST(Payload, LongerAndShorterOverUdp) {
  for (const bool ipv6 : {false, true}) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{4}, size_t{5}, size_t{6}, size_t{1000}, size_t{60'000}}) {
      Judge judge(script("local s = ('z'):rep(" + std::to_string(size) +
                         ") pkt.payload = s assert(tostring(pkt.payload) == s and #pkt.payload == #s) return true"));
      for (const bool padded : {false, true}) {
        std::vector<uint8_t> frame = udp("hello", ipv6);
        const std::vector<uint8_t> before = frame;
        if (padded) frame.resize(90);
        const Decision decision = judge(frame);
        ASSERT_EQ(decision.cause, Cause::kScript) << judge.error();
        ASSERT_TRUE(decision.modified);
        EXPECT_EQ(payload_of(decision.bytes), std::string(size, 'z'));
        EXPECT_TRUE(checksums_right(decision.bytes));
        // Padding goes when the length changes.
        EXPECT_EQ(decision.bytes.size(), padded && size == 5 ? 90 : before.size() - 5 + size);
      }
    }
  }
}

TEST(Payload, FromDataObjectsOldAndNew) {
  const std::pair<const char*, const char*> cases[] = {
      {"pkt.payload = data.new('from data')", "from data"},
      {"pkt.payload = pld:segment(2)", "llo"},
      {"pkt.payload = pld", "hello"},
      {"pld:layout(b).first = 74 pkt.payload = pld:segment(0, 2)", "Je"},
      {"pkt.payload = 'one' pkt.payload = pkt.payload:segment(1)", "ne"},
      {"pkt.payload = 'much longer' pkt.payload = pkt.frame:segment(42, 4)", "much"},
      {"pkt.payload = 'a' pkt.payload = 'hello again' pkt.payload:layout(b).first = 72", "Hello again"},
      {"pkt.payload = 'longer than it was' pld:layout(b).first = 76", "Longer than it was"},
  };
  for (const auto& [statements, expected] : cases) {
    Judge judge(script(std::string(statements) + " return true"));
    const Decision decision = judge(udp("hello"));
    ASSERT_EQ(decision.cause, Cause::kScript) << statements << ": " << judge.error();
    const std::vector<uint8_t> original = udp("hello");
    EXPECT_EQ(payload_of(decision.modified ? decision.bytes : original), expected) << statements;
    EXPECT_TRUE(checksums_right(decision.modified ? decision.bytes : original)) << statements;
  }
}

TEST(Payload, RefusedLengths) {
  for (const bool ipv6 : {false, true}) {
    Judge longer(script("pkt.payload = 'hello world' return true"));
    const Decision decision = longer(tcp("hello", ipv6));
    EXPECT_EQ(decision.cause, Cause::kError);
    EXPECT_EQ(longer.error().substr(0, 32), "the payload cannot be replaced: ");
    EXPECT_NE(longer.error().find("TCP"), std::string::npos) << longer.error();
    EXPECT_FALSE(decision.modified);

    Judge same(script("pkt.payload = 'HELLO' return true"));
    const Decision kept = same(tcp("hello", ipv6));
    ASSERT_TRUE(kept.modified) << same.error();
    EXPECT_EQ(payload_of(kept.bytes), "HELLO");
    EXPECT_TRUE(checksums_right(kept.bytes));
  }
  Judge huge(script("pkt.payload = ('x'):rep(70000) return true"));
  EXPECT_EQ(huge(udp()).cause, Cause::kError);
  EXPECT_EQ(huge.error().substr(0, 32), "the payload cannot be replaced: ");
}

TEST(Payload, ARefusalCanBeCaughtAndLeavesThePayload) {
  Judge judge(script(R"(
    local ok, message = pcall(function() pkt.payload = 'hello world' end)
    assert(not ok and message:find('the payload cannot be replaced', 1, true))
    assert(tostring(pkt.payload) == 'hello' and tostring(pld) == 'hello')
    return true)"));
  EXPECT_FALSE(judge(tcp("hello")).modified) << judge.error();
  EXPECT_TRUE(judge.observer().errors.empty());
}

TEST(Payload, AfterTheScriptBrokeTheHeaders) {
  Judge judge(script("hdr:layout(b).total = 3 pkt.payload = 'x' return true"));
  EXPECT_EQ(judge(udp()).cause, Cause::kError);
  EXPECT_EQ(judge.error(), "the payload cannot be replaced: the packet was malformed by the script before");
}

TEST(Payload, OfACutPacketOnlyErrors) {
  const std::vector<uint8_t> frame = udp(std::string(100, 'x'));
  packet::Packet packet;
  packet.bytes = std::span(frame).first(60);
  packet.wire_length = frame.size();
  Judge judge(script("pkt.payload = 'x' return true"));
  EXPECT_EQ(judge(packet).cause, Cause::kError);
  EXPECT_EQ(judge.error().substr(0, 32), "the payload cannot be replaced: ");
}

TEST(Payload, OfAFrameWithoutIp) {
  Options options;
  options.policy.non_ip = packet::NonIp::kAsk;
  Judge refused(script("pkt.payload = 'x' return true"), options);
  EXPECT_EQ(refused(arp()).cause, Cause::kError);
  EXPECT_EQ(refused.error().substr(0, 32), "the payload cannot be replaced: ");
  Judge written(script("pld:layout(b).first = 9 return true"), options);
  const Decision decision = written(arp());
  ASSERT_TRUE(decision.modified) << written.error();
  EXPECT_EQ(decision.bytes[14], 9);
}

TEST(PacketWrites, PacketsLargerThanAnyOnTheWire) {
  // Segmentation offload hands over up to 64 KiB, and more (BIG TCP): IPv4 says length 0 then.
  packet::BuildOptions options;
  options.source = "192.0.2.1";
  options.destination = "192.0.2.2";
  options.payload = std::vector<uint8_t>(1000, 'x');
  std::vector<uint8_t> frame = build_frame(options);
  frame.resize(200'000, 'x');
  frame[16] = frame[17] = 0;
  Options lua;  // compiled filters see no packets that long
  lua.kind = Kind::kLua;
  Judge judge(script("pld:layout(b).first = 65 return true"), lua);
  const packet::Location location = packet::locate(frame, frame.size(), packet::LinkType::kEthernet);
  const Decision decision = judge(frame);
  if (location.malformed != packet::Malformed::kNone) {
    EXPECT_EQ(decision.cause, Cause::kMalformed);
  } else {
    ASSERT_TRUE(decision.modified) << judge.error();
    EXPECT_EQ(decision.bytes[location.payload], 65);
    EXPECT_EQ(decision.bytes.size(), frame.size());
  }
}

TEST(PacketWrites, BytesStayUntilTheNextPacket) {
  Judge judge(script("pkt.payload = 'reply' return 'reply'"));
  const std::vector<uint8_t> frame = udp("hello there");
  const Decision decision = judge(frame);
  EXPECT_EQ(decision.verdict, Verdict::kReply);
  ASSERT_TRUE(decision.modified) << judge.error();
  EXPECT_EQ(payload_of(decision.bytes), "reply");
  EXPECT_EQ(decision.location->payload, 42U) << "the headers as they were before";
}

}  // namespace
}  // namespace perilune::engine
