#include "engine/native_slot.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "event/slot.h"
#include "packet/kind.h"
#include "packet/resize.h"

namespace perilune::engine {
namespace {

// Nearly all headers are shorter; a constant size is copied without a call.
constexpr uint32_t kFirstBytes = 128;

void copy_frame(uint8_t* slot, const packet::Packet& packet, uint32_t upto) {
  pl_packet& record = record_of(slot);
  packet.need(std::max(kFirstBytes, upto));
  if (packet.bytes.size() >= kFirstBytes && upto <= kFirstBytes) {
    std::memcpy(slot + PL_FRAME, packet.bytes.data(), kFirstBytes);
    record.copied = kFirstBytes;
    return;
  }
  std::memcpy(slot + PL_FRAME, packet.bytes.data(), upto);
  record.copied = upto;
}

}  // namespace

void fill_slot(uint8_t* slot, const packet::Packet& packet, const packet::Location& location) {
  pl_packet& record = record_of(slot);
  packet::fill_record(record, packet, location);
  copy_frame(slot, packet, record.payload);
}

void pull_frame(uint8_t* slot, const packet::Packet& packet, uint64_t upto) {
  pl_packet& record = record_of(slot);
  const auto end = static_cast<uint32_t>(std::min({upto, uint64_t{record.captured}, uint64_t{PL_FRAME_MAX}}));
  if (end <= record.copied) return;
  packet.need(end);
  std::memcpy(slot + PL_FRAME + record.copied, packet.bytes.data() + record.copied, end - record.copied);
  record.copied = end;
}

void replace_in_slot(uint8_t* slot, const packet::Packet& packet, const packet::Location& arrived, uint64_t length) {
  pl_packet& record = record_of(slot);
  uint8_t* frame = slot + PL_FRAME;
  packet::Location now = arrived;
  pull_frame(slot, packet, record.captured);
  if (record.dirty_end != 0) {
    const size_t there = std::min(record.captured, PL_FRAME_MAX);
    now = packet::locate({frame, there}, record.arrived_length != 0 ? there : packet.wire_length, packet.link);
  }
  if (now.malformed != packet::Malformed::kNone) {
    record.replaced = static_cast<unsigned>(packet::ResizeRefusal::kMalformed);
    return;
  }
  const std::span<const uint8_t> payload(slot + record.replace_from, length);
  const bool resizes = length != now.end - now.payload;
  size_t captured = record.captured;
  const packet::ResizeRefusal refusal = packet::replace_payload({frame, PL_FRAME_MAX}, captured, now, payload);
  record.replaced = static_cast<unsigned>(refusal);
  if (refusal != packet::ResizeRefusal::kNone) return;
  packet::note_place(record, now);
  if (length == 0 && !resizes) return;
  if (resizes) {
    if (record.arrived_length == 0) record.arrived_length = record.captured;
    record.captured = static_cast<unsigned>(captured);
    record.copied = record.captured;
  }
  record.dirty_begin = 0;
  record.dirty_end = record.captured;
}

}  // namespace perilune::engine
