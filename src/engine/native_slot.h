// Packets into and out of the slot that compiled code works in (event/slot.h).
#pragma once

#include <cstdint>

#include "event/slot.h"
#include "packet/packet.h"
#include "packet/record.h"

namespace perilune::engine {

/// Fills what is set before each call but for the time, and zeroes what the filter sets; the frame's bytes stand in the
/// slot at least up to the payload. The slot has room for PL_FRAME_MAX bytes, headers are never longer.
void fill_slot(uint8_t* slot, const packet::Packet& packet, const packet::Location& location);

/// The packet's record in a slot.
[[nodiscard]] inline pl_packet& record_of(uint8_t* slot) {
  return *reinterpret_cast<pl_packet*>(slot + PL_RECORD);
}

/// Makes frame bytes [0, upto) stand in the slot, as far as there are that many.
void pull_frame(uint8_t* slot, const packet::Packet& packet, uint64_t upto);

/// The payload becomes `length` bytes of the slot from pl_packet's replace_from on, or `replaced` says why not. Where
/// the headers were `arrived`; what the filter wrote to them since counts.
void replace_in_slot(uint8_t* slot, const packet::Packet& packet, const packet::Location& arrived, uint64_t length);

}  // namespace perilune::engine
