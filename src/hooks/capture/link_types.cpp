#include "hooks/capture/link_types.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace perilune::hooks {

using packet::LinkType;

namespace {

constexpr uint16_t kOutgoing = 4;         // PACKET_OUTGOING of the Linux kernel
constexpr uint16_t kLastLinkType = 1023;  // above all that are assigned
constexpr size_t kCookedLength = 16;
constexpr size_t kCooked2Length = 20;

/// Other numbers for kRaw, by which only a few systems' files know it.
bool is_old_raw(LinkType link) {
  return link == LinkType::kRawOld || link == LinkType::kRawOpenBsd;
}

}  // namespace

std::optional<LinkType> link_type_of(uint32_t number) {
  // One number for raw IP, whichever the file uses: all of them mean the same.
  if (number > UINT16_MAX || !packet::is_supported_link_type(static_cast<uint16_t>(number))) return std::nullopt;
  const auto link = static_cast<LinkType>(number);
  return is_old_raw(link) ? LinkType::kRaw : link;
}

std::string supported_link_types() {
  std::string text = "supported are ";
  bool first = true;
  for (uint16_t number = 0; number <= kLastLinkType; ++number) {
    const auto link = static_cast<LinkType>(number);
    if (!packet::is_supported_link_type(number) || is_old_raw(link)) continue;
    text += fmt::format("{}{} ({})", first ? "" : ", ", packet::link_type_name(link), number);
    first = false;
  }
  return text;
}

bool is_raw_ip(LinkType link) {
  return link == LinkType::kRaw || is_old_raw(link) || link == LinkType::kIpv4 || link == LinkType::kIpv6;
}

std::optional<CookedHeader> read_cooked_header(LinkType link, std::span<const uint8_t> bytes) {
  const auto direction = [](uint16_t packet_type) {
    return packet_type == kOutgoing ? packet::Direction::kOut : packet::Direction::kIn;
  };
  if (link == LinkType::kLinuxSll && bytes.size() >= kCookedLength) {
    return CookedHeader{.direction = direction(read_be16(bytes.data())), .ifindex = 0};
  }
  if (link == LinkType::kLinuxSll2 && bytes.size() >= kCooked2Length) {
    return CookedHeader{.direction = direction(bytes[10]), .ifindex = read_be32(bytes.data() + 4)};
  }
  return std::nullopt;
}

}  // namespace perilune::hooks
