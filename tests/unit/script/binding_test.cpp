// The binding without an engine around it: what holds whatever order a host calls it in.
#include <vector>

#include "packet/build.h"
#include "script/packet/packet_binding.h"
#include "state_helpers.h"

namespace perilune::script {
namespace {

std::vector<uint8_t> frame() {
  packet::BuildOptions options;
  options.source = "192.0.2.1";
  options.destination = "192.0.2.2";
  options.protocol = packet::protocol::kUdp;
  options.payload = {'a', 'b', 'c'};
  auto built = packet::build(options);
  EXPECT_TRUE(built.has_value());
  return built ? *built : std::vector<uint8_t>{};
}

// One packet through a state and a binding; the error, or "".
std::string judge(State& state, PacketBinding& binding, const std::vector<uint8_t>& bytes) {
  packet::Packet packet;
  packet.bytes = bytes;
  packet.wire_length = bytes.size();
  binding.begin(packet, packet::locate(bytes, bytes.size(), packet::LinkType::kEthernet));
  std::string error;
  if (state.call(binding, 1)) {
    state.finish();
  } else {
    error = state.error().message;
  }
  binding.end();
  return error;
}

TEST(Binding, AStateMayHaveOneAfterTheOther) {
  auto state = load(
      "function filter(hdr, pld, pkt) if kept then assert(not pcall(function() return kept.src end)) end kept = pkt "
      "assert(#pld == 3) end");
  ASSERT_TRUE(state);
  const std::vector<uint8_t> bytes = frame();
  for (int i = 0; i < 3; ++i) {
    PacketBinding binding(*state);
    ASSERT_TRUE(binding.ready());
    EXPECT_EQ(judge(*state, binding, bytes), "");
    EXPECT_EQ(judge(*state, binding, bytes), "");
  }
}

TEST(Binding, WhatAScriptKeptOutlivesIt) {
  auto keeper = load(
      "function filter(hdr, pld, pkt) if not old then old = {pld, pkt} return end local ok, e = pcall(function() "
      "return old[2].src end) assert(not ok) assert(#tostring(old[1] or '') <= 3) end");
  ASSERT_TRUE(keeper);
  const std::vector<uint8_t> bytes = frame();
  {
    PacketBinding binding(*keeper);
    EXPECT_EQ(judge(*keeper, binding, bytes), "");
  }
  EXPECT_EQ(call(*keeper).substr(0, 3), "nil") << "without any binding";
}

TEST(Binding, AStateWithoutRoomSaysSo) {
  // The longest string that the script can keep and still load: little is left for the binding then, garbage at most.
  Options options;
  options.limits.memory = 400 << 10;
  std::unique_ptr<State> state;
  size_t fits = 0;
  for (size_t step = 256 << 10; step > 0; step /= 2) {
    const std::string text = "t = ('x'):rep(" + std::to_string(fits + step) + ") function filter(hdr, pld, pkt) end";
    auto loaded = State::load_text(text, "test.lua", "", options);
    if (!loaded) continue;
    fits += step;
    state = std::move(*loaded);
  }
  ASSERT_TRUE(state);
  PacketBinding binding(*state);
  EXPECT_EQ(judge(*state, binding, frame()).empty(), binding.ready());
}

}  // namespace
}  // namespace perilune::script
