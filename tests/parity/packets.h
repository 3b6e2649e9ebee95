// Packets that scripts are compared over, decoded once and kept in memory.
#pragma once

#include <cstdint>
#include <deque>
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

/// What of `captured` can reach a hook of that kind, and as what.
[[nodiscard]] PacketSet feed(const PacketSet& captured, Feed feed);

/// The frame that stands for an IP packet where a frame is asked for: with an Ethernet header of our own.
[[nodiscard]] std::vector<uint8_t> with_ethernet_header(std::span<const uint8_t> ip);

}  // namespace perilune::parity
