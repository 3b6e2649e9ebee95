/* What hooks share whose context is a __sk_buff: where packets are read from. */
#ifndef PERILUNE_BPF_RUNTIME_SKB_H
#define PERILUNE_BPF_RUNTIME_SKB_H

#include "bpf/runtime/kernel.h"

#define PL_CTX struct __sk_buff

PL_INLINE long packet_load(PL_CTX* ctx, u32 offset, void* to, u64 length) {
  return skb_load_bytes(ctx, offset, to, length);
}

#include "bpf/runtime/pull.h"

PL_INLINE u32 packet_length(PL_CTX* ctx) {
  return ctx->len;
}
PL_INLINE u32 packet_ifindex(PL_CTX* ctx) {
  return ctx->ifindex;
}
PL_INLINE u32 packet_mark(PL_CTX* ctx) {
  return ctx->mark;
}

#endif
