#include "packets.h"

#include <algorithm>

#include "hooks/capture.h"
#include "packet/location.h"

namespace perilune::parity {
namespace {

constexpr uint32_t kLoopbackIndex = 1;

/// The frame that stands for an IP packet: with an Ethernet header of our own.
std::vector<uint8_t> with_ethernet_header(std::span<const uint8_t> ip) {
  const bool version6 = !ip.empty() && ip[0] >> 4 == 6;
  std::vector<uint8_t> frame(size_t{14} + ip.size());
  frame[0] = frame[6] = 2;  // locally administered addresses
  frame[5] = 2;
  frame[11] = 1;
  frame[12] = version6 ? 0x86 : 0x08;
  frame[13] = version6 ? 0xdd : 0x00;
  std::ranges::copy(ip, frame.begin() + 14);
  return frame;
}

// Judges nothing: keeps what it is asked about, so that packets are exactly those that a run over captures judges.
class Collector final : public engine::PacketWorker, public hooks::CaptureObserver {
 public:
  packet::Decision judge(const packet::Packet& packet) override {
    set_.add(packet, static_cast<uint32_t>(set_.sources.size() - 1));
    return {};
  }
  engine::Statistics statistics() const override { return {}; }

  void on_packet(const std::string&, const packet::Packet&, const packet::Decision&) override {}
  void on_progress(uint64_t, uint64_t) override {}
  void on_broken(const Error&) override {}  // damaged captures are part of the corpus: what is before the damage counts

  Result<void> read(const std::string& file) {
    set_.sources.push_back(file.substr(file.rfind('/') + 1));
    hooks::CaptureOptions options;
    options.files = {file};
    const Result<bool> judged = hooks::judge_captures(options, *this, *this);
    if (!judged) return tl::make_unexpected(judged.error());
    return {};
  }

  PacketSet take() { return std::move(set_); }

 private:
  PacketSet set_;
};

}  // namespace

StoredPacket::StoredPacket(const packet::Packet& from, uint32_t source_index)
    : packet(from), bytes(from.bytes.begin(), from.bytes.end()), interface(from.interface), source(source_index) {
  packet.bytes = bytes;
  packet.interface = interface;
}

void PacketSet::add(const packet::Packet& packet, uint32_t source) {
  packets.emplace_back(packet, source);
}

Result<PacketSet> read_captures(const std::vector<std::string>& files) {
  Collector collector;
  for (const std::string& file : files) {
    if (const Result<void> read = collector.read(file); !read) return tl::make_unexpected(read.error());
  }
  return collector.take();
}

PacketSet feed(const PacketSet& captured, Feed feed, const std::function<bool(const StoredPacket&)>& left_out) {
  PacketSet set;
  set.sources = captured.sources;
  for (const StoredPacket& stored : captured.packets) {
    packet::Packet packet = stored.packet;
    if (feed != Feed::kAsCaptured) {
      const bool whole = packet.bytes.size() == packet.wire_length;
      const packet::Location location = packet::locate(packet.bytes, packet.wire_length, packet.link);
      const bool is_ip = location.version != 0;
      if (!whole || packet.link != packet::LinkType::kEthernet) continue;
      packet.direction = packet::Direction::kIn;
      packet.ifindex = kLoopbackIndex;
      packet.interface = {};
      packet.number = 0;
      if (feed == Feed::kIp) {
        // Hooks of the network layer see what its own header says there is, and no tagged or tunnelled packets.
        if (!is_ip || location.network != 14 || location.malformed != packet::Malformed::kNone) continue;
        packet.bytes = packet.bytes.subspan(location.network, location.end - location.network);
        packet.wire_length = packet.bytes.size();
        packet.link = packet::LinkType::kRaw;
        packet.has_frame = false;
      }
    }
    set.add(packet, stored.source);
    if (left_out(set.packets.back())) {
      set.packets.pop_back();
      ++set.left_out;
    }
  }
  return set;
}

std::span<const uint8_t> frame_of(const StoredPacket& stored, std::vector<uint8_t>& made) {
  if (stored.packet.has_frame) return stored.packet.bytes;
  made = with_ethernet_header(stored.packet.bytes);
  return made;
}

}  // namespace perilune::parity
