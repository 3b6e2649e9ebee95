// The user's pcap-filter(7) expression. The only place that knows libpcap.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "packet/packet.h"

namespace perilune::hooks {

class PacketFilter {
 public:
  /// Fails when no link type takes the expression, with libpcap's reason. An empty expression takes every packet.
  [[nodiscard]] static Result<PacketFilter> create(const std::string& expression);
  PacketFilter(PacketFilter&&) noexcept;
  PacketFilter& operator=(PacketFilter&&) noexcept;
  ~PacketFilter();

  /// Does the script see this packet? Compiles when a link type comes up for the first time, and fails when the
  /// expression makes no sense there ("ether host" on raw IP).
  [[nodiscard]] Result<bool> matches(packet::LinkType link, std::span<const uint8_t> bytes, size_t wire_length) {
    if (expression_.empty()) return true;
    return run(link, bytes, wire_length);
  }

 private:
  class Compiled;

  explicit PacketFilter(std::string expression);
  [[nodiscard]] Result<bool> run(packet::LinkType link, std::span<const uint8_t> bytes, size_t wire_length);

  std::string expression_;
  std::map<packet::LinkType, std::unique_ptr<Compiled>> compiled_;
  packet::LinkType last_link_ = packet::LinkType::kEthernet;
  Compiled* last_ = nullptr;      // of last_link_
  std::vector<uint8_t> swapped_;  // a packet whose link header had to be turned round
};

}  // namespace perilune::hooks
