/* Writing a filter's changes back, checksums right: packet::repair_checksums() (src/packet/checksum.cpp tells what
 * "right" means, and about the two zeros of one's complement) for a packet that is partly here and partly in the
 * kernel.
 *
 * Of the hook, besides what pull.h needs:
 *   u32 packet_tag_count(PL_CTX*), packet_tag(PL_CTX*)             of tags beside the frame: how many, the TCI
 *   long packet_store(PL_CTX*, slot, offset, length)               slot bytes to the same place of the packet
 *   u32 is_partial(PL_CTX*, offset)                                does the kernel know that the device finishes the
 *                                                                  checksum at `offset`?
 *   PL_REACH                                                       the last offset that packet_load() and
 *                                                                  packet_store() are asked to begin at
 *
 *   long write_small(PL_CTX*, slot, struct small*)                see commit_small
 *   long packet_resize(PL_CTX*, slot_offset, before, after)        see replace.h
 *   u32 packet_out_of(PL_CTX*)
 *
 * Two ways, and a short cut of the first for a few bytes of transport header or payload (commit_small):
 * - Most writes change a few bytes and none that says where headers are. Then the checksums change by the difference
 *   between the dirty bytes and what the packet has there (commit_difference).
 * - Otherwise (lengths, protocols, fragments, extension headers, SCTP, many bytes) everything is summed twice
 *   (commit_whole): after from the slot; then slot and packet swap the dirty bytes, so that the packet has what was
 *   written and the slot what was before, and before from the slot again. What a packet has beyond the slot's copy
 *   (BIG TCP) is summed from the packet.
 *
 * Where the kernel does not tell that a checksum is unfinished, because XDP has no place to say so, its looks do: see
 * packet::checksum_unfinished(). Who finds the pseudo header's sum in the field takes the second way, which can tell.
 *
 * A checksum field is first set back to what the packet has: what a script wrote into it does not count, and a field
 * that does not change needs no hole in any sum.
 * Sums are of little-endian words: swapping the bytes of all words swaps those of the sum (RFC 1071, 2B).
 */
#ifndef PERILUNE_BPF_RUNTIME_COMMIT_H
#define PERILUNE_BPF_RUNTIME_COMMIT_H

#include "bpf/runtime/location.h"
#include "bpf/runtime/sum.h"

#define MOST_DIFFERENCE 4096u /* bytes, for commit_difference */
#define SWAP_CHUNK 4096u
#define SWAP_SHIFT 0x100u /* chunks end this much before multiples of their size: at 0xff00, too */
#define TAIL_STEP 128u
#define GRANULE 64u

/* Of struct pl_packet, what locate() finds. */
struct place {
  u32 network;
  u32 transport;
  u32 end;
  u32 flags;
  u32 version;
  u32 protocol;
};

/* Folded; each without the checksum field it is for. Of SCTP: the CRC. */
struct sums {
  u32 ip;
  u32 ip_field;
  u32 pseudo;
  u32 all;
  u32 field;
};

struct workspace {
  struct place before;
  struct place after;
  struct sums sums_before;
  struct sums sums_after;
  u32 crc_table[16];
  u32 written;      /* what the script left in the transport's checksum field */
  u32 packet_field; /* what the packet has there */
  u32 partial;
  u32 differs;
  u32 first; /* the frame byte that stands at PL_BYTES_BEFORE */
  u32 unused;
};
#define WORK(slot) ((struct workspace*)((slot) + PL_WORKSPACE))

/* Bytes from a transport header's start to its 16-bit checksum; 0: it has none. */
PL_INLINE u32 checksum_offset(u32 flags, u32 protocol) {
  if (!(flags & PL_HAS_TRANSPORT)) return 0;
  if (protocol == PROTOCOL_TCP) return 16;
  if (protocol == PROTOCOL_UDP) return 6;
  if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) return 2;
  return 0;
}

PL_INLINE void note_place(struct place* place, const struct pl_packet* header) {
  place->network = header->network;
  place->transport = header->transport;
  place->end = header->end;
  place->flags = header->flags;
  place->version = header->version;
  place->protocol = header->protocol;
}

/* ---- sums of what stands in the slot ---- */

struct pass {
  u64 slot_offset;
  u64 at;    /* in the slot */
  u64 other; /* in the slot: the bytes to compare with, or to copy from */
  u64 sum;
  u64 differs;
};

/* Any byte of the slot; what lies behind it is padding. */
PL_INLINE u8* slot_byte(u8* slot, u64 offset) {
  opaque(offset);
  offset &= PL_SLOT_MASK;
  return slot + offset;
}

PL_INLINE u64 halves(u64 word) {
  return (word & 0xffffffff) + (word >> 32);
}

static long sum_granule(u32 round, void* argument) {
  struct pass* pass = argument;
  const u64* p = (const u64*)slot_byte(slot_at(pass->slot_offset), pass->at);
  pass->at += GRANULE;
  pass->sum += halves(p[0]) + halves(p[1]) + halves(p[2]) + halves(p[3]) + halves(p[4]) + halves(p[5]) + halves(p[6]) +
               halves(p[7]);
  return 0;
}

/* The first `length` (1 to 8) bytes of a word. */
PL_INLINE u64 first_bytes(u64 word, u64 length) {
  const u64 shift = (64 - 8 * length) & 63;
  return word << shift >> shift;
}

/* Frame bytes [begin, end) of the slot, summed, not folded. */
PL_GLOBAL u64 sum_frame(u64 slot_offset, u64 begin, u64 end) {
  struct pass pass = {slot_offset, PL_FRAME + begin, 0, 0, 0};
  u8* slot = slot_at(slot_offset);
  u64 length, at, sum, i;
  if (begin >= end) return 0;
  length = end - begin;
  if (length > PL_FRAME_MAX) return 0;
  if (length >= GRANULE) loop(length / GRANULE, sum_granule, &pass, 0);
  at = pass.at;
  sum = pass.sum;
  length &= GRANULE - 1;
#pragma clang loop unroll(disable)
  for (i = 0; i < GRANULE; i += 8) {
    u64 left = length - i;
    if (length <= i) break;
    if (left > 8) left = 8;
    sum += halves(first_bytes(*(const u64*)slot_byte(slot, at + i), left));
  }
  return sum;
}

static long difference_granule(u32 round, void* argument) {
  struct pass* pass = argument;
  u8* slot = slot_at(pass->slot_offset);
  const u64* after = (const u64*)slot_byte(slot, pass->at);
  const u64* before = (const u64*)slot_byte(slot, pass->other);
  u64 sum = 0, differs = 0;
  u32 i;
#pragma clang loop unroll(full)
  for (i = 0; i < 8; ++i) {
    sum += halves(after[i]) + halves(~before[i]);
    differs |= after[i] ^ before[i];
  }
  pass->at += GRANULE;
  pass->other += GRANULE;
  pass->sum += sum;
  pass->differs |= differs;
  return 0;
}

/* Frame bytes from `begin` on, less the bytes at `other` of the slot: the sum's change, folded; bit 16: they differ. */
PL_GLOBAL u64 difference(u64 slot_offset, u64 begin, u64 other, u64 length) {
  struct pass pass = {slot_offset, PL_FRAME + begin, other, 0, 0};
  u8* slot = slot_at(slot_offset);
  u64 sum, differs, i;
  if (length > MOST_DIFFERENCE) return 0;
  if (length >= GRANULE) loop(length / GRANULE, difference_granule, &pass, 0);
  sum = pass.sum;
  differs = pass.differs;
  length &= GRANULE - 1;
#pragma clang loop unroll(disable)
  for (i = 0; i < GRANULE; i += 8) {
    u64 left = length - i, after, before;
    if (length <= i) break;
    if (left > 8) left = 8;
    after = first_bytes(*(const u64*)slot_byte(slot, pass.at + i), left);
    before = first_bytes(*(const u64*)slot_byte(slot, pass.other + i), left);
    sum += halves(after) + halves(~before);
    differs |= after ^ before;
  }
  return fold(sum) | (differs ? 0x10000 : 0);
}

/* ---- writes that leave every header where it is ---- */

PL_INLINE u32 overlaps(u32 begin, u32 end, u32 other_begin, u32 other_end) {
  return begin < other_end && other_begin < end;
}

/* Could [begin, end) say where headers are? The bytes that do: the link header; of IPv4 all before the time to live,
 * and the protocol; of IPv6 all before the hop limit, and extension headers; of TCP the data offset; of UDP the length.
 */
PL_INLINE u32 may_move_headers(const struct pl_packet* header, u32 begin, u32 end) {
  const u32 network = header->network;
  const u32 transport = header->transport;
  if (begin < network) return 1;
  if (header->version == 4) {
    if (overlaps(begin, end, network, network + 8) || overlaps(begin, end, network + 9, network + 10)) return 1;
  } else if (header->version == 6) {
    if (overlaps(begin, end, network, network + 7) || overlaps(begin, end, network + 40, transport)) return 1;
  } else {
    return 0;
  }
  if (header->protocol == PROTOCOL_TCP) return overlaps(begin, end, transport + 12, transport + 13);
  if (header->protocol == PROTOCOL_UDP) return overlaps(begin, end, transport + 4, transport + 6);
  return 0;
}

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

enum { COMMITTED, BROKEN, NEEDS_WHOLE };

PL_INLINE void set_field(u8* slot, u32 at, u32 value) {
  *(u16*)frame_at(slot, at) = value;
}
PL_INLINE u32 field(u8* slot, u32 at) {
  return *(const u16*)frame_at(slot, at);
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

/* The sum of the pseudo header in the slot of a plain packet, folded: never 0. */
PL_INLINE u32 plain_pseudo_sum(u8* slot, const struct pl_packet* header) {
  const u32 network = header->network;
  const u32 length = header->end - header->transport;
  u64 sum = swap16(header->protocol) + (u64)swap16(length) + swap16(length >> 16);
  if (header->version == 4) {
    sum += *(const u32*)frame_at(slot, network + 12) + (u64) * (const u32*)frame_at(slot, network + 16);
  } else {
    sum += halves(*(const u64*)frame_at(slot, network + 8)) + halves(*(const u64*)frame_at(slot, network + 16)) +
           halves(*(const u64*)frame_at(slot, network + 24)) + halves(*(const u64*)frame_at(slot, network + 32));
  }
  return fold(sum);
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

#include "bpf/runtime/commit_whole.h"

/* Finds the headers again, notes both places. BROKEN: malformed; NEEDS_WHOLE: they are elsewhere or are others. */
PL_GLOBAL u64 relocate(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  struct place* before = &WORK(slot)->before;
  struct place* after = &WORK(slot)->after;
  u64 malformed;
  note_place(before, header);
  header->vlan = packet_tag(ctx);
  header->vlan_tags = packet_tag_count(ctx);
  malformed = locate(ctx, slot_offset);
  if (malformed != MALFORMED_NONE) {
    header->malformed = MALFORMED_NONE; /* it did not arrive like that */
    call_of(header)->error_values[0] = malformed;
    return BROKEN;
  }
  note_place(after, header);
  if (before->network != after->network || before->transport != after->transport || before->end != after->end ||
      before->flags != after->flags || before->version != after->version || before->protocol != after->protocol) {
    return NEEDS_WHOLE;
  }
  return COMMITTED;
}

/* Is the destination that checksums count the one in the IP header? A routing header may have another; hop-by-hop
 * options alone, as Linux puts them in front of packets of more than 65,535 bytes, have none. */
PL_INLINE u32 is_destination_plain(u8* slot, const struct pl_packet* header) {
  const u32 behind = header->network + 40;
  if (header->version != 6 || header->transport == behind) return 1;
  if (*frame_at(slot, header->network + 6) != PROTOCOL_HOP_BY_HOP) return 0;
  return header->transport == behind + extension_length(PROTOCOL_HOP_BY_HOP, frame_at(slot, behind));
}

PL_INLINE u32 is_plain(u8* slot, const struct pl_packet* header) {
  if (header->flags & PL_FRAGMENT) return 0;
  return is_destination_plain(slot, header) && header->protocol != PROTOCOL_SCTP;
}

/* Up to 8 bytes behind the transport's start, whose checksum they are not, in the part of the packet that programs see
 * directly. */
PL_INLINE u32 commit_small(PL_CTX* ctx, u8* slot, struct pl_packet* header) {
  const u64 begin = header->dirty_begin;
  const u64 end = header->dirty_end;
  const u32 transport = header->transport;
  const u32 offset = checksum_offset(header->flags, header->protocol);
  const u8* data = (const u8*)(long)ctx->data;
  const u8* data_end = (const u8*)(long)ctx->data_end;
  struct small small;
  u64 first = begin - ((begin - transport) & 1); /* a word's first byte */
  u64 at = transport + offset;
  u64 length = end - first;
  u64 packet, before, after;
  if (!offset || header->protocol == PROTOCOL_ICMP) return NEEDS_WHOLE;
  if (begin < transport || end > header->end || length > 8 || overlaps(begin, end, at, at + 2)) return NEEDS_WHOLE;
  if (first > SMALL_REACH - 8 || at > SMALL_REACH - 8) return NEEDS_WHOLE;
  after = first_bytes(*(const u64*)frame_at(slot, first), length);
  opaque(first);
  first &= SMALL_REACH;
  if (data + first + 8 > data_end) return NEEDS_WHOLE;
  packet = *(const u64*)(data + first);
  opaque(at);
  at &= SMALL_REACH;
  if (data + at + 2 > data_end) return NEEDS_WHOLE;
  small.field = *(const u16*)(data + at);
  if (small.field == plain_pseudo_sum(slot, header) && !is_partial(ctx, at)) return NEEDS_WHOLE;
  before = first_bytes(packet, length);
  if (before == after) return small.field == 0xffff ? NEEDS_WHOLE : COMMITTED; /* the other zero */
  small.begin = begin;
  small.first = first;
  small.at = at;
  small.length = end - begin;
  small.word = packet ^ before ^ after;
  small.change = fold(halves(after) + halves(~before));
  small.is_udp = header->protocol == PROTOCOL_UDP;
  if (write_small(ctx, slot, &small) != 0) return BROKEN;
  ++call_of(header)->counters[PL_COUNT_MODIFIED];
  return COMMITTED;
}

#ifdef PL_TRAINS
/* Of a train: the payload of one datagram. Its checksum is still to be made, by whoever cuts the train. */
PL_GLOBAL u64 commit_datagram(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  const u64 begin = header->dirty_begin;
  const u64 length = header->dirty_end - begin;
  const u64 to = begin + (u64)train_of(header)->number * TRAIN(slot_at(slot_offset))->size;
  const u64 half = length >> 1;
  if (begin < header->payload) {
    call_of(header)->error_values[0] = PL_BROKEN_TRAIN;
    return BROKEN;
  }
  if (half != 0 && store_part(ctx, slot, to, begin, half, RECOMPUTE_CSUM) != 0) return BROKEN;
  if (store_part(ctx, slot, to + half, begin + half, length - half, RECOMPUTE_CSUM) != 0) return BROKEN;
  ++call_of(header)->counters[PL_COUNT_MODIFIED];
  return COMMITTED;
}
#endif

#include "bpf/runtime/replace.h"

/* 0: the packet is as the script wants it. Else the script broke its headers (error_values[0] says how), or the kernel
 * did not take the bytes; then nothing was written. */
PL_GLOBAL u64 commit(PL_CTX* ctx, u64 slot_offset, u64 verdict) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  u64 done = COMMITTED;
  u32 relocated = 0;
  if (header->dirty_begin >= header->dirty_end || header->dirty_end > header->copied) return BROKEN;
  /* The bytes in between are as the packet has them. */
  if (header->dirty_begin > PL_REACH) header->dirty_begin = PL_REACH;
  if (pl_replaces() && header->arrived_length != 0) return commit_replaced(ctx, slot_offset, verdict);
#ifdef PL_TRAINS
  if (train_of(header)->left) return commit_datagram(ctx, slot_offset);
#endif
  if (!is_plain(slot, header) || may_move_headers(header, header->dirty_begin, header->dirty_end)) {
    relocated = 1;
    done = relocate(ctx, slot_offset);
    if (done == BROKEN) return BROKEN;
    if (!is_plain(slot, header)) done = NEEDS_WHOLE;
  }
  if (done == COMMITTED) {
    done = commit_small(ctx, slot, header);
    if (done == NEEDS_WHOLE) done = commit_difference(ctx, slot_offset);
  }
  if (done == NEEDS_WHOLE) {
    if (pull(ctx, slot_offset, header->captured) != 0) return BROKEN;
    if (!relocated && relocate(ctx, slot_offset) == BROKEN) return BROKEN;
    done = commit_whole(ctx, slot_offset);
  }
  return done;
}

#endif
