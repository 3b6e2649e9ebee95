// Sends answers of ours, RST, ICMP and packets a script turned round, as raw IP packets.
#pragma once

#include <cstdint>
#include <span>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "packet/packet.h"

namespace perilune::hooks::queue {

class ReplySender {
 public:
  /// Opens the raw sockets. Fails without CAP_NET_RAW; a machine without IPv6 is fine.
  [[nodiscard]] static Result<ReplySender> open();
  /// One that can send nothing.
  ReplySender() = default;

  /// Tells the sender of `packet` that it was refused (packet::reject_reply). True also when nothing may be sent.
  [[nodiscard]] bool reject(const packet::Packet& packet, const packet::Location& location);

  /// Sends `turned` (which a script made out of `packet`) back. It must be addressed to the sender of `packet`:
  /// anything else would be a way to send a blocked packet on.
  [[nodiscard]] bool reply(const packet::Packet& packet, const packet::Location& location,
                           std::span<const uint8_t> turned);

 private:
  /// `interface` is where link-local addresses live.
  [[nodiscard]] bool send(std::span<const uint8_t> bytes, uint32_t interface);

  FileDescriptor ipv4_;
  FileDescriptor ipv6_;
};

/// Is `turned` an IP packet of the same version as `packet`, addressed to its source?
[[nodiscard]] bool is_turned_round(std::span<const uint8_t> packet, std::span<const uint8_t> turned);

}  // namespace perilune::hooks::queue
