/* tc (tcx, or cls_bpf with direct action), both ways. One slot a CPU: programs run with soft interrupts off.
 *
 * A VLAN tag that the device took off (or will put in) stands beside the packet, not in its bytes: vlan and vlan_tags
 * are as if it stood in the frame, the frame itself is what the hook has.
 */
#include "bpf/runtime/skb.h"

PL_INLINE u32 packet_tag_count(PL_CTX* ctx) {
  return ctx->vlan_present != 0;
}
PL_INLINE u32 packet_tag(PL_CTX* ctx) {
  return ctx->vlan_present ? ctx->vlan_tci : 0;
}

/* Is this checksum one that the device finishes (only the pseudo header's sum is in the field)? No field of the context
 * says so, but the kernel leaves such a checksum alone when a helper reports a change in what the packet carries. */
PL_INLINE u32 is_partial(PL_CTX* ctx, u32 offset) {
  u16 before = 0, after = 0;
  if (skb_load_bytes(ctx, offset, &before, sizeof before) != 0) return 0;
  if (l4_csum_replace(ctx, offset, 0, 1, 0) != 0) return 0;
  if (skb_load_bytes(ctx, offset, &after, sizeof after) != 0) return 0;
  if (before == after) return 1;
  skb_store_bytes(ctx, offset, &before, sizeof before, 0);
  return 0;
}

#define PL_REACH PL_FRAME_MAX

/* Frame bytes [from, from + length) of the slot, to `to` of the packet; length > 0. */
PL_INLINE long store_part(PL_CTX* ctx, u8* slot, u64 to, u64 from, u64 length, u64 flags) {
  opaque(from);
  if (from > PL_FRAME_MAX) return -1;
  --length;
  opaque(length);
  if (length >= PL_PULL_CHUNK) return -1;
  ++length;
  return skb_store_bytes(ctx, to, slot + PL_FRAME + from, length, flags);
}

#define RECOMPUTE_CSUM 1

/* A sum over the whole packet that the device made must follow (RECOMPUTE_CSUM); it begins at the IP header. */
PL_INLINE long packet_store(PL_CTX* ctx, u8* slot, u64 offset, u64 length) {
  const u64 network = header_of(slot)->network;
  if (unlikely(offset < network)) {
    const u64 before = network - offset;
    if (length <= before) return store_part(ctx, slot, offset, offset, length, 0);
    if (store_part(ctx, slot, offset, offset, before, 0) != 0) return -1;
    offset = network;
    length -= before;
  }
  return store_part(ctx, slot, offset, offset, length, RECOMPUTE_CSUM);
}

#include "bpf/runtime/sum.h"

#define MARK_MANGLED_0 0x20 /* of UDP: none stays none, a computed 0 becomes 0xffff */

/* The kernel's own arithmetic, which is ours, and knows what a checksum that the device finishes needs. It leaves a sum
 * over the whole packet alone, because what the bytes add to that the checksum takes away: but not when there is none.
 */
PL_INLINE long write_small(PL_CTX* ctx, u8* slot, const struct small* small) {
  const u32 none = small->is_udp && small->field == 0;
  u64 length = small->length - 1;
  opaque(length);
  if (length >= 8) return -1;
  ++length;
  if (skb_store_bytes(ctx, small->begin, frame_at(slot, small->begin), length, none ? RECOMPUTE_CSUM : 0) != 0)
    return -1;
  return l4_csum_replace(ctx, small->at, 0, small->change, small->is_udp ? MARK_MANGLED_0 : 0);
}

PL_INLINE long packet_resize(PL_CTX* ctx, u64 slot_offset, u64 before, u64 after) {
  if (skb_change_tail(ctx, after, 0) == 0) return 0;
  /* The kernel cuts no headers: what is left over is padding then. */
  return after > before || ctx->gso_size != 0;
}

PL_INLINE u32 packet_out_of(PL_CTX* ctx) {
  return ctx->ifindex;
}

#define PL_TRAINS
#include "bpf/runtime/commit.h"
#include "bpf/runtime/fast.h"

#define PACKET_OTHERHOST 3
PL_INLINE u32 is_for_others(PL_CTX* ctx) {
  return ctx->pkt_type == PACKET_OTHERHOST;
}
PL_INLINE long packet_write(PL_CTX* ctx, u64 offset, const u8* from, u64 length) {
  return skb_store_bytes(ctx, offset, from, length, 0);
}

#include "bpf/runtime/reject.h"
#include "bpf/runtime/skb_train.h"

PL_INLINE u32 is_plain_tcp(PL_CTX* ctx) {
  const u8* data = (const u8*)(long)ctx->data;
  u32 type;
  if (pl_link_type() != LINK_ETHERNET || data + 24 > (const u8*)(long)ctx->data_end) return 0;
  type = be16(data + 12);
  return (type == ETHERTYPE_IPV4 && data[23] == PROTOCOL_TCP) || (type == ETHERTYPE_IPV6 && data[20] == PROTOCOL_TCP);
}

/* As find_uncommon(), of a buffer that is to be cut. FOUND_NOTHING: one for locate_fast(). */
PL_GLOBAL u64 find_large(PL_CTX* ctx, u64 slot_offset) {
  return is_plain_tcp(ctx) ? FOUND_NOTHING : find_and_show(ctx, slot_offset);
}

/* Out where it came in, or in as if it were received, to the process that sent it. */
PL_GLOBAL u64 send_back(PL_CTX* ctx, u64 turns_link_addresses) {
  u16 addresses[ETHERNET_ADDRESSES / sizeof(u16)];
  if (pl_link_type() == LINK_ETHERNET && turns_link_addresses) {
    if (skb_load_bytes(ctx, 0, addresses, sizeof addresses) != 0) return TCX_DROP;
    turn_link_addresses(addresses);
    if (skb_store_bytes(ctx, 0, addresses, sizeof addresses, 0) != 0) return TCX_DROP;
  }
  return redirect(ctx->ifindex, pl_outgoing() & 1);
}

/* The datagrams of a train after the first, which has been judged: the verdict of all. Within this loop the filter is
 * called: in its place, the verifier would follow it with all that an iteration may have left behind, again and again.
 */
PL_GLOBAL u64 judge_datagrams(PL_CTX* ctx, u64 slot_offset, u64 verdict) {
  struct pl_packet* header = header_of(slot_at(slot_offset));
next:
  TRAIN_LOOP(overrun);
  if (next_datagram(ctx, slot_offset, verdict) == FOUND_IP) {
    if (pl_sets_mark()) header->mark_set = 0;
    verdict = judge(ctx, slot_offset, header, FOUND_IP);
    goto next;
  }
overrun:
  return train_of(header)->verdict;
}

PL_ENTRY int tc_entry(PL_CTX* ctx) {
  const u64 slot_offset = ((u64)get_smp_processor_id() * PL_SLOT_SIZE) & pl_slots_mask();
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  u64 found;
  u32 verdict, captured;

  if (unlikely(ctx->gso_size != 0)) {
    found = find_large(ctx, slot_offset);
    if (found != FOUND_NOTHING) goto found;
  }
  captured = ctx->len;
  found = FOUND_NOTHING;
  if (likely(captured <= PL_FRAME_MAX))
    found = locate_fast(ctx, slot, (const u8*)(long)ctx->data, (const u8*)(long)ctx->data_end, captured);
  if (unlikely(found == FOUND_NOTHING)) found = find_uncommon(ctx, slot_offset);
found:
  if (pl_sets_mark()) header->mark_set = 0; /* not every packet is shown to the script */
  verdict = judge(ctx, slot_offset, header, found);
  if (unlikely(TRAIN(slot)->left)) verdict = judge_datagrams(ctx, slot_offset, verdict);
  if (pl_sets_mark() && header->mark_set && (verdict == PL_PASS || verdict == PL_REPLY)) ctx->mark = header->mark;
  if (verdict == PL_REPLY) return send_back(ctx, !has_set_link_addresses(header));
  if (pl_rejects() && verdict == PL_REJECT && become_answer(ctx, slot_offset) == 0) return send_back(ctx, 1);
  if (verdict != PL_PASS) return TCX_DROP;
  if (pl_has_chain()) tail_call(ctx, pl_chain(), pl_next_in_chain());
  return TCX_NEXT;
}
