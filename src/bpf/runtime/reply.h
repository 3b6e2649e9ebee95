/* A reply: the packet that arrived, as the filter changed it, goes back to where it came from. The filter turns the IP
 * addresses and ports around, because it alone knows what it answers; how frames get back over the link is known here.
 */
#ifndef PERILUNE_BPF_RUNTIME_REPLY_H
#define PERILUNE_BPF_RUNTIME_REPLY_H

#include "bpf/runtime/commit.h"

#define ETHERNET_ADDRESSES 12u /* bytes: destination, source */

/* Did the filter write to the link addresses? Then they are as it wants them. (What it wrote is one range.) */
PL_INLINE u32 has_set_link_addresses(const struct pl_packet* header) {
  return pl_writes() && header->dirty_end != 0 && header->dirty_begin < ETHERNET_ADDRESSES;
}

/* Destination and source, exchanged. A group is no sender: it becomes an address of one station, local to this link. */
PL_INLINE void turn_link_addresses(u16* address) {
  u16 group;
  u32 i;
#pragma clang loop unroll(full)
  for (i = 0; i < 3; ++i) {
    const u16 destination = address[i];
    address[i] = address[i + 3];
    address[i + 3] = destination;
  }
  group = address[3] & 1;
  if (group) address[3] = (address[3] & ~1u) | 2;
}

#endif
