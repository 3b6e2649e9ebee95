#include "packet/edit.h"

#include <algorithm>

#include "packet/checksum.h"

namespace perilune::packet {

Edit finish_edit(const Packet& packet, const Location& arrived, std::span<uint8_t> after, size_t wire_length) {
  Edit edit;
  edit.location = locate(after, wire_length, packet.link);
  if (edit.location.malformed != Malformed::kNone) return edit;
  repair_checksums(packet.bytes, arrived, after, edit.location, packet.checksum);
  edit.differs = !std::ranges::equal(after, packet.bytes);
  return edit;
}

}  // namespace perilune::packet
