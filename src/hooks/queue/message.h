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
  size_t ready = 0;                // so many of them were read, at least all headers
};

/// Nothing when it is not a packet message or one without packet header or payload.
[[nodiscard]] std::optional<Arrival> parse_arrival(const nlmsghdr* message);

/// The same for a message of `length` bytes of which only the first `read` are there yet. Nothing, too, where more may
/// be needed to find the packet and all of its headers: then the whole message has to be read.
[[nodiscard]] std::optional<Arrival> parse_beginning(const nlmsghdr* message, size_t length, size_t read);

/// LOCAL_IN and PREROUTING are in, LOCAL_OUT and POSTROUTING out, FORWARD forward.
[[nodiscard]] packet::Direction direction_of_hook(uint8_t hook);

/// The interface a packet came in by (in, forward) or leaves by (out).
[[nodiscard]] uint32_t interface_of(const Arrival& arrival);

}  // namespace perilune::hooks::queue
