/* The common packet: Ethernet, IPv4 without options or IPv6 without extension headers, unfragmented, its headers in the
 * part of the packet that programs see directly; or a protocol that is not IP. Located and copied without a call.
 * Whatever is not exactly like that, malformed packets included, is left to locate(): both give the same for what both
 * can do.
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

/* What has a header behind IP of which more is known than where it begins, and is rare. */
PL_INLINE u32 is_uncommon(u32 version, u32 protocol) {
  return protocol == PROTOCOL_SCTP || (version == 6 && is_extension(protocol));
}

/* 1: all that begin() and locate() set is set, and the first bytes are copied. 0: nothing is promised. */
PL_INLINE u32 locate_fast(PL_CTX* ctx, u8* slot, const u8* data, const u8* data_end, u32 captured, u32 ifindex,
                          u32 mark) {
  struct pl_header* header = header_of(slot);
  u8* frame = slot + PL_FRAME;
  const u8* transport;
  u32 type, version, room, protocol, length, start, end;
  u32 flags = PL_HAS_FRAME | PL_HAS_TRANSPORT;
  u64 ports = 0;

  if (pl_link_type() != LINK_ETHERNET) return 0;
  if (data + 54 > data_end) return 0;
  type = *(const u16*)(data + 12);
  if (type == swap16(ETHERTYPE_IPV4)) {
    if (data[14] != 0x45) return 0;
    if (*(const u16*)(data + 20) & swap16(0x3fff)) return 0;
    room = be16(data + 16);
    if (room > captured - 14 || room < 20) return 0;
    room -= 20;
    version = 4;
    protocol = data[23];
    start = 34;
    transport = data + 34;
    *(u32*)header->source = *(const u32*)(data + 26);
    *(u32*)header->destination = *(const u32*)(data + 30);
    SET_PAIR(header, network, 14, 34);
    SET_PAIR(header, version, 4, protocol);
    SET_PAIR(header, ethertype, ETHERTYPE_IPV4, 0);
  } else if (type == swap16(ETHERTYPE_IPV6)) {
    if (data + 74 > data_end) return 0;
    if (data[14] >> 4 != 6) return 0;
    room = be16(data + 18);
    if (room == 0 || room > captured - 54) return 0;
    version = 6;
    protocol = data[20];
    start = 54;
    transport = data + 54;
    ((u64*)header->source)[0] = *(const u64*)(data + 22);
    ((u64*)header->source)[1] = *(const u64*)(data + 30);
    ((u64*)header->destination)[0] = *(const u64*)(data + 38);
    ((u64*)header->destination)[1] = *(const u64*)(data + 46);
    SET_PAIR(header, network, 14, 54);
    SET_PAIR(header, version, 6, protocol);
    SET_PAIR(header, ethertype, ETHERTYPE_IPV6, 0);
  } else {
    type = swap16(type);
    if (type < 0x0600 || type == ETHERTYPE_PPPOE || is_vlan(type)) return 0;
    version = 0;
    protocol = 0;
    captured = packet_length(ctx, header); /* nothing says where the packet ends */
    if (captured > PL_FRAME_MAX) return 0;
    room = captured - 14;
    start = 14;
    transport = data + 14;
    SET_PAIR(header, network, 14, 14);
    SET_PAIR(header, version, 0, 0);
    SET_PAIR(header, ethertype, type, 0);
  }
  end = start + room;
  if (version != 0 && protocol == PROTOCOL_TCP) {
    length = (transport[12] >> 4) * 4;
    if (length < 20 || length > room) return 0;
    ports = be32(transport);
    flags |= PL_HAS_PORTS;
  } else if (version != 0 && protocol == PROTOCOL_UDP) {
    const u32 datagram = be16(transport + 4);
    length = 8;
    if (datagram < 8 || datagram > room) return 0;
    end = start + datagram;
    ports = be32(transport);
    flags |= PL_HAS_PORTS;
  } else if ((version == 4 && protocol == PROTOCOL_ICMP) || (version == 6 && protocol == PROTOCOL_ICMPV6)) {
    length = 8;
    if (room < 8) return 0;
  } else {
    if (is_uncommon(version, protocol)) return 0;
    length = 0;
    flags = PL_HAS_FRAME;
  }
  SET_PAIR(header, payload, start + length, end);
  SET_PAIR(header, source_port, ports >> 16, ports & 0xffff);
  SET_PAIR(header, captured, captured, captured);
  SET_PAIR(header, vlan_tags, 0, MALFORMED_NONE);
  SET_PAIR(header, ifindex, ifindex, mark);
  SET_PAIR(header, fragment_offset, 0, LINK_ETHERNET);

  copy32(frame, data);
  length = start + length;
  end = 64;
  if (likely(data + 64 <= data_end)) copy32(frame + 32, data + 32);
  if (data + 96 <= data_end) {
    if (length > 64) {
      copy32(frame + 64, data + 64);
      end = 96;
    }
  } else if (length > 64 || data + 64 > data_end) { /* 54 to 95 bytes: the last 32 of them */
    u64 last = (u64)(data_end - data) - 32;
    opaque(last);
    last &= 63;
    if (data + last + 32 > data_end) return 0;
    copy32(frame + last, data + last);
    end = last + 32;
  }
  SET_PAIR(header, copied, end, flags);
  return 1;
}

#endif
