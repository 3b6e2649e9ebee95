/* The common packet: Ethernet with at most one VLAN tag, IPv4 without options or IPv6 without extension headers, its
 * headers in the part of the packet that programs see directly; or a protocol that is not IP. Located without a call,
 * and without a copy: many filters pass most packets for their ports alone, and copying 64 bytes takes as long as all
 * the rest. Whatever is not exactly like that, first fragments and malformed packets included, is left to locate():
 * both give the same for what both can do.
 */
#ifndef PERILUNE_BPF_RUNTIME_FAST_H
#define PERILUNE_BPF_RUNTIME_FAST_H

#include "bpf/runtime/entry.h"
#include "bpf/runtime/near.h"

/* Fields one by one: a load of the second half of a wider store waits for it on some processors. */
#define SET(header, field, value)                \
  do {                                           \
    if (READS(field)) (header)->field = (value); \
  } while (0)

/* IPv4 after the first: what receivers would put together in one way only. */
PL_INLINE u32 is_sound_later_fragment(u32 offset, u32 more, u32 room, u32 protocol) {
  if (offset == 0 || (more && (room == 0 || room % 8 != 0)) || offset + room > IP_MAXIMUM) return 0;
  return protocol != PROTOCOL_TCP || offset >= 20;
}

/* `type` is the EtherType right in front of `network`, a constant; `vlan` is that of `vlan_tags` tags. */
PL_INLINE u32 locate_behind(PL_CTX* ctx, u8* slot, const u8* data, const u8* data_end, u32 captured, const u32 network,
                            u32 type, u32 vlan, u32 vlan_tags) {
  struct pl_packet* header = header_of(slot);
  const u8* ip = data + network;
  const u8* transport;
  u32 room, protocol, length, start, said;
  u32 found = FOUND_IP;
  u32 flags = PL_HAS_FRAME | PL_HAS_TRANSPORT | PL_HAS_PORTS;
  u32 fragment_offset = 0;
  u32 ports;

  if (ip + 40 > data_end) return FOUND_NOTHING;
  if (type == ETHERTYPE_IPV4) {
    const u32 fragment = be16(ip + 6);
    if (ip[0] != 0x45) return FOUND_NOTHING;
    room = be16(ip + 2);
    if (room > captured - network || room < 20) return FOUND_NOTHING;
    said = room;
    room -= 20;
    protocol = ip[9];
    start = network + 20;
    transport = ip + 20;
    if (READS(source)) *(u32*)header->source = *(const u32*)(ip + 12);
    if (READS(destination)) *(u32*)header->destination = *(const u32*)(ip + 16);
    SET(header, network, network);
    SET(header, transport, start);
    SET(header, version, 4);
    SET(header, protocol, protocol);
    if (unlikely(fragment & 0x3fff)) {
      fragment_offset = (fragment & 0x1fff) * 8;
      if (!is_sound_later_fragment(fragment_offset, fragment & 0x2000, room, protocol)) return FOUND_NOTHING;
      SET(header, payload, start);
      SET(header, end, start + room);
      SET(header, source_port, 0);
      SET(header, destination_port, 0);
      flags = PL_HAS_FRAME | PL_FRAGMENT;
      length = 0;
      goto rest;
    }
  } else if (type == ETHERTYPE_IPV6) {
    if (ip + 60 > data_end) return FOUND_NOTHING;
    if (ip[0] >> 4 != 6) return FOUND_NOTHING;
    room = be16(ip + 4);
    if (room == 0 || room > captured - network - 40) return FOUND_NOTHING;
    said = room + 40;
    protocol = ip[6];
    start = network + 40;
    transport = ip + 40;
    if (READS(source)) {
      ((u64*)header->source)[0] = *(const u64*)(ip + 8);
      ((u64*)header->source)[1] = *(const u64*)(ip + 16);
    }
    if (READS(destination)) {
      ((u64*)header->destination)[0] = *(const u64*)(ip + 24);
      ((u64*)header->destination)[1] = *(const u64*)(ip + 32);
    }
    SET(header, network, network);
    SET(header, transport, start);
    SET(header, version, 6);
    SET(header, protocol, protocol);
  } else {
    if (type < 0x0600 || type == ETHERTYPE_PPPOE || is_vlan(type)) return FOUND_NOTHING;
    if (pl_on_not_ip() != PL_NO_OPINION) return FOUND_NOT_IP; /* nothing asks for more */
    if (is_arp(type)) return FOUND_NOTHING;
    found = FOUND_NOT_IP;
    captured = packet_length(ctx); /* nothing says where the packet ends */
    if (captured > PL_FRAME_MAX) return FOUND_NOTHING;
    said = captured - network;
    SET(header, network, network);
    SET(header, transport, network);
    SET(header, payload, network);
    SET(header, end, captured);
    SET(header, version, 0);
    SET(header, protocol, 0);
    SET(header, source_port, 0);
    SET(header, destination_port, 0);
    flags = PL_HAS_FRAME;
    start = network;
    length = 0;
    goto rest;
  }

  if (protocol == PROTOCOL_TCP) {
    length = (transport[12] >> 4) * 4;
    if (length < 20 || length > room) return FOUND_NOTHING;
  } else if (protocol == PROTOCOL_UDP) {
    const u32 datagram = be16(transport + 4);
    length = 8;
    if (datagram < 8 || datagram > room) return FOUND_NOTHING;
    room = datagram;
  } else if (protocol == PROTOCOL_SCTP) {
    length = 12;
    if (room < 12) return FOUND_NOTHING;
  } else {
    flags = PL_HAS_FRAME;
    length = 0;
    if (start == network + 40 ? protocol == PROTOCOL_ICMPV6 : protocol == PROTOCOL_ICMP) {
      length = 8;
      flags |= PL_HAS_TRANSPORT;
      if (room < 8) return FOUND_NOTHING;
    } else if (start == network + 40 && is_extension(protocol)) {
      return FOUND_NOTHING;
    }
    SET(header, payload, start + length);
    SET(header, end, start + room);
    SET(header, source_port, 0);
    SET(header, destination_port, 0);
    goto rest;
  }
  SET(header, payload, start + length);
  SET(header, end, start + room);
  ports = *(const u32*)transport;
  SET(header, source_port, swap16(ports));
  SET(header, destination_port, swap16(ports >> 16));
rest:
  SET(header, copied, 0);
  SET(header, flags, flags);
  SET(header, captured, captured);
  SET(header, length, said);
  SET(header, ethertype, type);
  SET(header, vlan, vlan);
  SET(header, vlan_tags, vlan_tags);
  SET(header, ifindex, packet_ifindex(ctx));
  SET(header, mark, packet_mark(ctx));
  SET(header, fragment_offset, fragment_offset);
  return found;
}

/* What find() would set, as far as the filter reads it, and nothing copied. FOUND_NOTHING: nothing is promised. */
PL_INLINE u32 locate_fast(PL_CTX* ctx, u8* slot, const u8* data, const u8* data_end, u32 captured) {
  u32 type;
  if (pl_link_type() != LINK_ETHERNET) return FOUND_NOTHING;
  if (data + 18 > data_end) return FOUND_NOTHING;
  type = be16(data + 12);
  if (unlikely(type == 0x8100 && packet_tag_count(ctx) == 0))
    return locate_behind(ctx, slot, data, data_end, captured, 18, be16(data + 16), be16(data + 14), 1);
  return locate_behind(ctx, slot, data, data_end, captured, 14, type, READS(vlan) ? packet_tag(ctx) : 0,
                       READS(vlan_tags) ? packet_tag_count(ctx) : 0);
}

/* What locate_fast() leaves. */
PL_GLOBAL u64 find_uncommon(PL_CTX* ctx, u64 slot_offset) {
  return find(ctx, slot_offset);
}

#endif
