/* The first way of commit.h: checksums change by the difference between the dirty bytes and what the packet has there.
 * For writes that leave every header where it is.
 */
#ifndef PERILUNE_BPF_RUNTIME_COMMIT_DIFFERENCE_H
#define PERILUNE_BPF_RUNTIME_COMMIT_DIFFERENCE_H

#include "bpf/runtime/workspace.h"

/* The dirty bytes' change within a zone, word by word from the zone's start. */
PL_GLOBAL u64 zone_difference(u64 slot_offset, u64 zone_begin, u64 zone_end) {
  u8* slot = slot_at(slot_offset);
  u64 begin = header_of(slot)->dirty_begin;
  u64 end = header_of(slot)->dirty_end;
  if (begin < zone_begin) begin = zone_begin;
  if (end > zone_end) end = zone_end;
  if (begin >= end) return 0;
  begin -= (begin - zone_begin) & 1;
  return difference(slot_offset, begin, PL_BYTES_BEFORE + begin - WORK(slot)->first, end - begin);
}

/* Is a field outside the dirty bytes, and must be stored on its own? */
PL_INLINE u32 is_outside(u32 at, u32 begin, u32 end) {
  return at < begin || at + 2 > end;
}

/* Sets a checksum field of the slot back to what the packet has, and gives that; a bit above: it cannot be read. */
PL_GLOBAL u64 reset_field(PL_CTX* ctx, u64 slot_offset, u64 at) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  u16* room = (u16*)&WORK(slot)->unused;
  if (!overlaps(header->dirty_begin, header->dirty_end, at, at + 2)) return field(slot, at);
  if (packet_load(ctx, at, room, 2) != 0) return 0x10000;
  set_field(slot, at, *room);
  return *room;
}

/* What the IPv4 header's checksum becomes. */
PL_GLOBAL u64 ip_difference(u64 slot_offset, u64 before) {
  u8* slot = slot_at(slot_offset);
  const struct pl_packet* header = header_of(slot);
  const u64 change = zone_difference(slot_offset, header->network, header->transport) & 0xffff;
  return updated(before, change);
}

#define CANNOT_TELL 0x10000

/* What the transport's checksum at `at` becomes. `before`: what it was; what the script wrote << 16. */
PL_GLOBAL u64 transport_difference(PL_CTX* ctx, u64 slot_offset, u64 at, u64 fields) {
  u8* slot = slot_at(slot_offset);
  const struct pl_packet* header = header_of(slot);
  const u32 network = header->network;
  const u32 protocol = header->protocol;
  const u32 before = fields & 0xffff;
  const u32 written = fields >> 16;
  const u32 v4 = header->version == 4;
  u64 pseudo = 0, data;
  u32 after;
  if (protocol != PROTOCOL_ICMP) {
    pseudo = zone_difference(slot_offset, network + (v4 ? 12 : 8), network + (v4 ? 20 : 40)) & 0xffff;
  }
  if (is_partial(ctx, at)) return fold(before + pseudo);
  if (protocol != PROTOCOL_ICMP && fold(before + pseudo) == plain_pseudo_sum(slot, header)) return CANNOT_TELL;
  if (protocol == PROTOCOL_UDP && (before == 0 || (written == 0 && v4))) return 0;
  data = zone_difference(slot_offset, header->transport, header->end) & 0xffff;
  after = updated(before, pseudo + data);
  if (protocol == PROTOCOL_UDP && after == 0) return 0xffff;
  /* A message of nothing but zeros is a case of its own. */
  if (protocol == PROTOCOL_ICMP && (after == 0 || before == 0 || before == 0xffff)) return CANNOT_TELL;
  return after;
}

/* The field's new value goes to the slot, and to the packet when it is not among the dirty bytes. */
PL_GLOBAL u64 put_field(PL_CTX* ctx, u64 slot_offset, u64 at, u64 value) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  set_field(slot, at, value);
  if (!is_outside(at, header->dirty_begin, header->dirty_end)) return 0;
  return packet_store(ctx, slot, at, 2) != 0;
}

PL_GLOBAL u64 commit_difference(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  const u64 dirty_begin = header->dirty_begin;
  const u64 dirty_end = header->dirty_end;
  const u64 first = dirty_begin > 0 ? dirty_begin - 1 : 0; /* words may begin one byte before */
  const u32 offset = checksum_offset(header->flags, header->protocol);
  const u64 at = header->transport + offset;
  const u64 ip_at = header->network + 10;
  const u32 version = header->version;
  u64 length = dirty_end - first - 1;
  u64 ip_before = 0, ip_after = 0, before = 0, after = 0, written = 0;
  opaque(length);
  if (length >= MOST_DIFFERENCE) return NEEDS_WHOLE;
  ++length;
  if (packet_load(ctx, first, slot + PL_BYTES_BEFORE, length) != 0) return BROKEN;
  WORK(slot)->first = first;

  if (version == 4) {
    ip_before = reset_field(ctx, slot_offset, ip_at);
    if (ip_before > 0xffff) return BROKEN;
    ip_after = ip_difference(slot_offset, ip_before);
  }
  if (offset) {
    written = field(slot, at);
    before = reset_field(ctx, slot_offset, at);
    if (before > 0xffff) return BROKEN;
    after = transport_difference(ctx, slot_offset, at, before | (written << 16));
    if (after == CANNOT_TELL) return NEEDS_WHOLE;
  }
  /* All of it, for the comparison. */
  if (!(difference(slot_offset, dirty_begin, PL_BYTES_BEFORE + dirty_begin - first, dirty_end - dirty_begin) &
        0x10000) &&
      ip_after == ip_before && after == before) {
    return COMMITTED;
  }
  if (ip_after != ip_before && put_field(ctx, slot_offset, ip_at, ip_after) != 0) return BROKEN;
  if (after != before && put_field(ctx, slot_offset, at, after) != 0) return BROKEN;
  if (packet_store(ctx, slot, dirty_begin, dirty_end - dirty_begin) != 0) return BROKEN;
  ++call_of(header)->counters[PL_COUNT_MODIFIED];
  return COMMITTED;
}

#endif
