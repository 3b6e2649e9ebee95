// Packets of all kinds through the lua engine, with a script that writes, resizes and returns whatever the input says.
//
// Input: link type, flags, what to build, the number of script bytes, those bytes, and the frame (or the payload of one
// that is built, with right checksums). The script gets its bytes as pkt.interface, the one string that a frame does
// not limit. Checked: the hook's bytes are never written; a modified packet is well formed, and its checksums are right
// when they were before; an error leaves nothing behind; and no input crashes, runs forever or reads outside.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "packet/build.h"
#include "packet/checksum.h"
#include "script/maps/map_store.h"

namespace {

using namespace perilune;

constexpr const char* kScript = R"lua(
local data = require 'data'
local counts = map.lru{key='ip', value='u8', size=4}
local names = map.hash{key='string:8', value={'u8', 'string:8'}, size=4, ttl=1}
local kept = {}

function filter(hdr, pld, pkt)
  local ops = pkt.interface or ''
  local at = 1
  local function byte()
    local b = ops:byte(at) or 0
    at = at + 1
    return b
  end
  local function view()
    local which = byte() % 8
    if which == 0 then return hdr end
    if which == 1 then return pld end
    if which == 2 then return pkt.frame or hdr end
    if which == 3 then return pkt.transport or pld end
    if which == 4 then return pkt.payload end
    if which == 5 then return pld:segment(byte(), byte()) or pld end
    if which == 6 then return hdr:segment(byte()) or hdr end
    return kept[1] or pld
  end
  while at <= #ops do
    local op = byte() % 12
    if op == 0 then
      view():layout(data.layout{f = {byte(), byte() % 64 + 1}}).f = byte() << 8 | byte()
    elseif op == 1 then
      view():layout(data.layout{f = {byte(), byte(), 'string'}}).f = ops
    elseif op == 2 then
      pkt.payload = ops:sub(byte() % 4 + 1)
    elseif op == 3 then
      pkt.payload = view()
    elseif op == 4 then
      pkt.payload = ('x'):rep(byte() * byte())
    elseif op == 5 then
      pkt.mark = byte()
    elseif op == 6 then
      kept = {view(), pkt}
    elseif op == 7 then
      if pkt.src then counts:add(pkt.src, byte()) end
    elseif op == 8 then
      names[ops:sub(at, at + byte() % 10)] = {byte(), 'v'}
    elseif op == 9 then
      local f = {'src', 'dst', 'sport', 'dport', 'length', 'vlan', 'ethertype', 'version', 'protocol', 'fragment', 'time', 'truncated'}
      local x = pkt[f[byte() % 13 + 1]]
      if kept[2] then x = kept[2].src end
    elseif op == 10 then
      log(ops)
    else
      local results = {true, false, 'pass', 'block', 'reject', 'reply', 1, {}, ops, 0.5, print, pkt, hdr, error}
      return results[byte() % 16 + 1]
    end
  end
  return true
end
)lua";

class Observer final : public engine::Observer {
 public:
  void on_log(uint64_t, uint32_t, std::string_view) override {}
  void on_error(uint64_t, const script::ScriptError&) override {}
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "invariant broken: %s\n", what);
  std::abort();
}

engine::PacketWorker& worker() {
  static Observer observer;
  static std::string path = (std::filesystem::temp_directory_path() / "perilune-fuzz-XXXXXX.lua").string();
  static const std::unique_ptr<engine::Program> program = [] {
    if (mkstemps(path.data(), 4) < 0) fail("no temporary file");
    std::ofstream(path) << kScript;
    engine::Options options;
    options.policy.non_ip = packet::NonIp::kAsk;
    options.policy.on_error = packet::Verdict::kReject;
    options.packet_time = true;
    options.limits.memory = size_t{4} << 20;
    options.limits.call_instructions = 20'000;
    return *engine::open(path, options, observer);
  }();
  static const std::unique_ptr<engine::PacketWorker> only = [] {
    auto made = program->packet_worker(0);
    std::remove(path.c_str());
    if (!made) fail(to_text(made.error()[0]).c_str());
    return std::move(*made);
  }();
  return *only;
}

std::vector<uint8_t> build_frame(uint8_t how, std::span<const uint8_t> payload) {
  constexpr uint8_t kProtocols[] = {packet::protocol::kTcp, packet::protocol::kUdp, packet::protocol::kIcmp,
                                    packet::protocol::kSctp, 47};
  packet::BuildOptions options;
  const bool ipv6 = (how & 1) != 0;
  options.source = ipv6 ? "2001:db8::1" : "192.0.2.1";
  options.destination = ipv6 ? "2001:db8::2" : "192.0.2.2";
  options.protocol = kProtocols[(how >> 1) % 5];
  if (ipv6 && options.protocol == packet::protocol::kIcmp) options.protocol = packet::protocol::kIcmpV6;
  options.source_port = 1;
  options.destination_port = 53;
  options.payload.assign(payload.begin(), payload.end());
  if ((how & 0x40) != 0) options.vlans = {5};
  if ((how & 0x80) != 0 && payload.size() % 8 == 0 && !payload.empty()) options.more_fragments = true;
  auto frame = packet::build(options);
  return frame ? *frame : std::vector<uint8_t>{};
}

constexpr packet::LinkType kLinks[] = {
    packet::LinkType::kEthernet, packet::LinkType::kRaw,  packet::LinkType::kLinuxSll, packet::LinkType::kLinuxSll2,
    packet::LinkType::kNull,     packet::LinkType::kLoop, packet::LinkType::kIpv4,     packet::LinkType::kIpv6};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const uint8_t flags = data[1];
  const bool build = (flags & 1) != 0;
  const size_t script_bytes = std::min<size_t>(data[3], size - 4);
  const std::string_view script(reinterpret_cast<const char*>(data) + 4, script_bytes);
  const std::span<const uint8_t> rest(data + 4 + script_bytes, size - 4 - script_bytes);
  std::vector<uint8_t> frame = build ? build_frame(data[2], rest) : std::vector<uint8_t>(rest.begin(), rest.end());
  const size_t wire_length = frame.size();
  if ((flags & 2) != 0 && frame.size() > 20) frame.resize(frame.size() - 7);
  const std::vector<uint8_t> before = frame;

  packet::Packet packet;
  packet.bytes = frame;
  packet.wire_length = wire_length;
  packet.link = build ? packet::LinkType::kEthernet : kLinks[data[0] % std::size(kLinks)];
  packet.has_frame = (flags & 4) == 0;
  packet.checksum = (flags & 8) != 0 ? packet::ChecksumState::kPartial : packet::ChecksumState::kFinal;
  packet.interface = script;
  packet.time_ns = uint64_t{data[0]} << 26;
  packet.number = 1;
  const packet::Decision decision = worker().judge(packet);

  if (frame != before) fail("the hook's bytes were written");
  if (decision.modified == decision.bytes.empty()) fail("modified without bytes, or bytes without being modified");
  if (decision.cause == packet::Cause::kError &&
      (decision.modified || decision.mark_set || decision.verdict != packet::Verdict::kReject)) {
    fail("an error left something behind");
  }
  if (!decision.modified) return 0;
  const packet::Location& was = *decision.location;
  const packet::Location is =
      packet::locate(decision.bytes, was.truncated ? wire_length : decision.bytes.size(), packet.link);
  if (is.malformed != packet::Malformed::kNone) fail("a modified packet is malformed");
  const bool right_before = packet::checksums_right(before, was);
  if (right_before && !packet::checksums_right(decision.bytes, is)) fail("right checksums became wrong");
  return 0;
}
