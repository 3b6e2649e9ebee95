#include "random_packets.h"

#include <array>
#include <string>

#include "packet/build.h"
#include "random_words.h"

namespace perilune::parity {
namespace {

std::string random_bytes(RandomSource& random, size_t length) {
  std::string bytes;
  const bool text = random.chance(50);
  for (size_t i = 0; i < length; ++i) {
    bytes += text ? static_cast<char>(random.between(0x20, 0x7e)) : static_cast<char>(random.below(256));
  }
  return bytes;
}

std::string random_payload(RandomSource& random) {
  switch (random.below(11)) {
    case 8:
    case 9:
    case 10: {
      std::string text;
      for (uint64_t i = 1 + random.below(5); i > 0; --i)
        text += random.pick(awkward_words());
      return text;
    }
    case 0:
      return {};
    case 1:
      return random_bytes(random, random.below(20));
    case 2:
      return random_bytes(random, random.below(600));
    case 3:
      return "GET /" + random_bytes(random, random.below(12)) + " HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: x/" +
             std::to_string(random.below(100)) + "\r\n\r\n";
    case 4:
      return "SSH-2.0-OpenSSH_" + std::to_string(random.below(10)) + "." + std::to_string(random.below(10)) + "\r\n";
    case 5:
      return std::string(
                 "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07"
                 "example\x03"
                 "com\x00\x00\x01\x00\x01",
                 33) +
             random_bytes(random, random.below(8));
    default: {
      std::string text;
      for (uint64_t i = random.below(12); i > 0; --i)
        text += random.pick(payload_words());
      return text;
    }
  }
}

packet::BuildOptions random_options(RandomSource& random) {
  static constexpr std::array<uint16_t, 8> kPorts{22, 53, 80, 443, 1024, 40000, 65535, 0};
  packet::BuildOptions options;
  const bool version6 = random.chance(30);
  const std::string host = std::to_string(random.below(4) + 1);
  options.source = version6 ? "2001:db8::" + host : "192.0.2." + host;
  options.destination = version6 ? "2001:db8::99" : "198.51.100." + std::to_string(random.below(256));
  options.protocol = random.pick<uint8_t>({packet::protocol::kTcp, packet::protocol::kTcp, packet::protocol::kUdp,
                                           packet::protocol::kUdp,
                                           version6 ? packet::protocol::kIcmpV6 : packet::protocol::kIcmp, 47});
  options.source_port = random.pick(std::span(kPorts));
  options.destination_port = random.pick(std::span(kPorts));
  const std::string payload = random_payload(random);
  options.payload.assign(payload.begin(), payload.end());
  options.ttl = static_cast<uint8_t>(random.chance(60) ? 64 : random.below(256));
  options.tos = static_cast<uint8_t>(random.chance(70) ? 0 : random.below(256));
  options.identification = static_cast<uint16_t>(random.below(65536));
  options.dont_fragment = random.chance(50);
  options.tcp_flags = static_cast<uint8_t>(random.below(256));
  options.sequence = static_cast<uint32_t>(random.bits());
  options.window = static_cast<uint16_t>(random.bits());
  options.icmp_rest = static_cast<uint32_t>(random.bits());
  if (random.chance(20)) options.tcp_options = {2, 4, 5, 180, 1, 3, 3, 7};
  if (random.chance(10) && !version6) options.ip_options = {1, 1, 1, 1};
  if (random.chance(10)) options.vlans = {static_cast<uint16_t>(random.below(4096))};
  if (random.chance(8)) options.fragment_offset = static_cast<uint16_t>(8 * random.below(100));
  return options;
}

void damage(RandomSource& random, std::vector<uint8_t>& frame) {
  switch (random.below(4)) {
    case 0:
      frame.resize(random.between(1, static_cast<int64_t>(frame.size())));
      break;
    case 1:
      frame[random.below(frame.size())] ^= static_cast<uint8_t>(1U << random.below(8));
      break;
    case 2:
      frame[random.below(std::min<size_t>(frame.size(), 60))] = static_cast<uint8_t>(random.below(256));
      break;
    default:
      frame.insert(frame.end(), random.below(20), uint8_t{0});  // padding
  }
}

}  // namespace

PacketSet random_packets(RandomSource& random, size_t count) {
  PacketSet set;
  set.sources = {"random packets"};
  while (set.packets.size() < count) {
    auto frame = packet::build(random_options(random));
    if (!frame) continue;  // a combination that cannot be expressed
    if (random.chance(20)) damage(random, *frame);
    packet::Packet packet;
    packet.bytes = *frame;
    packet.wire_length = frame->size();
    packet.number = set.packets.size() + 1;
    packet.time_ns = 1'700'000'000'000'000'000 + 1'000'000 * set.packets.size();
    packet.ifindex = 1;
    set.add(packet, 0);
  }
  return set;
}

}  // namespace perilune::parity
