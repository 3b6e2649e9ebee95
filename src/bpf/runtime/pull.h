/* Copying from the packet into the slot. Needs of the hook:
 *   PL_CTX                                             the type of its context
 *   long packet_load(PL_CTX*, offset, to, length)      0: done; length > 0
 *   u32 packet_length(PL_CTX*)                         of the whole frame
 */
#ifndef PERILUNE_BPF_RUNTIME_PULL_H
#define PERILUNE_BPF_RUNTIME_PULL_H

#include "bpf/runtime/slot.h"

/* Half of the longest copy, rounded up. The kernel reads XDP frames only from offsets up to 65,535, so the tail of a
 * longer one must be reached by a copy that begins before that. */
#define PL_PULL_CHUNK 0x8400u
/* A filter that asks for more than this gets everything: no later copy begins after it. */
#define PL_PULL_ALL_FROM 0xf000u
#define PL_PULL_GRAIN 256u

/* Copies frame bytes [from, from + length) to the same place of the slot; length > 0. */
PL_INLINE long pull_chunk(PL_CTX* ctx, u8* slot, u64 from, u64 length) {
  opaque(from);
  if (from > PL_FRAME_MAX) return -1;
  --length; /* in this form every kernel's verifier knows that it is not 0 */
  opaque(length);
  if (length >= PL_PULL_CHUNK) return -1;
  ++length;
  return packet_load(ctx, from, slot + PL_FRAME + from, length);
}

/* Makes frame bytes [0, min(upto, captured, PL_FRAME_MAX)) stand in the slot. 0: they do. Bytes that stand there
 * already, and that the filter may have written to, are left alone. */
PL_GLOBAL u64 pull(PL_CTX* ctx, u64 slot_offset, u64 upto) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  u64 captured = header->captured;
  const u64 copied = header->copied;
  u64 length;

  if (captured > PL_FRAME_MAX) captured = PL_FRAME_MAX;
  if (upto > PL_PULL_ALL_FROM) upto = captured;
  upto = (upto + PL_PULL_GRAIN - 1) & ~(u64)(PL_PULL_GRAIN - 1);
  if (upto > captured) upto = captured;
  if (copied >= upto) return 0;
  length = upto - copied;
  if (length <= PL_PULL_CHUNK) {
    if (pull_chunk(ctx, slot, copied, length) != 0) return 1;
  } else {
    const u64 half = length >> 1;
    if (pull_chunk(ctx, slot, copied, half) != 0) return 1;
    if (pull_chunk(ctx, slot, copied + half, length - half) != 0) return 1;
  }
  header->copied = upto;
  return 0;
}

/* Frame bytes [0, upto) are about to be read. */
PL_INLINE void want(PL_CTX* ctx, u64 slot_offset, struct pl_packet* header, u64 upto) {
  if (unlikely(header->copied < upto)) pull(ctx, slot_offset, upto);
}

#endif
