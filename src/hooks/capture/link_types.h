// Link types as capture files number them, and what a link header itself says about a packet.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "packet/packet.h"

namespace perilune::hooks {

/// The link type that a number in a file stands for; nothing when packets of it cannot be judged.
[[nodiscard]] std::optional<packet::LinkType> link_type_of(uint32_t number);
/// "supported are Ethernet (1), ..."
[[nodiscard]] std::string supported_link_types();
/// Has a packet of this type no link header at all?
[[nodiscard]] bool is_raw_ip(packet::LinkType link);

struct CookedHeader {
  packet::Direction direction = packet::Direction::kIn;
  uint32_t ifindex = 0;  // 0: the header has none
};
[[nodiscard]] std::optional<CookedHeader> read_cooked_header(packet::LinkType link, std::span<const uint8_t> bytes);
/// What a Linux cooked header says; nothing for other link types and packets too short for it.
[[nodiscard]] inline std::optional<CookedHeader> cooked_header(packet::LinkType link, std::span<const uint8_t> bytes) {
  // Asked for every packet, and nearly always Ethernet.
  if (link != packet::LinkType::kLinuxSll && link != packet::LinkType::kLinuxSll2) return std::nullopt;
  return read_cooked_header(link, bytes);
}

}  // namespace perilune::hooks
