/* XDP. One slot a CPU: programs run with soft interrupts off, so packets never interrupt packets. */
#include "bpf/runtime/kernel.h"

#define PL_CTX struct xdp_md

PL_INLINE long packet_load(PL_CTX* ctx, u32 offset, void* to, u64 length) {
  return xdp_load_bytes(ctx, offset, to, length);
}

#include "bpf/runtime/slot.h"

PL_INLINE u32 packet_length(PL_CTX* ctx) {
  return xdp_get_buff_len(ctx);
}
PL_INLINE u32 packet_ifindex(PL_CTX* ctx) {
  return ctx->ingress_ifindex;
}
PL_INLINE u32 packet_mark(PL_CTX* ctx) {
  return 0;
}
PL_INLINE u32 packet_tag_count(PL_CTX* ctx) {
  return 0;
}
PL_INLINE u32 packet_tag(PL_CTX* ctx) {
  return 0;
}
/* Nothing here says so, but packets longer than IP can say never come from a wire: they are on their way to be cut. */
PL_INLINE u32 is_partial(PL_CTX* ctx, u32 offset) {
  return packet_length(ctx) > PL_FRAME_MAX;
}

/* The kernel takes offsets of 16 bits. */
#define PL_REACH 0xff00u

PL_INLINE long packet_store(PL_CTX* ctx, u8* slot, u64 offset, u64 length) {
  opaque(offset);
  if (offset > PL_FRAME_MAX) return -1;
  --length;
  opaque(length);
  if (length >= 0x8000) return -1;
  ++length;
  return xdp_store_bytes(ctx, offset, slot + PL_FRAME + offset, length);
}

#include "bpf/runtime/sum.h"

PL_INLINE long write_small(PL_CTX* ctx, u8* slot, const struct small* small) {
  u8* data = (u8*)(long)ctx->data;
  const u8* data_end = (const u8*)(long)ctx->data_end;
  u64 first = small->first & SMALL_REACH;
  u64 at = small->at & SMALL_REACH;
  u32 field = small->field;
  if (data + first + 8 > data_end || data + at + 2 > data_end) return -1;
  if (!small->is_udp || field != 0) {
    field = updated(field, small->change);
    if (small->is_udp && field == 0) field = 0xffff;
  }
  *(u64*)(data + first) = small->word;
  *(u16*)(data + at) = field;
  return 0;
}

PL_INLINE u32 packet_out_of(PL_CTX* ctx) {
  return ctx->ingress_ifindex;
}

#define MOVE_CHUNK 4096u
#define MOST_MOVES (PL_FRAME_MAX / MOVE_CHUNK + 1)

struct move {
  PL_CTX* ctx;
  u64 slot_offset;
  u64 at;
  u64 by;
  u64 length;
  u64 failed;
};

static long move_step(u32 iteration, void* argument) {
  struct move* move = argument;
  u8* room = slot_at(move->slot_offset) + PL_MOVE_ROOM;
  const u64 at = move->at;
  u64 part = move->length - at;
  if (at >= move->length) return 1;
  if (part > MOVE_CHUNK) part = MOVE_CHUNK;
  --part;
  opaque(part);
  if (part >= MOVE_CHUNK) return 1;
  ++part;
  move->failed |= xdp_load_bytes(move->ctx, at + move->by, room, part) != 0;
  move->failed |= xdp_store_bytes(move->ctx, at, room, part) != 0;
  move->at = at + part;
  return move->failed != 0;
}

/* Packet bytes [by, by + length) to the packet's beginning. */
PL_INLINE u64 move_to_front(PL_CTX* ctx, u64 slot_offset, u64 by, u64 length) {
  struct move move = {ctx, slot_offset, 0, by, length, 0};
  loop(MOST_MOVES, move_step, &move, 0);
  return move.failed != 0 || move.at < length;
}

/* A packet has room for more at its end, or in front: what it is is moved there, then. */
PL_GLOBAL u64 packet_resize(PL_CTX* ctx, u64 slot_offset, u64 before, u64 after) {
  const s32 grows = (s32)after - (s32)before;
  if (xdp_adjust_tail(ctx, grows) == 0) return 0;
  if (grows <= 0 || xdp_adjust_head(ctx, -grows) != 0) return 1;
  return move_to_front(ctx, slot_offset, grows, before);
}

#include "bpf/runtime/commit.h"
#include "bpf/runtime/fast.h"

PL_INLINE long packet_write(PL_CTX* ctx, u64 offset, u8* from, u64 length) {
  return xdp_store_bytes(ctx, offset, from, length);
}
PL_INLINE u32 is_for_others(PL_CTX* ctx) {
  return 0; /* nothing here says so */
}
#include "bpf/runtime/reject.h"

/* A frame that its sender left to the device to finish, as those between namespaces of one machine are: nothing on the
 * way back will, and the receiver would drop it. */
PL_GLOBAL u64 finish_checksum(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  struct workspace* work = WORK(slot);
  u32 offset, checksum;
  u64 at;
  if (find(ctx, slot_offset) != FOUND_IP) return 0;
  note_place(&work->before, header);
  work->partial = 0;
  offset = checksum_offset(header->flags, header->protocol);
  at = header->transport + offset;
  if (offset == 0 || header->end > PL_FRAME_MAX) return 0;
  if (pull(ctx, slot_offset, header->end) != 0) return 1;
  if (take_sums(ctx, slot_offset, 0) != 0) return 1;
  if (!is_unfinished(&work->before, &work->sums_before)) return 0;
  checksum = ~work->sums_before.all & 0xffff;
  if (checksum == 0 && header->protocol == PROTOCOL_UDP) checksum = 0xffff;
  set_field(slot, at, checksum);
  return packet_store(ctx, slot, at, 2) != 0;
}

/* Back out through the interface it came in by. */
PL_GLOBAL u64 send_back(PL_CTX* ctx, u64 turns_link_addresses) {
  u8* data = (u8*)(long)ctx->data;
  if (pl_link_type() == LINK_ETHERNET && turns_link_addresses) {
    if (data + ETHERNET_ADDRESSES > (const u8*)(long)ctx->data_end) return XDP_DROP;
    turn_link_addresses((u16*)data);
  }
  return XDP_TX;
}

PL_ENTRY int xdp_entry(PL_CTX* ctx) {
  const u64 slot_offset = ((u64)get_smp_processor_id() * PL_SLOT_SIZE) & pl_slots_mask();
  u8* slot = slot_at(slot_offset);
  const u8* data = (const u8*)(long)ctx->data;
  const u8* data_end = (const u8*)(long)ctx->data_end;
  u32 found = FOUND_NOTHING;
  u32 verdict;
  /* What is not in the frame's first piece can only be after the IP packet, where locate_fast() finds one in it. */
  const u64 captured = pl_uses_frame() || pl_replaces() ? xdp_get_buff_len(ctx) : (u64)(data_end - data);

  if (likely(captured <= PL_FRAME_MAX)) found = locate_fast(ctx, slot, data, data_end, captured);
  if (unlikely(found == FOUND_NOTHING)) found = find_uncommon(ctx, slot_offset);
  verdict = judge(ctx, slot_offset, header_of(slot), found);
  if (verdict == PL_REPLY) {
    if (finish_checksum(ctx, slot_offset) != 0) return XDP_DROP;
    return send_back(ctx, !has_set_link_addresses(header_of(slot_at(slot_offset))));
  }
  if (pl_rejects() && verdict == PL_REJECT && become_answer(ctx, slot_offset) == 0) return send_back(ctx, 1);
  if (verdict != PL_PASS) return XDP_DROP;
  if (pl_has_chain()) tail_call(ctx, pl_chain(), pl_next_in_chain());
  return XDP_PASS;
}
