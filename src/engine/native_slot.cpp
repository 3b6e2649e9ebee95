#include "engine/native_slot.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "packet/resize.h"

namespace perilune::engine {
namespace {

// Nearly all headers are shorter; a constant size is copied without a call.
constexpr uint32_t kFirstBytes = 128;

pl_header& header_of(uint8_t* slot) {
  return *reinterpret_cast<pl_header*>(slot + PL_HEADER);
}

unsigned flag(bool is_set, unsigned bit) {
  return is_set ? bit : 0;
}

unsigned flags_of(const packet::Location& location) {
  return flag(location.fragment, PL_FRAGMENT) | flag(location.first_fragment, PL_FIRST_FRAGMENT) |
         flag(location.has_transport, PL_HAS_TRANSPORT) | flag(location.has_ports, PL_HAS_PORTS) |
         flag(location.truncated, PL_TRUNCATED);
}

void note_place(pl_header& header, const packet::Location& location) {
  header.now_transport = location.transport;
  header.now_payload = location.payload;
  header.now_end = location.end;
  header.now_flags = flags_of(location);
}

void copy_frame(uint8_t* slot, const packet::Packet& packet, uint32_t upto) {
  pl_header& header = header_of(slot);
  packet.need(std::max(kFirstBytes, upto));
  if (packet.bytes.size() >= kFirstBytes && upto <= kFirstBytes) {
    std::memcpy(slot + PL_FRAME, packet.bytes.data(), kFirstBytes);
    header.copied = kFirstBytes;
    return;
  }
  std::memcpy(slot + PL_FRAME, packet.bytes.data(), upto);
  header.copied = upto;
}

/// What the IP header says; 0: nothing.
uint32_t length_said(unsigned version, const uint8_t* network) {
  if (version == 4) return read_be16(network + 2);
  const uint32_t payload = version == 6 ? read_be16(network + 4) : 0;
  return payload == 0 ? 0 : payload + 40;
}

void copy_addresses(pl_header& header, const uint8_t* network) {
  if (header.version == 4) {
    std::memcpy(header.source, network + 12, 4);
    std::memcpy(header.destination, network + 16, 4);
  } else if (header.version == 6) {
    std::memcpy(header.source, network + 8, 16);
    std::memcpy(header.destination, network + 24, 16);
  }
}

}  // namespace

void fill_slot(uint8_t* slot, const packet::Packet& packet, const packet::Location& location, uint64_t fuel) {
  pl_header& header = header_of(slot);
  header.network = location.network;
  header.transport = location.transport;
  header.payload = location.payload;
  header.end = location.end;
  header.captured = static_cast<uint32_t>(packet.bytes.size());
  header.flags = flags_of(location) | flag(packet.has_frame, PL_HAS_FRAME);
  header.version = location.version;
  header.protocol = location.protocol;
  header.source_port = location.source_port;
  header.destination_port = location.destination_port;
  header.ethertype = location.ethertype;
  header.vlan = location.vlan;
  header.vlan_tags = location.vlan_tags;
  header.malformed = 0;
  header.ifindex = packet.ifindex;
  header.mark = packet.mark;
  header.fragment_offset = location.fragment_offset;
  header.number = packet.number;
  header.direction = static_cast<unsigned>(packet.direction);
  header.time_ns = packet.time_ns;
  header.interface_length = static_cast<unsigned>(std::min(packet.interface.size(), sizeof header.interface_name));
  if (header.interface_length != 0) {
    std::memcpy(header.interface_name, packet.interface.data(), header.interface_length);
  }
  header.dirty_begin = 0;
  header.dirty_end = 0;
  header.arrived_length = 0;
  note_place(header, location);
  header.mark_set = 0;
  header.error_site = 0;
  header.log_lines = 0;
  header.fuel = fuel;
  const uint8_t* network = packet.bytes.data() + location.network;
  header.length = length_said(header.version, network);
  if (header.length == 0) header.length = static_cast<uint32_t>(packet.wire_length) - location.network;
  copy_addresses(header, network);
  copy_frame(slot, packet, header.payload);
}

void pull_frame(uint8_t* slot, const packet::Packet& packet, uint64_t upto) {
  pl_header& header = header_of(slot);
  const auto end = static_cast<uint32_t>(std::min({upto, uint64_t{header.captured}, uint64_t{PL_FRAME_MAX}}));
  if (end <= header.copied) return;
  packet.need(end);
  std::memcpy(slot + PL_FRAME + header.copied, packet.bytes.data() + header.copied, end - header.copied);
  header.copied = end;
}

void replace_in_slot(uint8_t* slot, const packet::Packet& packet, const packet::Location& arrived, uint64_t length) {
  pl_header& header = header_of(slot);
  uint8_t* frame = slot + PL_FRAME;
  packet::Location now = arrived;
  pull_frame(slot, packet, header.captured);
  if (header.dirty_end != 0) {
    const size_t there = std::min(header.captured, PL_FRAME_MAX);
    now = packet::locate({frame, there}, header.arrived_length != 0 ? there : packet.wire_length, packet.link);
  }
  if (now.malformed != packet::Malformed::kNone) {
    header.replaced = static_cast<unsigned>(packet::ResizeRefusal::kMalformed);
    return;
  }
  const uint8_t* from = slot + header.replace_from;
  const std::vector<uint8_t> payload(from, from + length);  // it may be part of the frame
  const bool resizes = length != now.end - now.payload;
  size_t captured = header.captured;
  const packet::ResizeRefusal refusal = packet::replace_payload({frame, PL_FRAME_MAX}, captured, now, payload);
  header.replaced = static_cast<unsigned>(refusal);
  if (refusal != packet::ResizeRefusal::kNone) return;
  note_place(header, now);
  if (length == 0 && !resizes) return;
  if (resizes) {
    if (header.arrived_length == 0) header.arrived_length = header.captured;
    header.captured = static_cast<unsigned>(captured);
    header.copied = header.captured;
  }
  header.dirty_begin = 0;
  header.dirty_end = header.captured;
}

}  // namespace perilune::engine
