// The packet as a kind of event: what scripts see of it, and its record.
#pragma once

#include "event/field.h"
#include "packet/location.h"
#include "packet/packet.h"
#include "packet/record.h"

namespace perilune::packet {

/// `pkt`. Facts are as the packet arrived; regions are of the bytes as they are now.
[[nodiscard]] const event::Kind& kind();

/// What is known of `packet`, whose headers are at `location`. Neither `copied` nor what replaces the payload is set.
void fill_record(pl_packet& record, const Packet& packet, const Location& location);

/// Where the headers are by now: the fields now_transport to now_flags.
void note_place(pl_packet& record, const Location& location);

}  // namespace perilune::packet
