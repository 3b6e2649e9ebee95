/* The common packet: Ethernet with at most one VLAN tag, IPv4 without options or IPv6 without extension headers, its
 * headers in the part of the packet that programs see directly; or a protocol that is not IP. Located and copied
 * without a call. Whatever is not exactly like that, first fragments and malformed packets included, is left to
 * locate(): both give the same for what both can do.
 *
 * The locations are read from the packet, not from the copy just made: a load that spans two stores under way has to
 * wait for both.
 */
#ifndef PERILUNE_BPF_RUNTIME_FAST_H
#define PERILUNE_BPF_RUNTIME_FAST_H

#include "bpf/runtime/location.h"

/* Two neighbouring fields of the header in one store. */
#define SET_PAIR(header, first, a, b) (*(u64*)&(header)->first = (u32)(a) | ((u64)(b) << 32))

PL_INLINE void copy32(u8* to, const u8* from) {
  const u64 a = ((const u64*)from)[0], b = ((const u64*)from)[1], c = ((const u64*)from)[2], d = ((const u64*)from)[3];
  ((u64*)to)[0] = a;
  ((u64*)to)[1] = b;
  ((u64*)to)[2] = c;
  ((u64*)to)[3] = d;
}

/* The last 32 bytes, which begin at `mask`, 2^k - 1, at most. How many are copied then; 0: not done. */
PL_INLINE u32 copy_last(u8* frame, const u8* data, const u8* data_end, u64 mask) {
  u64 last = (u64)(data_end - data) - 32;
  opaque(last);
  last &= mask;
  if (data + last + 32 > data_end) return 0;
  copy32(frame + last, data + last);
  return last + 32;
}

/* Copies the first bytes: up to `payload`, or as many as can be had here; short packets as a whole where the filter may
 * look behind the headers. 0: not done. */
PL_INLINE u32 copy_headers(u8* slot, const u8* data, const u8* data_end, u32 payload, u32 flags) {
  struct pl_header* header = header_of(slot);
  u8* frame = slot + PL_FRAME;
  u32 end = 64;
  copy32(frame, data);
  if (likely(data + 64 <= data_end)) copy32(frame + 32, data + 32);
  if (data + 96 <= data_end) {
    const u32 is_short = pl_uses_payload() && data + 128 > data_end;
    if (payload > 64 || is_short) {
      copy32(frame + 64, data + 64);
      end = 96;
    }
    if (is_short) {
      end = copy_last(frame, data, data_end, 127);
      if (end == 0) return 0;
    }
  } else if (payload > 64 || data + 64 > data_end || pl_uses_payload()) {
    end = copy_last(frame, data, data_end, 63);
    if (end == 0) return 0;
  }
  SET_PAIR(header, copied, end, flags);
  return 1;
}

/* For locate(): what most packets have in their headers. */
PL_INLINE void copy_first(PL_CTX* ctx, u64 slot_offset, u8* slot, const u8* data, const u8* data_end) {
  if (data + 64 > data_end || !copy_headers(slot, data, data_end, 96, 0)) pull(ctx, slot_offset, 128);
}

/* IPv4 behind the first: what receivers would put together in one way only. */
PL_INLINE u32 is_sound_later_fragment(u32 offset, u32 more, u32 room, u32 protocol) {
  if (offset == 0 || (more && (room == 0 || room % 8 != 0)) || offset + room > IP_MAXIMUM) return 0;
  return protocol != PROTOCOL_TCP || offset >= 20;
}

/* `type` is the EtherType right in front of `network`, a constant. */
PL_INLINE u32 locate_behind(PL_CTX* ctx, u8* slot, const u8* data, const u8* data_end, u32 captured, u32 ifindex,
                            u32 mark, const u32 network, u32 type, u32 vlan, u32 vlan_tags) {
  struct pl_header* header = header_of(slot);
  const u8* ip = data + network;
  const u8* transport;
  u32 room, protocol, length, start;
  u32 flags = PL_HAS_FRAME | PL_HAS_TRANSPORT | PL_HAS_PORTS;
  u64 ports;

  SET_PAIR(header, vlan_tags, vlan_tags, MALFORMED_NONE);
  SET_PAIR(header, ifindex, ifindex, mark);
  SET_PAIR(header, fragment_offset, 0, LINK_ETHERNET);
  SET_PAIR(header, ethertype, type, vlan);
  if (ip + 40 > data_end) return 0;
  if (type == ETHERTYPE_IPV4) {
    const u32 fragment = be16(ip + 6);
    if (ip[0] != 0x45) return 0;
    room = be16(ip + 2);
    if (room > captured - network || room < 20) return 0;
    room -= 20;
    protocol = ip[9];
    start = network + 20;
    transport = ip + 20;
    *(u32*)header->source = *(const u32*)(ip + 12);
    *(u32*)header->destination = *(const u32*)(ip + 16);
    SET_PAIR(header, network, network, start);
    SET_PAIR(header, version, 4, protocol);
    SET_PAIR(header, captured, captured, captured);
    if (unlikely(fragment & 0x3fff)) {
      const u32 offset = (fragment & 0x1fff) * 8;
      if (!is_sound_later_fragment(offset, fragment & 0x2000, room, protocol)) return 0;
      SET_PAIR(header, payload, start, start + room);
      SET_PAIR(header, source_port, 0, 0);
      SET_PAIR(header, fragment_offset, offset, LINK_ETHERNET);
      flags = PL_HAS_FRAME | PL_FRAGMENT;
      length = 0;
      goto copy;
    }
  } else if (type == ETHERTYPE_IPV6) {
    if (ip + 60 > data_end) return 0;
    if (ip[0] >> 4 != 6) return 0;
    room = be16(ip + 4);
    if (room == 0 || room > captured - network - 40) return 0;
    protocol = ip[6];
    start = network + 40;
    transport = ip + 40;
    ((u64*)header->source)[0] = *(const u64*)(ip + 8);
    ((u64*)header->source)[1] = *(const u64*)(ip + 16);
    ((u64*)header->destination)[0] = *(const u64*)(ip + 24);
    ((u64*)header->destination)[1] = *(const u64*)(ip + 32);
    SET_PAIR(header, network, network, start);
    SET_PAIR(header, version, 6, protocol);
    SET_PAIR(header, captured, captured, captured);
  } else {
    if (type < 0x0600 || type == ETHERTYPE_PPPOE || is_vlan(type)) return 0;
    captured = packet_length(ctx, header); /* nothing says where the packet ends */
    if (captured > PL_FRAME_MAX) return 0;
    SET_PAIR(header, network, network, network);
    SET_PAIR(header, payload, network, captured);
    SET_PAIR(header, version, 0, 0);
    SET_PAIR(header, source_port, 0, 0);
    SET_PAIR(header, captured, captured, captured);
    flags = PL_HAS_FRAME;
    start = network;
    length = 0;
    goto copy;
  }

  if (protocol == PROTOCOL_TCP) {
    length = (transport[12] >> 4) * 4;
    if (length < 20 || length > room) return 0;
  } else if (protocol == PROTOCOL_UDP) {
    const u32 datagram = be16(transport + 4);
    length = 8;
    if (datagram < 8 || datagram > room) return 0;
    room = datagram;
  } else if (protocol == PROTOCOL_SCTP) {
    length = 12;
    if (room < 12) return 0;
  } else {
    flags = PL_HAS_FRAME;
    length = 0;
    if (start == network + 40 ? protocol == PROTOCOL_ICMPV6 : protocol == PROTOCOL_ICMP) {
      length = 8;
      flags |= PL_HAS_TRANSPORT;
      if (room < 8) return 0;
    } else if (start == network + 40 && is_extension(protocol)) {
      return 0;
    }
    SET_PAIR(header, payload, start + length, start + room);
    SET_PAIR(header, source_port, 0, 0);
    goto copy;
  }
  SET_PAIR(header, payload, start + length, start + room);
  ports = be32(transport);
  SET_PAIR(header, source_port, ports >> 16, ports & 0xffff);
copy:
  return copy_headers(slot, data, data_end, start + length, flags);
}

/* 1: all that begin() and locate() set is set, and the first bytes are copied. 0: nothing is promised. `vlan` and
 * `vlan_tags`: of a tag that the device took off. */
PL_INLINE u32 locate_fast(PL_CTX* ctx, u8* slot, const u8* data, const u8* data_end, u32 captured, u32 ifindex,
                          u32 mark, u32 vlan, u32 vlan_tags) {
  u32 type;
  if (pl_link_type() != LINK_ETHERNET) return 0;
  if (data + 18 > data_end) return 0;
  type = be16(data + 12);
  if (unlikely(type == 0x8100 && vlan_tags == 0))
    return locate_behind(ctx, slot, data, data_end, captured, ifindex, mark, 18, be16(data + 16), be16(data + 14), 1);
  return locate_behind(ctx, slot, data, data_end, captured, ifindex, mark, 14, type, vlan, vlan_tags);
}

#endif
