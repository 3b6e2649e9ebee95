#include "cli/report/report.h"

#include <array>

#include <arpa/inet.h>

namespace perilune::cli {
namespace {

std::string address(const packet::Packet& packet, const packet::Location& location, bool source) {
  if (location.version != 4 && location.version != 6) return {};
  const bool v4 = location.version == 4;
  const size_t length = v4 ? 4 : 16;
  const size_t first = v4 ? 12 : 8;
  const size_t offset = location.network + first + (source ? 0 : length);
  if (offset + length > packet.bytes.size()) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(v4 ? AF_INET : AF_INET6, packet.bytes.data() + offset, text.data(), text.size());
  return text.data();
}

}  // namespace

std::string_view file_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string reason(const packet::Decision& decision, std::string_view script) {
  std::string place =
      decision.line == 0 ? std::string(file_name(script)) : fmt::format("{}:{}", file_name(script), decision.line);
  switch (decision.cause) {
    case packet::Cause::kScript:
      return place;
    case packet::Cause::kDefault:
      return "no opinion";
    case packet::Cause::kMalformed:
      return fmt::format("malformed: {}", packet::to_string(decision.malformed));
    case packet::Cause::kError:
      return fmt::format("error at {}", place);
    case packet::Cause::kNotIp:
      return "not IP";
  }
  return place;
}

std::string source_address(const packet::Packet& packet, const packet::Location& location) {
  return address(packet, location, true);
}

std::string destination_address(const packet::Packet& packet, const packet::Location& location) {
  return address(packet, location, false);
}

std::string protocol_name(const packet::Location& location) {
  if (location.version == 0) {
    switch (location.ethertype) {
      case 0:
        return "not IP";
      case 0x0806:
        return "arp";
      default:
        return fmt::format("ethertype 0x{:04x}", location.ethertype);
    }
  }
  switch (location.protocol) {
    case packet::protocol::kIcmp:
      return "icmp";
    case 2:
      return "igmp";
    case 4:
      return "ipip";
    case packet::protocol::kTcp:
      return "tcp";
    case packet::protocol::kUdp:
      return "udp";
    case 41:
      return "ipv6";
    case 47:
      return "gre";
    case packet::protocol::kEsp:
      return "esp";
    case packet::protocol::kAh:
      return "ah";
    case packet::protocol::kIcmpV6:
      return "icmpv6";
    case packet::protocol::kNoNext:
      return "no payload";
    case 89:
      return "ospf";
    case packet::protocol::kSctp:
      return "sctp";
    default:
      return fmt::format("protocol {}", location.protocol);
  }
}

}  // namespace perilune::cli
