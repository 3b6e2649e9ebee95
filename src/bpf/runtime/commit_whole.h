/* The second way of commit.h: everything is summed, before and after. Line by line packet::repair_checksums().
 */
#ifndef PERILUNE_BPF_RUNTIME_COMMIT_WHOLE_H
#define PERILUNE_BPF_RUNTIME_COMMIT_WHOLE_H

#include "bpf/runtime/workspace.h"

#define SWAP_CHUNK 4096u
#define SWAP_SHIFT 0x100u /* chunks end this much before multiples of their size: at 0xff00, too */
#define TAIL_STEP 128u
#define MOST_SWAPS (PL_FRAME_MAX / SWAP_CHUNK + 2)
#define CRC_STEP 8u

/* ---- SCTP: CRC32c by halves of bytes ---- */

static long crc_step(u32 iteration, void* argument) {
  struct pass* pass = argument;
  u8* slot = slot_at(pass->slot_offset);
  const u32* table = WORK(slot)->crc_table;
  const u64 left = pass->other - pass->at; /* other: the end */
  const u64 bytes = *(const u64*)slot_byte(slot, pass->at);
  u32 crc = pass->sum;
  u32 i;
#pragma clang loop unroll(disable)
  for (i = 0; i < CRC_STEP; ++i) {
    u64 low, high;
    if (i >= left) break;
    crc ^= (bytes >> (8 * i)) & 0xff;
    low = crc;
    opaque(low);
    crc = (crc >> 4) ^ table[low & 15];
    high = crc;
    opaque(high);
    crc = (crc >> 4) ^ table[high & 15];
  }
  pass->sum = crc;
  pass->at += CRC_STEP;
  return 0;
}

/* Of frame bytes [begin, end). */
PL_GLOBAL u64 crc_frame(u64 slot_offset, u64 begin, u64 end) {
  struct pass pass = {slot_offset, PL_FRAME + begin, PL_FRAME + end, 0xffffffff, 0};
  u32* table = WORK(slot_at(slot_offset))->crc_table;
  u32 i, bit;
  if (begin >= end || end - begin > PL_FRAME_MAX) return 0;
#pragma clang loop unroll(full)
  for (i = 0; i < 16; ++i) {
    u32 remainder = i;
    for (bit = 0; bit < 4; ++bit)
      remainder = (remainder >> 1) ^ (0x82f63b78 & -(remainder & 1));
    table[i] = remainder;
  }
  loop((end - begin + CRC_STEP - 1) / CRC_STEP, crc_step, &pass, 0);
  return ~(u32)pass.sum;
}

/* ---- sums of one place ---- */

#define MOST_TAIL_STEPS 8192 /* a megabyte: the kernel joins up to half of one */
#define TAIL_UNREAD (~0ull)

struct tail {
  PL_CTX* ctx;
  u64 slot_offset;
  u64 from;
  u64 end;
  u64 sum;
  u64 unread;
};

static long tail_step(u32 iteration, void* argument) {
  struct tail* tail = argument;
  u8* slot = slot_at(tail->slot_offset);
  u64* words = (u64*)(slot + PL_BYTES_BEFORE);
  const u64 from = tail->from;
  u64 length = tail->end - from - 1;
  u64 sum = 0;
  u32 i;
#pragma clang loop unroll(disable)
  for (i = 0; i < TAIL_STEP / 8; ++i)
    words[i] = 0;
  if (length >= TAIL_STEP) length = TAIL_STEP - 1;
  opaque(length);
  if (length >= TAIL_STEP) return 1;
  ++length;
  if (packet_load(tail->ctx, from, words, length) != 0) {
    tail->unread = 1;
    return 1;
  }
#pragma clang loop unroll(disable)
  for (i = 0; i < TAIL_STEP / 8; ++i)
    sum += halves(words[i]);
  tail->sum += sum;
  tail->from = from + TAIL_STEP;
  return tail->from >= tail->end;
}

/* The packet's bytes [PL_FRAME_MAX, end), which no slot holds, folded; end > PL_FRAME_MAX. */
PL_INLINE u64 sum_tail(PL_CTX* ctx, u64 slot_offset, u64 end) {
  struct tail tail = {ctx, slot_offset, PL_FRAME_MAX, end, 0, 0};
  loop(MOST_TAIL_STEPS, tail_step, &tail, 0);
  if (tail.unread || tail.from < end) return TAIL_UNREAD;
  return fold(tail.sum);
}

PL_INLINE struct place* place_of(u8* slot, u64 after) {
  return after ? &WORK(slot)->after : &WORK(slot)->before;
}

/* One extension header in search of the final destination; 1 ends it, with s->option where that is. */
static long destination_step(u32 iteration, void* slot_offset) {
  u8* slot = slot_at(*(u64*)slot_offset);
  volatile struct locator* s = LOCATOR(slot);
  const u32 offset = s->offset;
  const u32 transport = s->options_end;
  const u32 type = s->type;
  const u8* p = frame_at(slot, offset);
  u32 length, kind, address = 0;
  if (offset + 8 > transport) return 1;
  length = extension_length(type, p);
  if (type == PROTOCOL_ROUTING && p[3] != 0 && offset + length <= transport) {
    kind = p[2];
    if (kind == 0) address = length > 16 ? length - 16 : 0;
    if (kind == 2 || kind == 4) address = 8;
    if (address >= 8 && address + 16 <= length) {
      s->option = offset + address;
      return 1;
    }
  }
  s->type = p[0];
  s->offset = offset + length;
  return 0;
}

/* RFC 8200, 8.1: where the final destination is, see final_destination() in checksum.cpp. */
PL_GLOBAL u64 final_destination(u64 slot_offset, u64 after) {
  u8* slot = slot_at(slot_offset);
  const struct place* place = place_of(slot, after);
  volatile struct locator* s = LOCATOR(slot);
  u64 argument = slot_offset;
  s->type = *frame_at(slot, place->network + 6);
  s->offset = place->network + 40;
  s->option = place->network + 24;
  s->options_end = place->transport;
  loop(MAX_EXTENSION_HEADERS + 1, destination_step, &argument, 0);
  return s->option;
}

/* Not folded. */
PL_GLOBAL u64 pseudo_header_sum(u64 slot_offset, u64 after) {
  u8* slot = slot_at(slot_offset);
  const struct place* place = place_of(slot, after);
  const u32 network = place->network;
  u32 length;
  u64 sum, destination;
  if (place->protocol == PROTOCOL_ICMP) return 0;
  length = place->end - place->transport;
  if (place->protocol == PROTOCOL_UDP && length <= IP_MAXIMUM) {
    length = be16(frame_at(slot, place->transport) + 4);
    if (length == 0) length = place->end - place->transport;
  }
  sum = swap16(place->protocol) + swap16(length) + swap16(length >> 16);
  if (place->version == 4) return sum + sum_frame(slot_offset, network + 12, network + 20);
  destination = final_destination(slot_offset, after);
  sum += sum_frame(slot_offset, network + 8, network + 24);
  return sum + sum_frame(slot_offset, destination, destination + 16);
}

PL_INLINE u32 has_sctp(const struct place* place) {
  return (place->flags & PL_HAS_TRANSPORT) && place->protocol == PROTOCOL_SCTP;
}

/* Is the transport's checksum of before that of after, changed? */
PL_INLINE u32 keeps_checksum(const struct workspace* work) {
  const struct place* before = &work->before;
  const struct place* after = &work->after;
  return checksum_offset(before->flags, before->protocol) && before->protocol == after->protocol &&
         before->version == after->version;
}

/* From the transport header on, without the checksum; not folded. A checksum that the device finishes does not need
 * it. */
PL_GLOBAL u64 transport_sum(PL_CTX* ctx, u64 slot_offset, u64 after) {
  u8* slot = slot_at(slot_offset);
  const struct workspace* work = WORK(slot);
  const struct place* place = place_of(slot, after);
  const u64 transport = place->transport;
  const u64 end = place->end;
  u64 at = transport + checksum_offset(place->flags, place->protocol);
  u64 sum, tail;
  if (work->partial && keeps_checksum(work)) return 0;
  opaque(at); /* one path for all protocols */
  sum = sum_frame(slot_offset, transport, at);
  if (end <= PL_FRAME_MAX) return sum + sum_frame(slot_offset, at + 2, end);
  tail = sum_tail(ctx, slot_offset, end);
  if (tail == TAIL_UNREAD) return TAIL_UNREAD;
  if ((PL_FRAME_MAX - at) & 1) tail = swap16(tail);
  return sum + sum_frame(slot_offset, at + 2, PL_FRAME_MAX) + tail;
}

/* Sums of the bytes that stand in the slot now, at the headers of before or after. 0: done. */
PL_GLOBAL u64 take_sums(PL_CTX* ctx, u64 slot_offset, u64 after) {
  u8* slot = slot_at(slot_offset);
  const struct place* place = place_of(slot, after);
  struct sums* sums = after ? &WORK(slot)->sums_after : &WORK(slot)->sums_before;
  const u32 network = place->network;
  const u32 transport = place->transport;
  const u32 offset = checksum_offset(place->flags, place->protocol);
  if (place->version == 4) {
    sums->ip_field = field(slot, network + 10);
    sums->ip = fold(sum_frame(slot_offset, network, network + 10) + sum_frame(slot_offset, network + 12, transport));
  }
  if (offset) {
    const u32 at = transport + offset;
    const u64 pseudo = pseudo_header_sum(slot_offset, after);
    const u64 carried = transport_sum(ctx, slot_offset, after);
    if (carried == TAIL_UNREAD) return 1;
    sums->field = field(slot, at);
    sums->pseudo = fold(pseudo);
    sums->all = fold(pseudo + carried);
  } else if (has_sctp(place)) {
    u32* stored = (u32*)frame_at(slot, transport + 8);
    if (place->end > PL_FRAME_MAX) return 1;
    sums->field = *stored;
    *stored = 0;
    sums->all = crc_frame(slot_offset, transport, place->end);
    *stored = sums->field;
  }
  return 0;
}

/* ---- the swap ---- */

static long copy_granule(u32 iteration, void* argument) {
  struct pass* pass = argument;
  u8* slot = slot_at(pass->slot_offset);
  u64* to = (u64*)slot_byte(slot, pass->at);
  const u64* from = (const u64*)slot_byte(slot, pass->other);
  u32 i;
#pragma clang loop unroll(full)
  for (i = 0; i < GRANULE / 8; ++i)
    to[i] = from[i];
  pass->at += GRANULE;
  pass->other += GRANULE;
  return 0;
}

/* The packet gets the slot's bytes from s->offset on, the slot the packet's; up to SWAP_CHUNK of them, and not beyond
 * PL_REACH, where the last chunk begins. */
PL_GLOBAL u64 swap_chunk(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  const u64 at = s->offset;
  const u64 end = header->dirty_end;
  const u64 captured = header->captured;
  u64 length, whole, most;
  struct pass pass = {slot_offset, PL_FRAME + at, 0, 0, 0};
  /* Through memory, or the verifier follows each iteration of the copy. */
  s->option = PL_BYTES_BEFORE;
  pass.other = s->option;
  if (at >= end || at > PL_FRAME_MAX) return 0;
  length = end - at;
  most = SWAP_CHUNK - ((at + SWAP_SHIFT) & (SWAP_CHUNK - 1));
  if (length > most) length = most;
  whole = (length + GRANULE - 1) & ~(u64)(GRANULE - 1);
  if (whole > captured - at) whole = captured - at;
  --whole;
  opaque(whole);
  if (whole >= SWAP_CHUNK) return 1;
  ++whole;
  if (packet_load(ctx, at, slot + PL_BYTES_BEFORE, whole) != 0) return 1;
  if (difference(slot_offset, at, PL_BYTES_BEFORE, length) & 0x10000) WORK(slot)->differs = 1;
  if (packet_store(ctx, slot, at, length) != 0) return 1;
  loop((length + GRANULE - 1) / GRANULE, copy_granule, &pass, 0);
  s->offset = at + length;
  return 0;
}

/* ---- putting it together ---- */

PL_INLINE u32 is_right(u32 sum, u32 checksum) {
  return fold((u64)sum + checksum) == 0xffff;
}

/* update() of checksum.cpp. */
PL_INLINE u32 repaired(u32 checksum, u32 before, u32 after, u32 known) {
  u32 result;
  if (known && is_right(before, checksum)) return ~after & 0xffff;
  result = ~fold((u64)(~checksum & 0xffff) + (~before & 0xffff) + after) & 0xffff;
  if (known && is_right(after, result)) return result ^ swap16(1);
  return result;
}

/* packet::checksum_unfinished(), of before. */
PL_INLINE u32 is_unfinished(const struct place* place, const struct sums* sums) {
  if (place->protocol == PROTOCOL_ICMP || (place->flags & PL_FRAGMENT)) return 0;
  return sums->field == sums->pseudo && !is_right(sums->all, sums->field);
}

/* What the transport's checksum field becomes; the sums are taken. */
PL_INLINE u32 transport_field(struct workspace* work, u32 written) {
  const struct place* before = &work->before;
  const struct place* after = &work->after;
  const struct sums* sums_before = &work->sums_before;
  const struct sums* sums_after = &work->sums_after;
  const u32 is_udp = after->protocol == PROTOCOL_UDP;
  u32 result;
  if (!keeps_checksum(work)) {
    if (after->flags & PL_FRAGMENT) return written;
    result = ~sums_after->all & 0xffff;
    return is_udp && result == 0 ? 0xffff : result;
  }
  if (work->partial || (!(after->flags & PL_FRAGMENT) && is_unfinished(before, sums_before)))
    return fold((u64)sums_before->field + (~sums_before->pseudo & 0xffff) + sums_after->pseudo);
  if (is_udp && (sums_before->field == 0 || (written == 0 && after->version == 4))) return 0;
  result =
      repaired(sums_before->field, sums_before->all, sums_after->all, !((before->flags | after->flags) & PL_FRAGMENT));
  return is_udp && result == 0 ? 0xffff : result;
}

PL_INLINE u32 sctp_field(struct workspace* work, u32 written) {
  const struct sums* before = &work->sums_before;
  if (!has_sctp(&work->before)) return work->after.flags & PL_FRAGMENT ? written : work->sums_after.all;
  if (before->field == 0 || ((work->before.flags | work->after.flags) & PL_FRAGMENT)) return before->field;
  return work->sums_after.all ^ before->field ^ before->all;
}

/* The fields of `after` in the slot as the packet has them; what was written goes to the workspace. */
PL_GLOBAL u64 reset_fields(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct workspace* work = WORK(slot);
  const struct place* after = &work->after;
  const u32 offset = checksum_offset(after->flags, after->protocol);
  const u32 ip_at = after->network + 10;
  if (after->version == 4) {
    if (packet_load(ctx, ip_at, &work->unused, 2) != 0) return 1;
    set_field(slot, ip_at, *(u16*)&work->unused);
  }
  if (offset) {
    const u32 at = after->transport + offset;
    work->written = field(slot, at);
    if (packet_load(ctx, at, &work->unused, 2) != 0) return 1;
    work->packet_field = *(u16*)&work->unused;
    set_field(slot, at, work->packet_field);
  } else if (has_sctp(after)) {
    const u32 at = after->transport + 8;
    u32* stored = (u32*)frame_at(slot, at);
    work->written = *stored;
    if (packet_load(ctx, at, &work->unused, 4) != 0) return 1;
    work->packet_field = work->unused;
    *stored = work->packet_field;
  }
  return 0;
}

/* Stores the checksums of `after`; the slot has the bytes of before. */
PL_GLOBAL u64 store_fields(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct workspace* work = WORK(slot);
  const struct place* after = &work->after;
  const u32 offset = checksum_offset(after->flags, after->protocol);
  if (after->version == 4) {
    const struct sums* sums = &work->sums_after;
    const u32 at = after->network + 10;
    u32 value = ~sums->ip & 0xffff;
    if (work->before.version == 4) value = repaired(work->sums_before.ip_field, work->sums_before.ip, sums->ip, 1);
    if (value != sums->ip_field) {
      work->differs = 1;
      set_field(slot, at, value);
      if (packet_store(ctx, slot, at, 2) != 0) return 1;
    }
  }
  if (offset) {
    const u32 at = after->transport + offset;
    const u32 value = transport_field(work, work->written);
    if (value != work->packet_field) {
      work->differs = 1;
      set_field(slot, at, value);
      if (packet_store(ctx, slot, at, 2) != 0) return 1;
    }
  } else if (has_sctp(after)) {
    const u32 at = after->transport + 8;
    const u32 value = sctp_field(work, work->written);
    if (value != work->packet_field) {
      work->differs = 1;
      *(u32*)frame_at(slot, at) = value;
      if (packet_store(ctx, slot, at, 4) != 0) return 1;
    }
  }
  return 0;
}

/* The two halves of what commit_whole() and commit_replaced() do. In their callers, since calls nest eight deep at
 * most.
 *
 * Sums of the packet as it is to be, which stands in the slot. 0: done. */
PL_INLINE u64 sum_written(PL_CTX* ctx, u64 slot_offset) {
  struct workspace* work = WORK(slot_at(slot_offset));
  const u32 offset = checksum_offset(work->before.flags, work->before.protocol);
  work->differs = 0;
  work->partial = offset ? is_partial(ctx, work->before.transport + offset) : 0;
  if (reset_fields(ctx, slot_offset) != 0) return 1;
  return take_sums(ctx, slot_offset, 1);
}

/* Slot and packet exchange the dirty bytes, and the packet gets its checksums. 0: done. */
PL_INLINE u64 exchange(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  const struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  u32 i;
  s->offset = header->dirty_begin & ~(GRANULE - 1); /* chunks, but the last, are whole granules */
#pragma clang loop unroll(disable)
  for (i = 0; i < MOST_SWAPS; ++i) {
    if (s->offset >= header->dirty_end) break;
    if (swap_chunk(ctx, slot_offset) != 0) return 1;
  }
  if (take_sums(ctx, slot_offset, 0) != 0) return 1;
  return store_fields(ctx, slot_offset);
}

/* The places of before and after are noted, all of the packet that the slot has room for is there. */
PL_GLOBAL u64 commit_whole(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  if (sum_written(ctx, slot_offset) != 0 || exchange(ctx, slot_offset) != 0) return BROKEN;
  if (WORK(slot)->differs) ++call_of(header_of(slot))->counters[PL_COUNT_MODIFIED];
  return COMMITTED;
}

#endif
