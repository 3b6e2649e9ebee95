/* What the ways of writing a filter's changes back share (commit.h): the workspace, where headers were and are, and
 * sums of what stands in the slot.
 */
#ifndef PERILUNE_BPF_RUNTIME_WORKSPACE_H
#define PERILUNE_BPF_RUNTIME_WORKSPACE_H

#include "bpf/runtime/location.h"
#include "bpf/runtime/sum.h"

#define GRANULE 64u
#define MOST_DIFFERENCE 4096u /* bytes that difference() compares at most */

enum { COMMITTED, BROKEN, NEEDS_WHOLE };

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

/* The slot's byte at `offset`, for any offset. A word that begins at the slot's last bytes ends in PL_MEMORY_PAD. */
PL_INLINE u8* slot_byte(u8* slot, u64 offset) {
  opaque(offset);
  offset &= PL_SLOT_MASK;
  return slot + offset;
}

PL_INLINE u64 halves(u64 word) {
  return (word & 0xffffffff) + (word >> 32);
}

static long sum_granule(u32 iteration, void* argument) {
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

static long difference_granule(u32 iteration, void* argument) {
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

PL_INLINE void set_field(u8* slot, u32 at, u32 value) {
  *(u16*)frame_at(slot, at) = value;
}
PL_INLINE u32 field(u8* slot, u32 at) {
  return *(const u16*)frame_at(slot, at);
}

PL_INLINE u32 overlaps(u32 begin, u32 end, u32 other_begin, u32 other_end) {
  return begin < other_end && other_begin < end;
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

/* Finds the headers again, notes both places. BROKEN: malformed; NEEDS_WHOLE: they are elsewhere or are others. */
PL_GLOBAL u64 relocate(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  struct place* before = &WORK(slot)->before;
  struct place* after = &WORK(slot)->after;
  u64 malformed;
  note_place(before, header);
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

#endif
