/* Writing a filter's changes back, checksums right: packet::repair_checksums() (src/packet/checksum.cpp tells what
 * "right" means, and about the two zeros of one's complement) for a packet that is partly here and partly in the
 * kernel.
 *
 * Of the hook, besides what pull.h needs:
 *   long packet_store(PL_CTX*, slot, offset, length)               slot bytes to the same place of the packet
 *   u32 is_partial(PL_CTX*, offset)                                does the kernel know that the device finishes the
 *                                                                  checksum at `offset`?
 *   PL_REACH                                                       the last offset that packet_load() and
 *                                                                  packet_store() are asked to begin at
 *
 *   long write_small(PL_CTX*, slot, struct small*)                see commit_small
 *   long packet_resize(PL_CTX*, slot_offset, before, after)        see replace.h
 *   u32 packet_out_of(PL_CTX*)                                     see replace.h
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

#include "bpf/runtime/commit_difference.h"
#include "bpf/runtime/commit_whole.h"
#include "bpf/runtime/replace.h"

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

/* Up to 8 bytes after the transport's start, whose checksum they are not, in the part of the packet that programs see
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
/* Of a train: the payload of one datagram. Its checksum is still to be made, where the train is cut. */
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
