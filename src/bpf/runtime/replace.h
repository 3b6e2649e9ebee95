/* `pkt.payload = s`: the payload in the slot is replaced at once, as packet::replace_payload() does it
 * (src/packet/resize.cpp); the packet follows when the filter has returned (commit_replaced).
 *
 * Of the hook: long packet_resize(PL_CTX*, slot_offset, before, after), which makes the packet longer or shorter at its
 * end; what it has stays; and u32 packet_out_of(PL_CTX*), the interface that a packet leaves by, if it does.
 */
#ifndef PERILUNE_BPF_RUNTIME_REPLACE_H
#define PERILUNE_BPF_RUNTIME_REPLACE_H

#include "bpf/runtime/commit_whole.h"

/* packet::ResizeRefusal */
enum {
  REPLACED,
  REPLACE_TCP,
  REPLACE_FRAGMENT,
  REPLACE_TRUNCATED,
  REPLACE_TOO_LONG,
  REPLACE_NOT_IP,
  REPLACE_PROTOCOL,
  REPLACE_MALFORMED,
};

#define HEADER_KEPT __builtin_offsetof(struct pl_packet, number)

/* The headers are found anew, since the filter may have written to them, while to the filter they stay where they were;
 * and locate() works where the filter's map keys may stand. Both are put back. */
struct replacing {
  u64 header[HEADER_KEPT / sizeof(u64)];
  u64 locator[(sizeof(struct locator) + 7) / sizeof(u64)];
  struct place place; /* as it is now */
  u32 payload;
  u32 link_length;
};
#define REPLACING(slot) ((struct replacing*)((slot) + PL_REPLACING_AT))
_Static_assert(HEADER_KEPT % sizeof(u64) == 0, "words of the header");
_Static_assert(PL_REPLACING_AT + sizeof(struct replacing) <= PL_CONSTANTS, "what is kept reaches into the constants");

PL_INLINE void copy_words(u64* to, const u64* from, u32 words) {
  u32 i;
#pragma clang loop unroll(disable)
  for (i = 0; i < words; ++i)
    to[i] = from[i];
}

/* Word `i` of the last `rest` bytes of a copy. */
PL_INLINE void copy_rest(u8* slot, u64 to, u64 from, u64 rest, u64 i) {
  u64 left = rest - i;
  u64 mask;
  u64* there;
  if (rest <= i) return;
  if (left > 8) left = 8;
  mask = first_bytes(~0ull, left);
  there = (u64*)slot_byte(slot, to + i);
  *there = (*there & ~mask) | (*(const u64*)slot_byte(slot, from + i) & mask);
}

static long copy_granule_back(u32 iteration, void* argument) {
  struct pass* pass = argument;
  u8* slot = slot_at(pass->slot_offset);
  u64* to;
  const u64* from;
  u32 i;
  pass->at -= GRANULE;
  pass->other -= GRANULE;
  to = (u64*)slot_byte(slot, pass->at);
  from = (const u64*)slot_byte(slot, pass->other);
#pragma clang loop unroll(full)
  for (i = GRANULE / 8; i-- > 0;)
    to[i] = from[i];
  return 0;
}

/* Slot bytes [from, from + length) to `to`; the two may overlap. */
PL_GLOBAL u64 copy_in_slot(u64 slot_offset, u64 to, u64 from, u64 length) {
  u8* slot = slot_at(slot_offset);
  const u64 rest = length & (GRANULE - 1);
  const u64 granules = length / GRANULE;
  struct pass pass = {slot_offset, to, from, 0, 0};
  u64 i;
  if (length > PL_FRAME_MAX) return 1;
  if (to > from && to < from + length) { /* from the end to the beginning */
    to += length - rest;
    from += length - rest;
#pragma clang loop unroll(disable)
    for (i = GRANULE; i > 0; i -= 8)
      copy_rest(slot, to, from, rest, i - 8);
    pass.at = to;
    pass.other = from;
    if (granules != 0) loop(granules, copy_granule_back, &pass, 0);
    return 0;
  }
  if (granules != 0) loop(granules, copy_granule, &pass, 0);
  to = pass.at;
  from = pass.other;
#pragma clang loop unroll(disable)
  for (i = 0; i < GRANULE; i += 8)
    copy_rest(slot, to, from, rest, i);
  return 0;
}

PL_INLINE void put_be16(u8* slot, u64 at, u32 value) {
  *(u16*)frame_at(slot, at) = swap16(value);
}

/* why_not() of resize.cpp: for a payload of another length. */
PL_INLINE u32 replace_refusal(u8* slot, const struct place* place) {
  const u8* ip = frame_at(slot, place->network);
  if (place->flags & PL_FRAGMENT) return REPLACE_FRAGMENT;
  if (place->protocol == PROTOCOL_TCP) return REPLACE_TCP;
  if (place->protocol == PROTOCOL_SCTP) return REPLACE_PROTOCOL;
  if (place->version == 6 && be16(ip + 4) == 0 && ip[6] == PROTOCOL_HOP_BY_HOP) return REPLACE_TOO_LONG;
  return REPLACED;
}

/* Where the headers are by now: REPLACING(slot) has that. REPLACED, or the filter has malformed them. */
PL_GLOBAL u64 locate_again(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  struct replacing* now = REPLACING(slot);
  u64 malformed;
  copy_words(now->header, (const u64*)header, HEADER_KEPT / sizeof(u64));
  copy_words(now->locator, (const u64*)(slot + PL_SCRATCH), sizeof now->locator / sizeof(u64));
  malformed = locate(ctx, slot_offset);
  note_place(&now->place, header);
  now->payload = header->payload;
  now->link_length = LOCATOR(slot)->link_length;
  copy_words((u64*)header, now->header, HEADER_KEPT / sizeof(u64));
  copy_words((u64*)(slot + PL_SCRATCH), now->locator, sizeof now->locator / sizeof(u64));
  return malformed != MALFORMED_NONE ? REPLACE_MALFORMED : REPLACED;
}

/* The new payload is in its place, and as long as the old one or the lengths say so. */
PL_GLOBAL u64 put_payload(u64 slot_offset, u64 length) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  const struct replacing* now = REPLACING(slot);
  const u32 network = now->place.network;
  const u32 payload = now->payload;
  const u32 fixed = now->place.version == 4 ? 0 : 40; /* of the header, what its length does not count */
  const u32 link_length = now->link_length;
  const u64 after = payload + length;
  const u32 resizes = after != now->place.end;
  u32 first = payload;
  u32 refusal;
  if (now->place.version == 0) return REPLACE_NOT_IP;
  if (resizes) {
    refusal = replace_refusal(slot, &now->place);
    if (refusal != REPLACED) return refusal;
    if (length > IP_MAXIMUM || after - network - fixed > IP_MAXIMUM || after > PL_FRAME_MAX) return REPLACE_TOO_LONG;
    if (link_length != 0 && after - link_length - 2 > IP_MAXIMUM) return REPLACE_TOO_LONG;
  }
  header->now_transport = now->place.transport;
  header->now_payload = payload;
  header->now_end = after;
  header->now_flags = now->place.flags;
  if ((now->place.flags & PL_HAS_TRANSPORT) && now->place.protocol == PROTOCOL_ICMPV6) {
    /* A message that was shorter than 8 bytes was all header, and may be longer now. */
    const u32 room = after - now->place.transport;
    header->now_payload = now->place.transport + (room < 8 ? room : 8);
  }
  if (length == 0 && !resizes) return REPLACED;
  if (copy_in_slot(slot_offset, PL_FRAME + payload, header->replace_from, length) != 0) return REPLACE_TOO_LONG;
  if (resizes) {
    put_be16(slot, network + (fixed ? 4 : 2), after - network - fixed);
    if ((now->place.flags & PL_HAS_TRANSPORT) && now->place.protocol == PROTOCOL_UDP)
      put_be16(slot, now->place.transport + 4, after - now->place.transport);
    if (link_length != 0) put_be16(slot, link_length, after - link_length - 2);
    first = link_length != 0 ? link_length : network;
    if (header->arrived_length == 0) header->arrived_length = header->captured;
    header->captured = after;
    header->copied = after;
    if (header->dirty_end > after) header->dirty_end = after; /* what was written there is gone */
  }
  if (header->dirty_end == 0 || first < header->dirty_begin) header->dirty_begin = first;
  if (after > header->dirty_end) header->dirty_end = after;
  return REPLACED;
}

/* The filter's call: header->replaced says what came of it. */
PL_GLOBAL u64 replace_payload(PL_CTX* ctx, u64 slot_offset, u64 length) {
  struct pl_packet* header = header_of(slot_at(slot_offset));
  u32 result = REPLACE_TRUNCATED;
  if (pull(ctx, slot_offset, header->captured) == 0) result = locate_again(ctx, slot_offset);
  if (result == REPLACED) result = put_payload(slot_offset, length);
  header->replaced = result;
  return 0;
}

static long clear_granule(u32 iteration, void* argument) {
  struct pass* pass = argument;
  u64* to = (u64*)slot_byte(slot_at(pass->slot_offset), pass->at);
  u32 i;
#pragma clang loop unroll(full)
  for (i = 0; i < GRANULE / 8; ++i)
    to[i] = 0;
  pass->at += GRANULE;
  return 0;
}

/* Writes zeros to frame bytes [begin, end) of the slot, and to up to GRANULE - 1 bytes after them. */
PL_GLOBAL u64 clear_frame(u64 slot_offset, u64 begin, u64 end) {
  struct pass pass = {slot_offset, PL_FRAME + begin, 0, 0, 0};
  if (begin >= end || end > PL_FRAME_MAX) return 1;
  loop((end - begin + GRANULE - 1) / GRANULE, clear_granule, &pass, 0);
  return 0;
}

/* Does the packet leave by an interface whose MTU is smaller? A packet that came in may be longer than the MTU: the
 * stack delivers it, or makes fragments of it when it forwards it. */
PL_INLINE u32 exceeds_mtu(PL_CTX* ctx, const struct place* place, u64 verdict) {
  u32 length = place->end - place->network;
  const u32 leaves = pl_outgoing() ? verdict == PL_PASS : verdict == PL_REPLY;
  return leaves && check_mtu(ctx, packet_out_of(ctx), &length, 0, 0) != 0;
}

/* As commit_whole(), of a packet that becomes longer or shorter; the slot has all of it as it is to be. */
PL_GLOBAL u64 commit_replaced(PL_CTX* ctx, u64 slot_offset, u64 verdict) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  const u32 before = header->arrived_length;
  const u32 after = header->captured;
#ifdef PL_TRAINS
  if (train_of(header)->left) {
    call_of(header)->error_values[0] = PL_BROKEN_TRAIN;
    return BROKEN;
  }
#endif
  if (relocate(ctx, slot_offset) == BROKEN) return BROKEN;
  if (sum_written(ctx, slot_offset) != 0) return BROKEN;
  if (after > before) {
    if (exceeds_mtu(ctx, &WORK(slot)->after, verdict) || packet_resize(ctx, slot_offset, before, after) != 0) {
      call_of(header)->error_values[0] = PL_BROKEN_NO_ROOM;
      return BROKEN;
    }
  } else {
    /* The part that is cut off takes part in the exchange, because the sums of before include it. The packet gets zeros
     * there: where the kernel refuses to shorten a packet, as within a tunnel's inner headers, they stay as padding. */
    clear_frame(slot_offset, after, before);
    header->captured = before;
    header->dirty_end = before;
  }
  if (exchange(ctx, slot_offset) != 0) return BROKEN;
  header->captured = after;
  if (after < before && packet_resize(ctx, slot_offset, before, after) != 0) return BROKEN;
  ++call_of(header)->counters[PL_COUNT_MODIFIED];
  return COMMITTED;
}

#endif
