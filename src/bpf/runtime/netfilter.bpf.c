/* netfilter: IPv4 and IPv6 hooks of the network stack. Packets are read only, and begin with their IP header.
 *
 * The hook runs with migration off, but a packet that a process sends can be interrupted by packets that arrive, on the
 * same CPU and through the same program; and by other processes that send, where the kernel preempts its own code. So
 * each CPU has a few slots (src/bpf/program.cpp says how many), and a packet takes a free one.
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
 * told by where their linear part ends. */
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
#include "bpf/runtime/train.h"

PL_INLINE u32 packet_train_size(PL_CTX* ctx) {
  const u64 head = (u64)POINTER_FIELD(ctx->skb, pl_field_sk_buff__head());
  const u64 end = U32_FIELD(ctx->skb, pl_field_sk_buff__end());
  const void* shared = bpf_rdonly_cast((void*)(head + end), pl_type_skb_shared_info());
  const u32 type = U32_FIELD(shared, pl_field_skb_shared_info__gso_type());
  if ((type & (GSO_UDP_L4 | GSO_TUNNELS)) != GSO_UDP_L4) return 0;
  return U16_FIELD(shared, pl_field_skb_shared_info__gso_size());
}

PL_GLOBAL u64 find_and_show(PL_CTX* ctx, u64 slot_offset) {
  const u32 found = find(ctx, slot_offset);
  return found == FOUND_IP ? find_train(ctx, slot_offset) : found;
}

/* The slots of one number, of all CPUs, are side by side; then come those of the next number. */
PL_DEFINE_CONSTANT(pl_slots_stride)

#define NO_SLOT (~0ull)
#define MOST_SLOTS 64 /* for a CPU: a bound for the verifier */

/* 1: the slot is taken. */
PL_INLINE u32 take(u64 slot_offset) {
  return __sync_lock_test_and_set(&header_of(slot_at(slot_offset))->busy, 1) == 0;
}

/* Where another packet of this CPU is under way, whose slot is at `first`. Verified once, since all paths go on alike.
 */
PL_GLOBAL u64 take_another(u64 first) {
  u64 slot_offset = first & pl_slots_mask();
  u32 i;
  for (i = 1; i < MOST_SLOTS; ++i) {
    slot_offset += pl_slots_stride();
    if (slot_offset > pl_slots_mask()) break;
    if (take(slot_offset)) return slot_offset;
  }
  return NO_SLOT;
}

PL_ENTRY int netfilter_entry(PL_CTX* ctx) {
  const u64 first = ((u64)get_smp_processor_id() * PL_SLOT_SIZE) & (pl_slots_stride() - PL_SLOT_SIZE);
  u64 slot_offset = first;
  struct pl_header* header;
  u64 found;
  u32 verdict;

  if (unlikely(!take(slot_offset))) {
    slot_offset = take_another(first);
    if (slot_offset == NO_SLOT) { /* none is ours: only count, together with whom we interrupted */
      header = header_of(slot_at(first));
      __sync_fetch_and_add(&header->counters[PL_COUNT_NO_SLOT], 1);
      if (pl_on_error() == PL_PASS) {
        __sync_fetch_and_add(&header->counters[PL_COUNT_PASS], 1);
        return NF_ACCEPT;
      }
      __sync_fetch_and_add(&header->counters[PL_COUNT_BLOCK], 1);
      return NF_DROP;
    }
  }
  header = header_of(slot_at(slot_offset));
  found = find_and_show(ctx, slot_offset);
  /* The rare case first: the verifier follows the filter there, and finds nothing new on the way of all others. */
  if (likely(TRAIN((u8*)header)->left != 0)) {
  next:
    TRAIN_LOOP(overrun);
  }
  verdict = judge(ctx, slot_offset, header, found);
  if (unlikely(TRAIN((u8*)header)->left)) {
    found = next_datagram(ctx, slot_offset, verdict);
    if (found == FOUND_IP) goto next;
  overrun:
    verdict = TRAIN((u8*)header)->verdict;
  }
  asm volatile("" ::: "memory");
  header->busy = 0;
  if (verdict != PL_PASS) return NF_DROP; /* nothing can be sent back from here */
  if (pl_has_chain()) tail_call(ctx, pl_chain(), pl_next_in_chain());
  return NF_ACCEPT;
}
