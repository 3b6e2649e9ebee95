/* What hooks share whose packets begin with their IP header and can only be read: no tags beside the frame, nothing to
 * write back; and packets nest there.
 */
#ifndef PERILUNE_BPF_RUNTIME_READ_ONLY_H
#define PERILUNE_BPF_RUNTIME_READ_ONLY_H

#include "bpf/runtime/slot.h"

PL_INLINE u32 packet_tag_count(PL_CTX* ctx) {
  return 0;
}
PL_INLINE u32 packet_tag(PL_CTX* ctx) {
  return 0;
}
PL_INLINE u64 commit(PL_CTX* ctx, u64 slot_offset, u64 verdict) {
  return 0;
}

#include "bpf/runtime/nested.h"

#endif
