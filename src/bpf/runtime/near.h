/* The first copy from a packet, where its bytes are in the part that programs see directly: without a helper, whose
 * call takes as long as copying two hundred bytes.
 */
#ifndef PERILUNE_BPF_RUNTIME_NEAR_H
#define PERILUNE_BPF_RUNTIME_NEAR_H

#include "bpf/runtime/pull.h"

#define PL_NEAR 256u /* bytes */
#define PL_NEAR_LEAST 128u

/* Word by word: registers are few where this ends up. */
PL_INLINE void copy32(u8* to, const u8* from) {
  ((u64*)to)[0] = ((const u64*)from)[0];
  ((u64*)to)[1] = ((const u64*)from)[1];
  ((u64*)to)[2] = ((const u64*)from)[2];
  ((u64*)to)[3] = ((const u64*)from)[3];
}

/* The last 32 bytes, which begin before PL_NEAR. How many are copied then; 0: not done. */
PL_INLINE u32 copy_last(u8* frame, const u8* data, const u8* data_end) {
  u64 last = (u64)(data_end - data) - 32;
  opaque(last);
  last &= PL_NEAR - 1;
  if (data + last + 32 > data_end) return 0;
  copy32(frame + last, data + last);
  return last + 32;
}

/* Bytes [0, upto) or some more, or what there is. How many are copied. */
PL_INLINE u32 copy_near(u8* slot, const u8* data, const u8* data_end, u32 upto) {
  u8* frame = slot + PL_FRAME;
  u32 done;
  /* A filter that reads after the headers asks for more soon: copied at once, short packets need no second copy. */
  if (pl_uses_payload() && upto < PL_NEAR_LEAST) upto = PL_NEAR_LEAST;
  opaque(frame); /* displacements from the slot's start do not reach so far: else each store has its own addition */
  if (upto > PL_NEAR || data + 32 > data_end) return 0;
#pragma clang loop unroll(full)
  for (done = 0; done < PL_NEAR; done += 32) {
    if (done != 0 && done >= upto) return done;
    if (data + done + 32 > data_end) return copy_last(frame, data, data_end);
    copy32(frame + done, data + done);
  }
  return PL_NEAR;
}

/* pull() for a packet of which nothing is copied yet; the loader puts it where a filter calls pull(). */
PL_GLOBAL u64 pull_near(PL_CTX* ctx, u64 slot_offset, u64 upto) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  if (likely(header->copied == 0)) {
    const u32 copied = copy_near(slot, (const u8*)(long)ctx->data, (const u8*)(long)ctx->data_end, upto);
    header->copied = copied;
    if (likely(copied >= upto)) return 0;
  }
  return pull(ctx, slot_offset, upto);
}

#endif
