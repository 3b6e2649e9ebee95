/* netfilter: IPv4 and IPv6 hooks of the network stack. Packets are read only, and begin with their IP header. The hook
 * runs with migration off, but packets nest (nested.h).
 */
#include "bpf/runtime/kernel.h"

#define PL_CTX struct bpf_nf_ctx

#include "bpf/runtime/slot.h"

/* Where fields are in this kernel. */
PL_DEFINE_CONSTANT(pl_field_sk_buff__len)
PL_DEFINE_CONSTANT(pl_field_sk_buff__mark)
PL_DEFINE_CONSTANT(pl_field_sk_buff__data_len)
PL_DEFINE_CONSTANT(pl_field_sk_buff__tail)
PL_DEFINE_CONSTANT(pl_field_sk_buff__network_header)
PL_DEFINE_CONSTANT(pl_field_net_device__ifindex)
PL_DEFINE_CONSTANT(pl_field_sk_buff__head)
PL_DEFINE_CONSTANT(pl_field_sk_buff__end)
PL_DEFINE_CONSTANT(pl_field_skb_shared_info__gso_size)
PL_DEFINE_CONSTANT(pl_field_skb_shared_info__gso_type)
PL_DEFINE_CONSTANT(pl_type_skb_shared_info)
PL_DEFINE_CONSTANT(pl_field_nf_hook_state__in)
PL_DEFINE_CONSTANT(pl_field_nf_hook_state__out)

extern int bpf_dynptr_from_skb(struct sk_buff* skb, u64 flags, struct bpf_dynptr* dynptr);

/* Bytes in front of the IP header: none at the hooks. In the kernel's test runs the Ethernet header is still there, and
 * where the network header begins was never set. Pointers are not numbers to the verifier, so where the data begin is
 * recognized by where their linear part ends. */
PL_INLINE u32 network_offset(struct sk_buff* skb) {
  const u32 linear = U32_FIELD(skb, pl_field_sk_buff__len()) - U32_FIELD(skb, pl_field_sk_buff__data_len());
  const u32 data = U32_FIELD(skb, pl_field_sk_buff__tail()) - linear;
  const u32 network = U16_FIELD(skb, pl_field_sk_buff__network_header());
  return network < data ? 14 : network - data;
}

PL_INLINE long packet_load(PL_CTX* ctx, u32 offset, void* to, u64 length) {
  struct bpf_dynptr packet;
  if (bpf_dynptr_from_skb(ctx->skb, 0, &packet) != 0) return -1;
  return dynptr_read(to, length, &packet, network_offset(ctx->skb) + offset, 0);
}

PL_INLINE u32 packet_length(PL_CTX* ctx) {
  return U32_FIELD(ctx->skb, pl_field_sk_buff__len()) - network_offset(ctx->skb);
}
PL_INLINE u32 packet_ifindex(PL_CTX* ctx) {
  void* device = POINTER_FIELD(ctx->state, pl_field_nf_hook_state__in());
  if (!device) device = POINTER_FIELD(ctx->state, pl_field_nf_hook_state__out());
  return device ? U32_FIELD(device, pl_field_net_device__ifindex()) : 0;
}
PL_INLINE u32 packet_mark(PL_CTX* ctx) {
  return U32_FIELD(ctx->skb, pl_field_sk_buff__mark());
}

#define PL_TRAINS
#include "bpf/runtime/read_only.h"

PL_INLINE u32 packet_train_size(PL_CTX* ctx) {
  const u64 head = (u64)POINTER_FIELD(ctx->skb, pl_field_sk_buff__head());
  const u64 end = U32_FIELD(ctx->skb, pl_field_sk_buff__end());
  const void* shared = bpf_rdonly_cast((void*)(head + end), pl_type_skb_shared_info());
  const u32 type = U32_FIELD(shared, pl_field_skb_shared_info__gso_type());
  if ((type & (GSO_UDP_L4 | GSO_TUNNELS)) != GSO_UDP_L4) return 0;
  return U16_FIELD(shared, pl_field_skb_shared_info__gso_size());
}

PL_ENTRY int netfilter_entry(PL_CTX* ctx) {
  return judge_nested(ctx) == PL_PASS ? NF_ACCEPT : NF_DROP;
}
