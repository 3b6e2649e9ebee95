/* packet::locate() once more (src/packet/location.cpp, link_layer.cpp: the reasons are given there), in C that the
 * verifier follows, on the slot's copy of the frame. Same results, field by field; tests compare them.
 *
 * Simpler in one respect: at a live hook every byte of the frame is there, so nothing is ever `truncated`.
 * Shaped by the verifier in another: what is carried from one header to the next goes through the slot's memory
 * (struct locator) and comes back as an unknown number. Kept in registers, every way to reach a header would be
 * followed anew from there on.
 *
 * Of the hook, besides what pull.h needs: u32 packet_tag_count(PL_CTX*), packet_tag(PL_CTX*), of tags beside the frame:
 * how many, the TCI.
 */
#ifndef PERILUNE_BPF_RUNTIME_LOCATION_H
#define PERILUNE_BPF_RUNTIME_LOCATION_H

#include "bpf/runtime/pull.h"

/* packet::Malformed */
enum {
  MALFORMED_NONE,
  MALFORMED_LINK_HEADER,
  MALFORMED_IP_VERSION,
  MALFORMED_IP_HEADER,
  MALFORMED_IP_LENGTH,
  MALFORMED_EXTENSION_HEADER,
  MALFORMED_EXTENSION_CHAIN,
  MALFORMED_FRAGMENT,
  MALFORMED_TCP_HEADER,
  MALFORMED_UDP_HEADER,
  MALFORMED_UDP_LENGTH,
  MALFORMED_ICMP_HEADER,
  MALFORMED_SCTP_HEADER,
};

enum {
  PROTOCOL_HOP_BY_HOP = 0,
  PROTOCOL_ICMP = 1,
  PROTOCOL_TCP = 6,
  PROTOCOL_UDP = 17,
  PROTOCOL_ROUTING = 43,
  PROTOCOL_FRAGMENT = 44,
  PROTOCOL_AH = 51,
  PROTOCOL_ICMPV6 = 58,
  PROTOCOL_DESTINATION = 60,
  PROTOCOL_SCTP = 132,
  PROTOCOL_MOBILITY = 135,
  PROTOCOL_HIP = 139,
  PROTOCOL_SHIM6 = 140,
};

enum {
  ETHERTYPE_IPV4 = 0x0800,
  ETHERTYPE_IPV6 = 0x86dd,
  ETHERTYPE_PPPOE = 0x8864,
  ETHERTYPE_ARP = 0x0806,
  ETHERTYPE_RARP = 0x8035
};
enum { LINK_ETHERNET = 1, LINK_RAW = 101 };
enum { NETWORK_NOT_IP, NETWORK_IPV4, NETWORK_IPV6, NETWORK_BY_NIBBLE };

#define MAX_LINK_TAGS 8
#define MAX_EXTENSION_HEADERS 16
#define IP_MAXIMUM 65535
#define MAX_JUMBO_OPTIONS 2048

/* At PL_SCRATCH, which is free before the filter is called. */
struct locator {
  u32 limit;   /* where the packet ends, as far as checked */
  u32 network; /* after the link header */
  u32 offset;  /* the header under examination */
  u32 type;    /* EtherType or 802.3 length */
  u32 may_be_length;
  u32 in_802_3;
  u32 more; /* a fragment that is not the last */
  u32 jumbo;
  u32 option; /* of the hop-by-hop options: the next one, and their end */
  u32 options_end;
  u32 link_length; /* packet::Location::link_length */
};
#define LOCATOR(slot) ((volatile struct locator*)((slot) + PL_SCRATCH))

PL_INLINE u32 is_vlan(u32 type) {
  return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

PL_INLINE u32 is_arp(u32 type) {
  return type == ETHERTYPE_ARP || type == ETHERTYPE_RARP;
}

/* AA AA 03, organisation 00 00 00 or 00 00 f8. */
PL_INLINE u32 is_snap(const u8* p) {
  const u32 organisation = ((u32)p[3] << 16) | ((u32)p[4] << 8) | p[5];
  return p[0] == 0xaa && p[1] == 0xaa && p[2] == 0x03 && (organisation == 0 || organisation == 0xf8);
}

PL_INLINE u32 link_failed(struct pl_packet* header) {
  header->malformed = MALFORMED_LINK_HEADER;
  return NETWORK_NOT_IP;
}

/* RFC 2516 and RFC 1661. */
PL_INLINE u32 pppoe(PL_CTX* ctx, u64 slot_offset, u8* slot) {
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  u32 network = s->network;
  u32 length, protocol;
  if (s->in_802_3) return NETWORK_NOT_IP; /* no protocol that is known */
  if (network + 6 > s->limit) return link_failed(header);
  want(ctx, slot_offset, header, network + 8);
  length = be16(frame_at(slot, network) + 4);
  if (length > s->limit - network - 6) return link_failed(header);
  s->link_length = network + 4;
  network += 6;
  s->network = network;
  s->limit = network + length;
  if (length < 1) return link_failed(header);
  protocol = *frame_at(slot, network);
  if (protocol & 1) { /* compressed */
    s->network = network + 1;
  } else {
    if (length < 2) return link_failed(header);
    protocol = be16(frame_at(slot, network));
    s->network = network + 2;
  }
  if (protocol == 0x0021) return NETWORK_IPV4;
  if (protocol == 0x0057) return NETWORK_IPV6;
  return NETWORK_NOT_IP;
}

PL_INLINE void arp(PL_CTX* ctx, u64 slot_offset, u8* slot) {
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  const u32 network = s->network;
  const u32 room = s->limit - network;
  u32 length;
  want(ctx, slot_offset, header, network + 8);
  if (header->captured < network + 8) return;
  length = 8 + 2 * (frame_at(slot, network)[4] + frame_at(slot, network)[5]);
  if (length <= room) s->limit = network + length;
}

/* The frame from byte s->network on, announced by s->type: VLAN tags, then what is after them. Two calls at most:
 * SNAP leads to a second EtherType. */
PL_GLOBAL u64 link_content(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  u32 type, network, length, room, i;

#pragma clang loop unroll(disable)
  for (i = 0; i <= MAX_LINK_TAGS; ++i) {
    if (!is_vlan(s->type)) break;
    header->ethertype = s->type;
    network = s->network;
    if (header->vlan_tags >= MAX_LINK_TAGS || network + 4 > s->limit) return link_failed(header);
    want(ctx, slot_offset, header, network + 4);
    if (header->vlan_tags == 0) header->vlan = be16(frame_at(slot, network));
    ++header->vlan_tags;
    s->type = be16(frame_at(slot, network) + 2);
    s->network = network + 4;
  }
  type = s->type;
  network = s->network;
  if (type >= 0x0600 || !s->may_be_length) {
    header->ethertype = type;
    if (type == ETHERTYPE_IPV4) return NETWORK_IPV4;
    if (type == ETHERTYPE_IPV6) return NETWORK_IPV6;
    if (type == ETHERTYPE_PPPOE) return pppoe(ctx, slot_offset, slot);
    if (is_arp(type)) arp(ctx, slot_offset, slot);
    return NETWORK_NOT_IP;
  }

  /* IEEE 802.3: the number is a length. */
  length = type;
  room = s->limit - network;
  if (room >= 8) {
    want(ctx, slot_offset, header, network + 8);
    if ((length < 8 || length > room) && is_snap(frame_at(slot, network))) return link_failed(header);
  }
  if (length <= room) s->limit = network + length;
  if (room < 8 || length < 8 || length > room) return NETWORK_NOT_IP;
  s->in_802_3 = 1;
  s->link_length = network - 2;
  if (!is_snap(frame_at(slot, network))) return NETWORK_NOT_IP;
  s->type = be16(frame_at(slot, network) + 6);
  s->may_be_length = 0;
  s->network = network + 8;
  return NETWORK_BY_NIBBLE + 1; /* once more */
}

PL_INLINE u64 link_layer(PL_CTX* ctx, u64 slot_offset, u8* slot) {
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  u64 kind;
  if (pl_link_type() != LINK_ETHERNET) return NETWORK_BY_NIBBLE;
  if (s->limit < 14) return link_failed(header);
  want(ctx, slot_offset, header, 14);
  s->type = be16(frame_at(slot, 12));
  s->may_be_length = 1;
  s->network = 14;
  kind = link_content(ctx, slot_offset);
  if (kind == NETWORK_BY_NIBBLE + 1) kind = link_content(ctx, slot_offset);
  return kind;
}

PL_INLINE void headers_end(struct pl_packet* header, u32 offset, u32 limit) {
  header->transport = offset;
  header->payload = offset;
  header->end = limit;
}

/* Notes a fragment whose data begin at `data`; `before` is what a reassembled packet has in front of them. */
PL_INLINE u32 is_fragment_sound(u8* slot, u32 data, u32 offset, u32 more, u32 before) {
  struct pl_packet* header = header_of(slot);
  const u32 length = LOCATOR(slot)->limit - data;
  header->flags |= PL_FRAGMENT | (offset == 0 ? PL_FIRST_FRAGMENT : 0);
  header->fragment_offset = offset;
  LOCATOR(slot)->more = more;
  if (more && (length == 0 || length % 8 != 0)) return 0;
  if (before + offset + length > IP_MAXIMUM) return 0;
  return !(header->protocol == PROTOCOL_TCP && offset != 0 && offset < 20);
}

/* Results of the steps below. */
enum { STOP, GO_ON };

PL_INLINE u32 failed(struct pl_packet* header, u32 reason) {
  header->malformed = reason;
  return STOP;
}

PL_INLINE u32 ipv4(PL_CTX* ctx, u64 slot_offset, u8* slot) {
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  const u32 network = s->network;
  const u32 room = s->limit - network;
  u32 header_length, total, transport, fragment, offset;
  const u8* ip;
  if (room < 20) return failed(header, MALFORMED_IP_HEADER);
  want(ctx, slot_offset, header, network + 20);
  ip = frame_at(slot, network);
  header_length = (ip[0] & 15) * 4;
  if (header_length < 20 || header_length > room) return failed(header, MALFORMED_IP_HEADER);
  header->version = 4;
  header->protocol = ip[9];
  *(u32*)header->source = *(const u32*)(ip + 12);
  *(u32*)header->destination = *(const u32*)(ip + 16);
  total = be16(ip + 2);
  if (total != 0) {
    if (total < header_length || total > room) return failed(header, MALFORMED_IP_LENGTH);
    s->limit = network + total;
  } else if (header->protocol != PROTOCOL_TCP && room <= IP_MAXIMUM) {
    return failed(header, MALFORMED_IP_LENGTH);
  }
  transport = network + header_length;
  headers_end(header, transport, s->limit);
  s->offset = transport;
  fragment = be16(ip + 6);
  if ((fragment & 0x3fff) == 0) return GO_ON;
  offset = (fragment & 0x1fff) * 8;
  if (!is_fragment_sound(slot, transport, offset, fragment & 0x2000, 0)) return failed(header, MALFORMED_FRAGMENT);
  return offset == 0 ? GO_ON : STOP;
}

PL_INLINE u32 extension_length(u32 type, const u8* p) {
  if (type == PROTOCOL_FRAGMENT) return 8;
  if (type == PROTOCOL_AH) return (p[1] + 2) * 4;
  return (p[1] + 1) * 8;
}

PL_INLINE u32 is_extension(u32 type) {
  switch (type) {
    case PROTOCOL_HOP_BY_HOP:
    case PROTOCOL_ROUTING:
    case PROTOCOL_DESTINATION:
    case PROTOCOL_MOBILITY:
    case PROTOCOL_HIP:
    case PROTOCOL_SHIM6:
    case PROTOCOL_FRAGMENT:
    case PROTOCOL_AH:
      return 1;
    default:
      return 0;
  }
}

/* One option of the hop-by-hop header; 1 ends the search. */
static long jumbo_option(u32 iteration, void* slot_offset) {
  u8* slot = slot_at(*(u64*)slot_offset);
  volatile struct locator* s = LOCATOR(slot);
  const u32 option = s->option;
  const u32 end = s->options_end;
  u32 length, jumbo;
  if (option >= end) return 1;
  if (*frame_at(slot, option) == 0) { /* Pad1 is a byte without a length */
    s->option = option + 1;
    return 0;
  }
  if (option + 2 > end) return 1;
  length = frame_at(slot, option)[1];
  if (*frame_at(slot, option) == 0xc2 && length == 4 && option + 6 <= end) {
    jumbo = be32(frame_at(slot, option) + 2);
    if (jumbo > IP_MAXIMUM && jumbo <= s->limit - s->offset) {
      s->limit = s->offset + jumbo;
      s->jumbo = 1;
    }
    return 1;
  }
  s->option = option + 2 + length;
  return 0;
}

/* RFC 2675: a payload length of zero before hop-by-hop options that have the jumbo payload option. */
PL_GLOBAL u64 jumbogram(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  const u32 options = s->offset;
  const u32 room = s->limit - options;
  u32 length;
  u64 argument = slot_offset;
  if (room < 8) return failed(header, MALFORMED_EXTENSION_HEADER);
  want(ctx, slot_offset, header, options + 8);
  length = extension_length(PROTOCOL_HOP_BY_HOP, frame_at(slot, options));
  if (length > room) return failed(header, MALFORMED_EXTENSION_HEADER);
  if (room <= IP_MAXIMUM) return failed(header, MALFORMED_IP_LENGTH); /* no valid option can be in there */
  want(ctx, slot_offset, header, options + length);
  s->option = options + 2;
  s->options_end = options + length;
  loop(MAX_JUMBO_OPTIONS, jumbo_option, &argument, 0);
  return s->jumbo ? GO_ON : failed(header, MALFORMED_IP_LENGTH);
}

/* One extension header, at s->offset. GO_ON: s->offset is after it. */
PL_GLOBAL u64 extension(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  const u32 offset = s->offset;
  const u32 room = s->limit - offset;
  const u32 type = header->protocol;
  u32 length, field, fragment_offset, before, nested, sound;
  if (room < 8) {
    header->payload = header->end;
    return failed(header, MALFORMED_EXTENSION_HEADER);
  }
  want(ctx, slot_offset, header, offset + 8);
  length = extension_length(type, frame_at(slot, offset));
  if (length > room) return failed(header, MALFORMED_EXTENSION_HEADER);
  header->protocol = *frame_at(slot, offset);
  headers_end(header, offset + length, s->limit);
  s->offset = offset + length;
  if (type != PROTOCOL_FRAGMENT) return GO_ON;

  field = be16(frame_at(slot, offset) + 2);
  fragment_offset = field & 0xfff8;
  before = offset - s->network - 40;
  nested = header->flags & PL_FRAGMENT;
  sound = is_fragment_sound(slot, offset + 8, fragment_offset, field & 1, before);
  if (!sound || nested || s->jumbo) return failed(header, MALFORMED_FRAGMENT);
  return fragment_offset == 0 ? GO_ON : STOP;
}

PL_INLINE u32 ipv6(PL_CTX* ctx, u64 slot_offset, u8* slot) {
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  const u32 network = s->network;
  const u32 start = network + 40;
  const u8* ip;
  u32 length, i;
  if (s->limit - network < 40) return failed(header, MALFORMED_IP_HEADER);
  want(ctx, slot_offset, header, start);
  ip = frame_at(slot, network);
  header->version = 6;
  header->protocol = ip[6];
  ((u64*)header->source)[0] = *(const u64*)(ip + 8);
  ((u64*)header->source)[1] = *(const u64*)(ip + 16);
  ((u64*)header->destination)[0] = *(const u64*)(ip + 24);
  ((u64*)header->destination)[1] = *(const u64*)(ip + 32);
  s->offset = start;
  length = be16(ip + 4);
  if (length != 0) {
    if (length > s->limit - start) return failed(header, MALFORMED_IP_LENGTH);
    s->limit = start + length;
  } else if (header->protocol == PROTOCOL_HOP_BY_HOP) {
    headers_end(header, start, s->limit);
    if (jumbogram(ctx, slot_offset) == STOP) return STOP;
  } else if (header->protocol != PROTOCOL_TCP && s->limit - start <= IP_MAXIMUM) {
    s->limit = start;
  }
  headers_end(header, start, s->limit);
#pragma clang loop unroll(disable)
  for (i = 0; i < MAX_EXTENSION_HEADERS; ++i) {
    if (!is_extension(header->protocol)) return GO_ON;
    if (extension(ctx, slot_offset) == STOP) return STOP;
  }
  if (is_extension(header->protocol)) return failed(header, MALFORMED_EXTENSION_CHAIN);
  return GO_ON;
}

PL_INLINE u32 is_too_long_to_say(u32 length, u32 room) {
  return room > IP_MAXIMUM && (length == 0 || length == (room & IP_MAXIMUM));
}

/* The transport header at s->offset. */
PL_GLOBAL u64 transport_header(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  const u32 offset = s->offset;
  const u32 room = s->limit - offset;
  const u32 type = header->protocol;
  u32 needed, length, reason;
  const u8* p;

  if (type == PROTOCOL_TCP) {
    needed = 20;
    reason = MALFORMED_TCP_HEADER;
  } else if (type == PROTOCOL_UDP) {
    needed = 8;
    reason = MALFORMED_UDP_HEADER;
  } else if (type == PROTOCOL_SCTP) {
    needed = 12;
    reason = MALFORMED_SCTP_HEADER;
  } else if (type == PROTOCOL_ICMP && header->version == 4) {
    needed = 8;
    reason = MALFORMED_ICMP_HEADER;
  } else if (type == PROTOCOL_ICMPV6 && header->version == 6) {
    needed = room < 4 ? 4 : room > 8 ? 8 : room;
    reason = MALFORMED_ICMP_HEADER;
  } else {
    return STOP;
  }
  header->payload = header->end;
  want(ctx, slot_offset, header, offset + (room < 20 ? room : 20));
  p = frame_at(slot, offset);
  if (room >= 4 && type != PROTOCOL_ICMP && type != PROTOCOL_ICMPV6) {
    header->source_port = be16(p);
    header->destination_port = be16(p + 2);
    header->flags |= PL_HAS_PORTS;
  }
  if (room < needed) return failed(header, reason);
  if (type == PROTOCOL_TCP) {
    needed = (p[12] >> 4) * 4;
    if (needed < 20 || needed > room) return failed(header, reason);
  } else if (type == PROTOCOL_UDP) {
    length = be16(p + 4);
    /* In a fragment the length is that of the whole datagram, whose other parts are elsewhere. */
    if (!(length == 0 && s->jumbo) && !is_too_long_to_say(length, room) && !(s->more && length > room)) {
      if (length < 8 || length > room) return failed(header, MALFORMED_UDP_LENGTH);
      header->end = offset + length;
    }
  }
  header->flags |= PL_HAS_TRANSPORT;
  header->payload = offset + needed;
  return GO_ON;
}

/* Fills the header's fields that describe the packet, from the frame. Before: captured, copied; vlan and vlan_tags of
 * a tag that the device took off (0: none). The result is header->malformed. */
PL_GLOBAL u64 locate(PL_CTX* ctx, u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  volatile struct locator* s = LOCATOR(slot);
  u64 kind;
  u32 network, nibble, step;
  header->flags = pl_link_type() == LINK_ETHERNET ? PL_HAS_FRAME : 0;
  header->version = 0;
  header->protocol = 0;
  header->source_port = 0;
  header->destination_port = 0;
  header->ethertype = 0;
  header->vlan = packet_tag(ctx);
  header->vlan_tags = packet_tag_count(ctx);
  header->malformed = MALFORMED_NONE;
  header->fragment_offset = 0;
  s->limit = header->captured;
  s->network = 0;
  s->in_802_3 = 0;
  s->link_length = 0;
  s->more = 0;
  s->jumbo = 0;

  kind = link_layer(ctx, slot_offset, slot);
  network = s->network;
  header->network = network;
  headers_end(header, network, s->limit);
  if (kind == NETWORK_NOT_IP) return header->malformed;
  if (s->limit == network) return header->malformed = MALFORMED_IP_HEADER;
  want(ctx, slot_offset, header, network + 1);
  nibble = *frame_at(slot, network) >> 4;
  if (nibble == 4 && kind != NETWORK_IPV6) {
    step = ipv4(ctx, slot_offset, slot);
  } else if (nibble == 6 && kind != NETWORK_IPV4) {
    step = ipv6(ctx, slot_offset, slot);
  } else {
    return header->malformed = MALFORMED_IP_VERSION;
  }
  if (step == GO_ON) transport_header(ctx, slot_offset);
  return header->malformed;
}

#endif
