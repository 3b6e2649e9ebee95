/* 'reject' sends the sender a TCP RST (RFC 9293, 3.10.7.1), or ICMP "port unreachable" (RFC 792, 4443), the same bytes
 * as packet::reject_reply() makes (src/packet/reply.cpp). The packet that arrived is turned into this answer: its
 * length is changed, the answer's headers are written over its own, and after an ICMP header the packet's first bytes,
 * which the message quotes, are stored once more.
 *
 *   link | IP header | TCP                     link header: addresses exchanged, tags as they were
 *   link | IP header | ICMP | the packet's IP header and what follows it
 *
 * Nothing is sent to groups or by other stations, about later fragments, errors, resets, packets with wrong checksums,
 * or after link headers that say how long the packet is (802.3, PPPoE); and no more than so many answers a second, for
 * each destination and in all, by each processor.
 *
 * Of the hook, besides what reply.h needs: long packet_write(PL_CTX*, offset, from, length), and
 * u32 is_for_others(PL_CTX*): was the frame addressed to another station?
 */
#ifndef PERILUNE_BPF_RUNTIME_REJECT_H
#define PERILUNE_BPF_RUNTIME_REJECT_H

#include "bpf/runtime/reply.h"

PL_DEFINE_CONSTANT(pl_rejects)
PL_DEFINE_CONSTANT(pl_rejects_in_all)
PL_DEFINE_CONSTANT(pl_rejects_for_each)
PL_DEFINE_CONSTANT(pl_rejects_for_others)

/* RFC 1812, 4.3.2.3; RFC 4443, 2.4 (c): bytes of an ICMP message, IP header included. */
#define REJECT_MOST_V4 576u
#define REJECT_MOST_V6 1280u
#define REJECT_TTL 64u

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_ACK 0x10u

/* The answer's headers, at REJECT_HEADERS of the slot, where a write's bytes before would be. */
#define REJECT_HEADERS PL_BYTES_BEFORE

struct answers {
  u32 second; /* of about the length of one */
  u32 count;
};

/* One more answer in this second, if it has room. */
PL_INLINE u32 has_room(struct answers* answers, u32 second, u32 most) {
  if (answers->second != second) {
    answers->second = second;
    answers->count = 0;
  }
  if (answers->count >= most) return 0;
  ++answers->count;
  return 1;
}

PL_INLINE u32 may_answer(u8* slot, const struct pl_packet* header) {
  const u32* source = (const u32*)header->source;
  const u32 second = ktime_get_tai_ns() >> 30;
  u64 hash = source[0];
  if (header->version == 6) hash += (u64)source[1] + source[2] + source[3];
  hash = (hash ^ (hash >> 16)) * 0x9e3779b1u;
  hash = (hash >> 24) & (PL_REJECTS_EACH - 1);
  return has_room((struct answers*)(slot + PL_REJECTS_AT) + hash, second, pl_rejects_for_each()) &&
         has_room((struct answers*)(slot + PL_REJECTS_IN_ALL_AT), second, pl_rejects_in_all());
}

/* Does the address stand for one host? IPv4: neither "this network", multicast nor reserved (RFC 1122, 3.2.1.3). IPv6:
 * neither ::/96 but the loopback, nor IPv4's in disguise, nor multicast. */
PL_INLINE u32 is_host(const u8* address, u32 version) {
  const u64* words = (const u64*)address;
  if (version == 4) return address[0] != 0 && address[0] < 224;
  if (address[0] == 0xff) return 0;
  return words[0] != 0 || (*(const u32*)(address + 8) == 0 && *(const u32*)(address + 12) == swap32(1));
}
PL_INLINE u32 is_loopback(const u8* address, u32 version) {
  const u64* words = (const u64*)address;
  return version == 4 ? address[0] == 127 : words[0] == 0;
}

/* ICMP messages that ask or answer: an error about them is allowed. */
PL_INLINE u32 is_query(u32 version, u32 type) {
  if (version == 6) return type >= 128 && type != 137;
  return type == 0 || (type >= 8 && type <= 10) || (type >= 13 && type <= 18);
}

PL_INLINE u32 is_ip_type(u32 type) {
  return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
}

/* Nothing, or Ethernet with up to two tags, from one station. */
PL_INLINE u32 has_plain_link(u8* slot, const struct pl_packet* header) {
  const u32 network = header->network;
  const u8* frame = slot + PL_FRAME;
  if (pl_link_type() != LINK_ETHERNET) return network == 0;
  if ((frame[0] | frame[6]) & 1) return 0;
  /* One station to another; on the loopback interface both are 0. */
  if (*(const u32*)(frame + 6) == 0 && *(const u16*)(frame + 10) == 0) {
    if (*(const u32*)frame != 0 || *(const u16*)(frame + 4) != 0) return 0;
  } else if (*(const u32*)frame == *(const u32*)(frame + 6) && *(const u16*)(frame + 4) == *(const u16*)(frame + 10)) {
    return 0;
  }
  if (network == 14) return is_ip_type(be16(frame + 12));
  if (network == 18) return is_vlan(be16(frame + 12)) && is_ip_type(be16(frame + 16));
  return network == 22 && is_vlan(be16(frame + 12)) && is_vlan(be16(frame + 16)) && is_ip_type(be16(frame + 20));
}

/* Are the packet's checksums right, or left to the device? The whole packet is in the slot, as far as it has room. */
PL_INLINE u32 has_right_checksums(PL_CTX* ctx, u64 slot_offset, u32 partial) {
  u8* slot = slot_at(slot_offset);
  const struct place* place = &WORK(slot)->before;
  const struct sums* sums = &WORK(slot)->sums_before;
  const u32 offset = checksum_offset(place->flags, place->protocol);
  if (place->end > PL_FRAME_MAX) return 1; /* never from a wire */
  if (take_sums(ctx, slot_offset, 0) != 0) return 0;
  if (place->version == 4 && !is_right(sums->ip, sums->ip_field)) return 0;
  if (place->flags & PL_FRAGMENT) return 1; /* the sum is over what is not here */
  if (offset && !partial) {
    if (place->protocol == PROTOCOL_UDP && place->version == 4 && sums->field == 0) return 1;
    return is_right(sums->all, sums->field) || is_unfinished(place, sums);
  }
  /* A checksum of 0 is one that the device would compute, over what is not there any more. */
  if (has_sctp(place)) return sums->field != 0 && sums->field == sums->all;
  return 1;
}

PL_INLINE void put16(u8* at, u32 value) {
  *(u16*)at = swap16(value);
}
PL_INLINE void put32(u8* at, u32 value) {
  *(u32*)at = swap32(value);
}

/* The sum of the answer's addresses, which are those of the packet. */
PL_INLINE u64 address_sum(const struct pl_packet* header) {
  const u64* source = (const u64*)header->source;
  const u64* destination = (const u64*)header->destination;
  if (header->version == 4) return (u64) * (const u32*)source + *(const u32*)destination;
  return halves(source[0]) + halves(source[1]) + halves(destination[0]) + halves(destination[1]);
}

/* `length`: of what follows the IP header. */
PL_INLINE void write_ip(u8* ip, const struct pl_packet* header, u32 protocol, u32 length) {
  u32 i;
  u64 sum = 0;
  const u32 class = protocol == PROTOCOL_TCP ? 0 : 0xc0; /* RFC 1812, 4.3.2.5: as network control */
  if (header->version == 4) {
    ip[0] = 0x45;
    ip[1] = class;
    put16(ip + 2, length + 20);
    put16(ip + 4, 0);
    put16(ip + 6, 0x4000); /* don't fragment */
    ip[8] = REJECT_TTL;
    ip[9] = protocol;
    put16(ip + 10, 0);
    *(u32*)(ip + 12) = *(const u32*)header->destination;
    *(u32*)(ip + 16) = *(const u32*)header->source;
#pragma clang loop unroll(full)
    for (i = 0; i < 20; i += 4)
      sum += *(const u32*)(ip + i);
    *(u16*)(ip + 10) = ~fold(sum);
    return;
  }
  put32(ip, 0x60000000u | class << 20);
  put16(ip + 4, length);
  ip[6] = protocol;
  ip[7] = REJECT_TTL;
  *(u64*)(ip + 8) = *(const u64*)header->destination;
  *(u64*)(ip + 16) = *(const u64*)(header->destination + 8);
  *(u64*)(ip + 24) = *(const u64*)header->source;
  *(u64*)(ip + 32) = *(const u64*)(header->source + 8);
}

/* The RST's fields but the checksum, which is 0. */
PL_INLINE void write_reset(u8* tcp, const u8* segment, const struct pl_packet* header) {
  const u32 flags = segment[13];
  put16(tcp, header->destination_port);
  put16(tcp + 2, header->source_port);
  *(u64*)(tcp + 4) = 0;
  put32(tcp + 12, 0x50000000u);
  *(u32*)(tcp + 16) = 0;
  if (flags & TCP_ACK) {
    *(u32*)(tcp + 4) = *(const u32*)(segment + 8); /* <SEQ=SEG.ACK><CTL=RST> */
    tcp[13] = TCP_RST;
  } else { /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>; SYN and FIN count as a byte each */
    const u32 length = header->end - header->payload + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
    put32(tcp + 8, be32(segment + 4) + length);
    tcp[13] = TCP_RST | TCP_ACK;
  }
}

/* The answer's headers to the slot, with what they quote in the frame's place. Their bytes | those quoted << 16; 0:
 * nothing may be sent. */
PL_GLOBAL u64 compose_answer(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  struct workspace* work = WORK(slot);
  u8* ip = slot + REJECT_HEADERS;
  u8* icmp;
  u64 network, quoted, sum;
  u32 version, protocol, ip_length, answers_with, offset, partial, most, pseudo, result;

  /* The packet as it arrived, with all that is known of it. */
  if (find(ctx, slot_offset) != FOUND_IP) return 0;
  network = header->network;
  version = header->version;
  protocol = header->protocol;
  if ((header->flags & (PL_FRAGMENT | PL_FIRST_FRAGMENT)) == PL_FRAGMENT) return 0;
  if (!is_host(header->source, version) || !is_host(header->destination, version)) return 0;
  if (is_loopback(header->source, version) != is_loopback(header->destination, version)) return 0;
  if (!pl_rejects_for_others() && is_for_others(ctx)) return 0;
  if (!has_plain_link(slot, header)) return 0;
  if (protocol == PROTOCOL_TCP) {
    if (!(header->flags & PL_HAS_TRANSPORT) || frame_at(slot, header->transport)[13] & TCP_RST) return 0;
  } else if (protocol == (version == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)) {
    if (!(header->flags & PL_HAS_TRANSPORT) || !is_query(version, *frame_at(slot, header->transport))) return 0;
  }
  if (!may_answer(slot, header)) return 0;

  note_place(&work->before, header);
  offset = checksum_offset(header->flags, protocol);
  partial = offset ? is_partial(ctx, header->transport + offset) : 0;
  work->partial = 0;
  if (pull(ctx, slot_offset, header->end) != 0) return 0;
  if (!has_right_checksums(ctx, slot_offset, partial)) return 0;
  ip_length = version == 4 ? 20 : 40;
  /* The device writes where the old checksum is. */
  if (partial && header->transport != network + ip_length) return 0;

  if (protocol == PROTOCOL_TCP) {
    u8* tcp = ip + ip_length;
    write_ip(ip, header, PROTOCOL_TCP, 20);
    write_reset(tcp, frame_at(slot, header->transport), header);
    sum = address_sum(header) + swap16(PROTOCOL_TCP) + swap16(20);
    if (partial) {
      *(u16*)(tcp + 16) = fold(sum);
    } else {
      sum += *(const u32*)tcp + (u64) * (const u32*)(tcp + 4) + *(const u32*)(tcp + 8) + *(const u32*)(tcp + 12);
      *(u16*)(tcp + 16) = ~fold(sum);
    }
    return ip_length + 20;
  }

  answers_with = version == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
  most = (version == 4 ? REJECT_MOST_V4 : REJECT_MOST_V6) - ip_length - 8;
  quoted = header->end - network;
  if (quoted > most) quoted = most;
  write_ip(ip, header, answers_with, quoted + 8);
  icmp = ip + ip_length;
  put32(icmp, version == 4 ? 0x03030000u : 0x01040000u); /* destination unreachable, port unreachable */
  *(u32*)(icmp + 4) = 0;
  pseudo = version == 4 ? 0 : fold(address_sum(header) + swap16(PROTOCOL_ICMPV6) + swap16(quoted + 8));
  sum = pseudo + *(const u32*)icmp + sum_frame(slot_offset, network, network + quoted);
  result = ~fold(sum) & 0xffff;
  *(u16*)(icmp + 2) = result;
  /* What the device then adds up is nothing: it writes one of the two zeros there. */
  if (partial) *(u16*)(icmp + 6) = pseudo;
  return (ip_length + 8) | quoted << 16;
}

/* `length` bytes of the slot at `from` to `to` of the packet. */
PL_INLINE long store_from(PL_CTX* ctx, u8* slot, u64 to, u64 from, u64 length) {
  --length;
  opaque(length);
  if (length >= REJECT_MOST_V6) return -1;
  ++length;
  return packet_write(ctx, to, slot_byte(slot, from), length);
}

/* The packet is the answer, but for the link addresses. 0: done. */
PL_GLOBAL u64 become_answer(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  const struct pl_packet* header = header_of(slot);
  const u64 composed = compose_answer(ctx, slot_offset);
  const u64 headers = composed & 0xffff;
  const u64 quoted = composed >> 16;
  const u64 network = header->network;
  if (composed == 0) return 1;
  if (packet_resize(ctx, slot_offset, header->captured, network + headers + quoted) != 0) return 1;
  if (store_from(ctx, slot, network, REJECT_HEADERS, headers) != 0) return 1;
  if (quoted != 0 && store_from(ctx, slot, network + headers, PL_FRAME + network, quoted) != 0) return 1;
  return 0;
}

#endif
