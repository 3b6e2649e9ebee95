#include "packet/kind.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"

namespace perilune::packet {
namespace {

using event::Field;
using event::Form;

constexpr std::array<std::string_view, 3> kDirections{to_string(Direction::kIn), to_string(Direction::kOut),
                                                      to_string(Direction::kForward)};
constexpr uint32_t kAny = 0xffffffff;
constexpr uint32_t kVlanIdentifier = 0xfff;

#define AT(field) offsetof(pl_packet, field)
constexpr std::array kFields{
    Field{.name = "direction", .form = Form::kWord, .at = AT(direction), .words = kDirections},
    Field{.name = "dport", .at = AT(destination_port), .needs_at = AT(flags), .needs = PL_HAS_PORTS},
    Field{.name = "dst",
          .form = Form::kAddress,
          .at = AT(destination),
          .extent = AT(version),
          .needs_at = AT(version),
          .needs = kAny},
    Field{.name = "ethertype", .at = AT(ethertype), .needs_at = AT(ethertype), .needs = kAny},
    Field{.name = "fragment", .form = Form::kFlag, .at = AT(flags), .mask = PL_FRAGMENT},
    Field{.name = "frame",
          .form = Form::kRegion,
          .at = event::kFirstByte,
          .extent = AT(captured),
          .needs_at = AT(flags),
          .needs = PL_HAS_FRAME},
    Field{.name = "ifindex", .at = AT(ifindex), .needs_at = AT(ifindex), .needs = kAny},
    Field{.name = "interface",
          .form = Form::kText,
          .at = AT(interface_name),
          .extent = AT(interface_length),
          .size = sizeof(pl_packet::interface_name),
          .needs_at = AT(interface_length),
          .needs = kAny},
    Field{.name = "length", .at = AT(length)},
    Field{.name = "mark", .at = AT(mark)},
    Field{.name = "number", .at = AT(number), .size = 8},
    Field{.name = "payload", .form = Form::kRegion, .at = AT(payload), .extent = AT(end)},
    Field{.name = "protocol", .at = AT(protocol), .needs_at = AT(version), .needs = kAny},
    Field{.name = "sport", .at = AT(source_port), .needs_at = AT(flags), .needs = PL_HAS_PORTS},
    Field{.name = "src",
          .form = Form::kAddress,
          .at = AT(source),
          .extent = AT(version),
          .needs_at = AT(version),
          .needs = kAny},
    Field{.name = "time", .at = AT(time_ns), .size = 8},
    Field{.name = "transport",
          .form = Form::kRegion,
          .at = AT(transport),
          .extent = AT(payload),
          .needs_at = AT(flags),
          .needs = PL_HAS_TRANSPORT},
    Field{.name = "truncated", .form = Form::kFlag, .at = AT(flags), .mask = PL_TRUNCATED},
    Field{.name = "version", .at = AT(version), .needs_at = AT(version), .needs = kAny},
    Field{.name = "vlan", .at = AT(vlan), .mask = kVlanIdentifier, .needs_at = AT(vlan_tags), .needs = kAny},
};
constexpr std::array kMoving{
    event::Moving{AT(transport), AT(now_transport)},
    event::Moving{AT(payload), AT(now_payload)},
    event::Moving{AT(end), AT(now_end)},
    event::Moving{AT(flags), AT(now_flags)},
};
constexpr std::array kSteady{
    event::Steady{AT(network), AT(captured)},
    event::Steady{AT(length), AT(copied)},
    event::Steady{AT(flags), AT(mark)},
};
#undef AT

constexpr std::array<std::string_view, 4> kMethods{"block", "pass", "reject", "reply"};

constexpr auto names() {
  std::array<std::string_view, kFields.size() + kMethods.size()> all;
  std::ranges::copy(kMethods, std::ranges::transform(kFields, all.begin(), &Field::name).out);
  std::ranges::sort(all);
  return all;
}
constexpr auto kNames = names();
static_assert(std::ranges::is_sorted(kFields, {}, &Field::name));

unsigned flag(bool is_set, unsigned bit) {
  return is_set ? bit : 0;
}

unsigned flags_of(const Location& location) {
  return flag(location.fragment, PL_FRAGMENT) | flag(location.first_fragment, PL_FIRST_FRAGMENT) |
         flag(location.has_transport, PL_HAS_TRANSPORT) | flag(location.has_ports, PL_HAS_PORTS) |
         flag(location.truncated, PL_TRUNCATED);
}

/// What the IP header says; 0: nothing.
uint32_t length_said(unsigned version, const uint8_t* network) {
  if (version == 4) return read_be16(network + 2);
  const uint32_t payload = version == 6 ? read_be16(network + 4) : 0;
  return payload == 0 ? 0 : payload + 40;
}

void copy_addresses(pl_packet& record, const uint8_t* network) {
  if (record.version == 4) {
    std::memcpy(record.source, network + 12, 4);
    std::memcpy(record.destination, network + 16, 4);
  } else if (record.version == 6) {
    std::memcpy(record.source, network + 8, 16);
    std::memcpy(record.destination, network + 24, 16);
  }
}

}  // namespace

const event::Kind& kind() {
  static constexpr event::Kind kPacket{"pkt", kFields, kMoving, kSteady, kNames, kMethods};
  return kPacket;
}

void note_place(pl_packet& record, const Location& location) {
  record.now_transport = location.transport;
  record.now_payload = location.payload;
  record.now_end = location.end;
  record.now_flags = flags_of(location) | (record.flags & PL_HAS_FRAME);
}

void fill_record(pl_packet& record, const Packet& packet, const Location& location) {
  record.network = location.network;
  record.transport = location.transport;
  record.payload = location.payload;
  record.end = location.end;
  record.captured = static_cast<uint32_t>(packet.bytes.size());
  record.flags = flags_of(location) | flag(packet.has_frame, PL_HAS_FRAME);
  record.version = location.version;
  record.protocol = location.protocol;
  record.source_port = location.source_port;
  record.destination_port = location.destination_port;
  record.ethertype = location.ethertype;
  record.vlan = location.vlan;
  record.vlan_tags = location.vlan_tags;
  record.malformed = 0;
  record.ifindex = packet.ifindex;
  record.mark = packet.mark;
  record.fragment_offset = location.fragment_offset;
  record.number = packet.number;
  record.direction = static_cast<unsigned>(packet.direction);
  record.time_ns = packet.time_ns;
  record.interface_length = static_cast<unsigned>(std::min(packet.interface.size(), sizeof record.interface_name));
  if (record.interface_length != 0)
    std::memcpy(record.interface_name, packet.interface.data(), record.interface_length);
  record.mark_set = 0;
  record.dirty_begin = 0;
  record.dirty_end = 0;
  record.arrived_length = 0;
  note_place(record, location);
  const uint8_t* network = packet.bytes.data() + location.network;
  record.length = length_said(record.version, network);
  if (record.length == 0) record.length = static_cast<uint32_t>(packet.wire_length) - location.network;
  copy_addresses(record, network);
}

}  // namespace perilune::packet
