/* Trains of UDP datagrams: one buffer that is cut into packets later, or was put together of packets before (UDP
 * segmentation and receive offload). One header, then the payloads of all, each `size` bytes long but the last.
 *
 *   headers | payload 0 | payload 1 | ... | the rest        lengths in the headers: of all together
 *
 * Each datagram is judged as it is on the wire: one datagram after the other, its bytes are put into the slot after
 * the headers, and what the headers say of it (lengths, IPv4 identification, unfinished checksum) is set as cutting
 * will set it. None of them can be taken out here, so the train falls when one of them is not let pass. A filter may
 * write to payloads; a change to the headers, which all share, is a script error. TCP's segments are one stretch of a
 * stream and stay together. So do datagrams within a tunnel: there the outer header is not the one that is repeated
 * alone.
 *
 * Of the hook, besides what entry.h needs: packet_train_size().
 */
#ifndef PERILUNE_BPF_RUNTIME_TRAIN_H
#define PERILUNE_BPF_RUNTIME_TRAIN_H

#include "bpf/runtime/entry.h"
#include "bpf/runtime/sum.h"

/* skb_shared_info.gso_type (include/linux/skbuff.h). */
#define GSO_UDP_L4 (1u << 17)
/* GRE, GRE_CSUM, IPXIP4, IPXIP6, UDP_TUNNEL, UDP_TUNNEL_CSUM, PARTIAL, TUNNEL_REMCSUM, ESP */
#define GSO_TUNNELS (0x3fc0u | (1u << 15))

/* Payload bytes of each datagram of a train; 0: it is none. */
PL_INLINE u32 packet_train_size(PL_CTX* ctx);

/* `length` bytes at `from` of the packet to `to` of the slot's frame. */
PL_INLINE long train_load(PL_CTX* ctx, u8* slot, u64 to, u64 from, u64 length) {
  opaque(to);
  if (to > PL_FRAME_MAX) return -1;
  --length;
  opaque(length);
  if (length >= PL_PULL_CHUNK) return -1;
  ++length;
  return packet_load(ctx, from, slot + PL_FRAME + to, length);
}

PL_INLINE void train_set16(u8* slot, u64 at, u32 value) {
  *(u16*)frame_at(slot, at) = swap16(value);
}

/* The checksum at `at` of a header in which one word of the packet's changed. */
PL_INLINE void train_patch(u8* slot, u64 at, u32 checksum_at, u32 value) {
  u16* checksum = (u16*)frame_at(slot, checksum_at);
  const u32 before = *(const u16*)frame_at(slot, at);
  const u32 after = swap16(value);
  *checksum = updated(*checksum, (u64)(~before & 0xffff) + after);
  train_set16(slot, at, value);
}

/* Puts the datagram into the slot. 0: done. */
PL_GLOBAL u64 show_datagram(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  struct pl_train* train = train_of(header);
  const u64 network = header->network;
  const u64 transport = header->transport;
  const u64 payload = header->payload;
  const u64 from = payload + (u64)train->number * train->size;
  u64 length, half;
  u32 datagram, before, checksum;

  if (from > train->end) return 1;
  length = train->end - from;
  if (length > train->size) length = train->size;
  if (train_load(ctx, slot, 0, 0, payload) != 0) return 1;
  half = length >> 1;
  if (half != 0 && train_load(ctx, slot, payload, from, half) != 0) return 1;
  if (train_load(ctx, slot, payload + half, from + half, length - half) != 0) return 1;

  datagram = length + 8;
  if (header->version == 4) {
    train_patch(slot, network + 2, network + 10, transport - network + datagram);
    train_patch(slot, network + 4, network + 10, be16(frame_at(slot, network + 4)) + train->number);
  } else {
    train_set16(slot, network + 4, transport - network - 40 + datagram);
  }
  before = *(const u16*)frame_at(slot, transport + 4);
  checksum = *(const u16*)frame_at(slot, transport + 6);
  train_set16(slot, transport + 4, datagram);
  if (checksum != 0) *(u16*)frame_at(slot, transport + 6) = fold((u64)checksum + (~before & 0xffff) + swap16(datagram));
  header->end = payload + length;
  header->captured = payload + length;
  header->copied = payload + length;
  header->length = payload + length - network;
  header->mark = packet_mark(ctx);
  return 0;
}

/* Of a packet that is located: is it a train? Then its first datagram is shown. */
PL_INLINE u32 find_train(PL_CTX* ctx, u64 slot_offset) {
  struct pl_packet* header = header_of(slot_at(slot_offset));
  struct pl_train* train = train_of(header);
  u32 size, length;
  if (header->protocol != PROTOCOL_UDP || !(header->flags & PL_HAS_TRANSPORT)) return FOUND_IP;
  size = packet_train_size(ctx);
  length = header->end - header->payload;
  if (size == 0 || length <= size || (header->flags & PL_FRAGMENT)) return FOUND_IP;
  train->left = (length + size - 1) / size;
  train->size = size;
  train->number = 0;
  train->end = header->end;
  train->verdict = PL_PASS;
  train->mark_set = 0;
  if (show_datagram(ctx, slot_offset) == 0) return FOUND_IP;
  train->left = 0;
  header->malformed = MALFORMED_UDP_LENGTH;
  return FOUND_MALFORMED;
}

/* As find(); of a train, its first datagram. */
PL_INLINE u32 find_and_show(PL_CTX* ctx, u64 slot_offset) {
  const u32 found = find(ctx, slot_offset);
  return found == FOUND_IP ? find_train(ctx, slot_offset) : found;
}

/* After a datagram's verdict. 1: another one is shown; 0: that was the last one, train->verdict is that of all. */
PL_GLOBAL u64 next_datagram(PL_CTX* ctx, u64 slot_offset, u64 verdict) {
  struct pl_packet* header = header_of(slot_at(slot_offset));
  struct pl_train* train = train_of(header);
  if (verdict != PL_PASS) {
    train->verdict = PL_BLOCK;
  } else if (pl_sets_mark() && header->mark_set) {
    train->mark_set = 1;
    train->mark = header->mark;
  }
  if (train->left > 1) {
    --train->left;
    ++train->number;
    if (show_datagram(ctx, slot_offset) == 0) return 1;
    train->verdict = PL_BLOCK;
  }
  train->left = 0;
  if (pl_sets_mark()) {
    header->mark = train->mark;
    header->mark_set = train->mark_set;
  }
  return 0;
}

/* At the head of the loop over a train's datagrams, for the verifier, which must see every loop end: the kernel leaves
 * it after more iterations than a train can have datagrams. */
#define TRAIN_LOOP(overrun)                                                                              \
  asm volatile goto("1: .byte 0xe5; .byte 0; .long ((%l[" #overrun "] - 1b - 8) / 8) & 0xffff; .short 0" \
                    :                                                                                    \
                    :                                                                                    \
                    :                                                                                    \
                    : overrun)

#endif
