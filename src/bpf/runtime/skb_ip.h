/* Hooks whose context is a __sk_buff and whose packets begin with their IP header and are read only. Migration is off
 * there, but packets nest (nested.h).
 */
#ifndef PERILUNE_BPF_RUNTIME_SKB_IP_H
#define PERILUNE_BPF_RUNTIME_SKB_IP_H

#include "bpf/runtime/kernel.h"

#define PL_CTX struct __sk_buff

#include "bpf/runtime/slot.h"

PL_INLINE long packet_load(PL_CTX* ctx, u32 offset, void* to, u64 length) {
  return skb_load_bytes(ctx, offset, to, length);
}
PL_INLINE u32 packet_length(PL_CTX* ctx) {
  return ctx->len;
}
PL_INLINE u32 packet_ifindex(PL_CTX* ctx) {
  return ctx->ifindex;
}
PL_INLINE u32 packet_mark(PL_CTX* ctx) {
  return ctx->mark;
}
PL_INLINE u32 packet_tag_count(PL_CTX* ctx) {
  return 0;
}
PL_INLINE u32 packet_tag(PL_CTX* ctx) {
  return 0;
}
PL_INLINE u64 commit(PL_CTX* ctx, u64 slot_offset) {
  return 0;
}

#define PL_TRAINS
#include "bpf/runtime/nested.h"
#include "bpf/runtime/skb_train.h"

#endif
