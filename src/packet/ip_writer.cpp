#include "packet/ip_writer.h"

#include <algorithm>

#include "base/bytes.h"

namespace perilune::packet {

void write_ip_header(std::span<uint8_t> packet, const IpFields& fields) {
  uint8_t* p = packet.data();
  const AddressPair& addresses = fields.addresses;
  const auto copy_address = [&](const std::array<uint8_t, 16>& address, size_t offset) {
    std::copy_n(address.begin(), addresses.address_length(), p + offset);
  };
  if (addresses.version == 4) {
    p[0] = static_cast<uint8_t>(0x40U | ((kIpv4HeaderLength + fields.options_length) / 4));
    p[1] = fields.tos;
    write_be16(p + 2, static_cast<uint16_t>(packet.size()));
    write_be16(p + 4, fields.identification);
    write_be16(p + 6, fields.flags_and_offset);
    p[8] = fields.ttl;
    p[9] = fields.protocol;
    write_be16(p + 10, 0);
    copy_address(addresses.source, 12);
    copy_address(addresses.destination, 16);
    return;
  }
  write_be32(p, 0x60000000U | (static_cast<uint32_t>(fields.tos) << 20U));
  write_be16(p + 4, static_cast<uint16_t>(packet.size() - kIpv6HeaderLength));
  p[6] = fields.protocol;
  p[7] = fields.ttl;
  copy_address(addresses.source, 8);
  copy_address(addresses.destination, 24);
}

}  // namespace perilune::packet
