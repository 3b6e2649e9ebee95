// What the kernel says about one queued packet (a NFQNL_MSG_PACKET message), as values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <linux/netlink.h>

#include "packet/packet.h"

namespace perilune::hooks::queue {

struct Arrival {
  uint32_t id = 0;            // the kernel's number for the verdict; counts up by one per packet of a queue
  uint8_t hook = 0;           // NF_INET_*
  uint32_t in_interface = 0;  // 0: none
  uint32_t out_interface = 0;
  uint32_t mark = 0;
  uint64_t time_ns = 0;  // when it came in; 0: the kernel did not say
  bool checksum_partial = false;
  bool several = false;            // becomes several packets on the wire (segmentation offload)
  size_t wire_length = 0;          // larger than bytes.size() when the kernel could not copy all of it
  std::span<const uint8_t> bytes;  // from the IP header on; borrowed from the message
};

/// Nothing when it is not a packet message or one without packet header or payload.
[[nodiscard]] std::optional<Arrival> parse_arrival(const nlmsghdr* message);

/// LOCAL_IN and PREROUTING are in, LOCAL_OUT and POSTROUTING out, FORWARD forward.
[[nodiscard]] packet::Direction direction_of_hook(uint8_t hook);

/// The interface a packet came in by (in, forward) or leaves by (out).
[[nodiscard]] uint32_t interface_of(const Arrival& arrival);

}  // namespace perilune::hooks::queue
