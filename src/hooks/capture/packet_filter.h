// The user's pcap-filter(7) expression. The only place that knows libpcap.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

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

  /// Does the script see this packet? Looks up no names: create() compiled for every link type. Fails when the
  /// expression makes no sense at this one ("ether host" on raw IP).
  [[nodiscard]] Result<bool> matches(packet::LinkType link, std::span<const uint8_t> bytes, size_t wire_length) {
    if (expression_.empty()) return true;
    return run(link, bytes, wire_length);
  }

 private:
  class Compiled;

  explicit PacketFilter(std::string expression);
  [[nodiscard]] Result<bool> run(packet::LinkType link, std::span<const uint8_t> bytes, size_t wire_length);

  std::string expression_;
  /// The second: is the link header in the byte order that is not this machine's?
  using Key = std::pair<packet::LinkType, bool>;
  std::map<Key, Result<std::unique_ptr<Compiled>>> compiled_;
  Key last_key_{packet::LinkType::kEthernet, false};
  Compiled* last_ = nullptr;  // of last_key_
};

}  // namespace perilune::hooks
