/* Is a socket buffer a train of UDP datagrams? For hooks whose context is a __sk_buff. */
#ifndef PERILUNE_BPF_RUNTIME_SKB_TRAIN_H
#define PERILUNE_BPF_RUNTIME_SKB_TRAIN_H

#include "bpf/runtime/train.h"

PL_DEFINE_CONSTANT(pl_knows_types)
PL_DEFINE_CONSTANT(pl_field_sk_buff__head)
PL_DEFINE_CONSTANT(pl_field_sk_buff__end)
PL_DEFINE_CONSTANT(pl_field_skb_shared_info__gso_type)
PL_DEFINE_CONSTANT(pl_type_skb_shared_info)

/* Where the kernel has no type information, each buffer of UDP that is to be cut is taken for a train: a tunnel's, too.
 */
PL_INLINE u32 packet_train_size(PL_CTX* ctx) {
  const u32 size = ctx->gso_size;
  if (size != 0 && pl_knows_types()) {
    const void* skb = bpf_cast_to_kern_ctx(ctx);
    const u64 head = (u64)POINTER_FIELD(skb, pl_field_sk_buff__head());
    const u64 end = U32_FIELD(skb, pl_field_sk_buff__end());
    const void* shared = bpf_rdonly_cast((void*)(head + end), pl_type_skb_shared_info());
    const u32 type = U32_FIELD(shared, pl_field_skb_shared_info__gso_type());
    if ((type & (GSO_UDP_L4 | GSO_TUNNELS)) != GSO_UDP_L4) return 0;
  }
  return size;
}

#endif
