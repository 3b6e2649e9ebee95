// Packets that scripts are compared over, decoded once and kept in memory.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "packet/packet.h"

namespace perilune::parity {

/// A packet with the bytes and names its borrowed parts point at. Stays where it was made.
struct StoredPacket {
  packet::Packet packet;
  std::vector<uint8_t> bytes;
  std::string interface;
  uint32_t source = 0;  // index into PacketSet::sources

  StoredPacket(const packet::Packet& from, uint32_t source_index);
  StoredPacket(const StoredPacket&) = delete;
  StoredPacket& operator=(const StoredPacket&) = delete;
};

struct PacketSet {
  std::vector<std::string> sources;  // names of captures
  std::deque<StoredPacket> packets;
  uint64_t left_out = 0;

  void add(const packet::Packet& packet, uint32_t source);
};

/// How packets reach a script.
enum class Feed : uint8_t {
  kAsCaptured,
  kEthernet,  // as a live hook with frames has them: Ethernet only, nothing cut, coming in by the loopback interface
  kEthernetUnmarked,  // the same for hooks without marks: what scripts would set as mark they keep to themselves
  kIp,                // as a live hook without frames has them: the IP packet alone
};
inline constexpr size_t kFeeds = 4;

/// The packets of capture files as `perilune run` judges them.
[[nodiscard]] Result<PacketSet> read_captures(const std::vector<std::string>& files);

/// Has the hook no marks?
[[nodiscard]] constexpr bool is_unmarked(Feed feed) {
  return feed == Feed::kEthernetUnmarked || feed == Feed::kIp;
}

/// What of `captured` can reach a hook of that kind, and as what; without those that are to be left out.
[[nodiscard]] PacketSet feed(const PacketSet& captured, Feed feed,
                             const std::function<bool(const StoredPacket&)>& left_out);

/// The packet's bytes where a frame is asked for. Valid as long as the packet and `made` are.
[[nodiscard]] std::span<const uint8_t> frame_of(const StoredPacket& stored, std::vector<uint8_t>& made);

}  // namespace perilune::parity
