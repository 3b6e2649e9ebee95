// What a filter wrote to a packet becomes a packet again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/location.h"
#include "packet/packet.h"

namespace perilune::packet {

struct Edit {
  Location location;     // of the bytes as they are now; `malformed` says what the filter broke, if anything
  bool differs = false;  // from the packet as it arrived
};

/// `after`: the whole frame with what was written to it; `arrived` located `packet`. Finds the headers again and, when
/// the packet is still sound, puts its checksums right.
[[nodiscard]] Edit finish_edit(const Packet& packet, const Location& arrived, std::span<uint8_t> after,
                               size_t wire_length);

}  // namespace perilune::packet
