/* tc (tcx, or cls_bpf with direct action), both ways. One slot a CPU: programs run with soft interrupts off.
 *
 * A VLAN tag that the device took off (or will put in) stands beside the packet, not in its bytes: vlan and vlan_tags
 * are as if it stood in the frame, the frame itself is what the hook has.
 */
#include "kernel.h"

#define PL_CTX struct __sk_buff

PL_INLINE long packet_load(PL_CTX* ctx, u32 offset, void* to, u32 length) {
  return skb_load_bytes(ctx, offset, to, length);
}

PL_INLINE unsigned long long commit(PL_CTX* ctx, unsigned long long slot_offset) { return 0; }
#include "entry.h"

PL_DEFINE_CONSTANT(pl_outgoing)

PL_ENTRY int tc_entry(PL_CTX* ctx) {
  const u64 slot_offset = ((u64)get_smp_processor_id() * PL_SLOT_SIZE) & pl_slots_mask();
  u8* slot = slot_at(slot_offset);
  struct pl_header* header = header_of(slot);
  const u64 captured = ctx->len;
  u32 verdict;

  begin(header, captured, ctx->ifindex, ctx->mark);
  if (unlikely(ctx->vlan_present)) {
    header->vlan = ctx->vlan_tci;
    header->vlan_tags = 1;
  }
  if (unlikely(captured > PL_FRAME_MAX)) {
    verdict = unjudged(ctx, slot_offset, header, PL_COUNT_TOO_LONG);
  } else {
    pull(ctx, slot_offset, 128);
    verdict = judge(ctx, slot_offset, header, locate(ctx, slot_offset));
    if (pl_sets_mark() && header->mark_set && (verdict == PL_PASS || verdict == PL_REPLY)) ctx->mark = header->mark;
  }
  if (verdict == PL_REPLY) return redirect(ctx->ifindex, pl_outgoing() & 1); /* 1: as if it were received */
  if (verdict != PL_PASS) return TCX_DROP;
  if (pl_has_chain()) tail_call(ctx, pl_chain(), pl_next_in_chain());
  return TCX_NEXT;
}
