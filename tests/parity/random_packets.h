// Random packets: what real traffic has, built from templates, and what damaged or hostile traffic has.
#pragma once

#include "packets.h"
#include "random_source.h"

namespace perilune::parity {

/// `count` packets of one source. About one in five is damaged: cut, flipped, or with bytes of its headers replaced.
[[nodiscard]] PacketSet random_packets(RandomSource& random, size_t count);

}  // namespace perilune::parity
