/* What the reference filters share: where a packet's headers are, by direct packet access, for XDP and (with -DTC) tc.
 *
 * Written as a careful engineer writes a filter for a gateway: VLAN tags, PPPoE, SNAP, IPv4 options, IPv6 extension
 * headers and fragments are stepped over, and a packet whose headers lie about lengths is dropped, because receivers
 * disagree about what it says. The rules are those of src/packet/location.h, so that verdicts can be compared packet by
 * packet. Everything is inlined; offsets count from the frame's first byte.
 */
#ifndef REFERENCE_PACKET_H
#define REFERENCE_PACKET_H

/* clang-format off: libbpf's headers stand on the kernel's */
#include <linux/bpf.h>
/* clang-format on */
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stddef.h>

#ifdef TC
#include <linux/pkt_cls.h>
typedef struct __sk_buff context;
#define PASS TC_ACT_OK
#define DROP TC_ACT_SHOT
#define FILTER SEC("tc") int filter(context* ctx __attribute__((unused)))
#else
typedef struct xdp_md context;
#define PASS XDP_PASS
#define DROP XDP_DROP
#define FILTER SEC("xdp") int filter(context* ctx __attribute__((unused)))
#endif

#define unlikely(x) __builtin_expect(!!(x), 0)
#define inline_always static inline __attribute__((always_inline))

enum { TCP = 6, UDP = 17, ICMP = 1, ICMP6 = 58, SCTP = 132 };
enum found { NOT_IP, IP, MALFORMED };

struct packet {
  void *data, *data_end;
  __u32 limit; /* where the packet says, truthfully, that it ends */
  __u32 network, transport, payload;
  __u32 version, protocol;
  __u32 has_transport; /* a whole TCP, UDP... header: not so in later fragments */
  __u32 fragment;
  __u32 sport, dport;
};

struct pair {
  __be16 first, second;
};
struct ipv4_header {
  __u8 version_length, tos;
  __be16 length, id, fragment;
  __u8 ttl, protocol;
  __be16 checksum;
  __u8 source[4], destination[4];
};
struct ipv6_header {
  __be32 flow;
  __be16 length;
  __u8 next, hops;
  __u8 source[16], destination[16];
};
struct tcp_header {
  __be16 sport, dport;
  __be32 seq, ack;
  __u8 offset, flags;
  __be16 window, checksum, urgent;
};
struct udp_header {
  __be16 sport, dport, length, checksum;
};

/* `type *` to `offset`, or 0: the verifier's own question. Nothing that is looked at is further away than 16 KiB. The
 * barriers keep clang from dropping the mask, which shows the verifier so, and from making the pointer a second time
 * behind the question, as one of which the verifier knows nothing. */
#define FARTHEST 0x3fff
#define AT(p, offset, type)                            \
  ({                                                   \
    __u64 offset_ = (offset);                          \
    barrier_var(offset_);                              \
    type* at_ = (p)->data + (offset_ & FARTHEST);      \
    barrier_var(at_);                                  \
    (void*)(at_ + 1) > (p)->data_end ? (type*)0 : at_; \
  })

enum { MOST_TAGS = 8, MOST_EXTENSIONS = 16 };

inline_always enum found tcp(struct packet* p, __u32 at) {
  struct tcp_header* header = AT(p, at, struct tcp_header);
  if (!header || p->limit < at + sizeof(*header)) return MALFORMED;
  __u32 length = (header->offset >> 4) * 4;
  if (length < sizeof(*header) || p->limit < at + length) return MALFORMED;
  p->sport = bpf_ntohs(header->sport);
  p->dport = bpf_ntohs(header->dport);
  p->payload = at + length;
  p->has_transport = 1;
  return IP;
}

inline_always enum found udp(struct packet* p, __u32 at, __u32 more) {
  struct udp_header* header = AT(p, at, struct udp_header);
  if (!header || p->limit < at + sizeof(*header)) return MALFORMED;
  __u32 length = bpf_ntohs(header->length), room = p->limit - at;
  if (!(more && length > room)) {
    if (length < sizeof(*header) || length > room) return MALFORMED;
    p->limit = at + length;
  }
  p->sport = bpf_ntohs(header->sport);
  p->dport = bpf_ntohs(header->dport);
  p->payload = at + sizeof(*header);
  p->has_transport = 1;
  return IP;
}

inline_always enum found fixed(struct packet* p, __u32 at, __u32 length) {
  if (p->limit < at + length) return MALFORMED;
  p->payload = at + length;
  p->has_transport = 1;
  return IP;
}

inline_always enum found transport(struct packet* p, __u32 at, __u32 more) {
  p->transport = p->payload = at;
  if (p->protocol == TCP) return tcp(p, at);
  if (p->protocol == UDP) return udp(p, at, more);
  if (p->protocol == ICMP && p->version == 4) return fixed(p, at, 8);
  if (p->protocol == ICMP6 && p->version == 6)
    return fixed(p, at, p->limit < at + 8 && p->limit >= at + 4 ? p->limit - at : 8);
  if (p->protocol == SCTP) {
    struct pair* ports = AT(p, at, struct pair);
    if (ports && p->limit >= at + 4) {
      p->sport = bpf_ntohs(ports->first);
      p->dport = bpf_ntohs(ports->second);
    }
    return fixed(p, at, 12);
  }
  return IP;
}

/* Fragments that receivers would put together in different ways. */
inline_always int is_fragment_sound(struct packet* p, __u32 at, __u32 offset, __u32 more, __u32 before) {
  __u32 length = p->limit - at;
  if (more && (length == 0 || length % 8)) return 0;
  if (before + offset + length > 65535) return 0;
  return !(p->protocol == TCP && offset && offset < sizeof(struct tcp_header));
}

inline_always enum found ipv4(struct packet* p, __u32 at) {
  struct ipv4_header* ip = AT(p, at, struct ipv4_header);
  if (!ip || p->limit < at + sizeof(*ip) || ip->version_length >> 4 != 4) return MALFORMED;
  __u32 header = (ip->version_length & 15) * 4, total = bpf_ntohs(ip->length);
  p->version = 4;
  p->protocol = ip->protocol;
  if (!total && p->protocol == TCP) total = p->limit - at; /* what Linux writes when the device segments */
  if (header < sizeof(*ip) || total < header || total > p->limit - at) return MALFORMED;
  p->limit = at + total;
  p->transport = p->payload = at + header;
  __u32 fragment = bpf_ntohs(ip->fragment), more = fragment & 0x2000, offset = (fragment & 0x1fff) * 8;
  if (unlikely(more | offset)) {
    p->fragment = 1;
    if (!is_fragment_sound(p, at + header, offset, more, 0)) return MALFORMED;
    if (offset) return IP;
  }
  return transport(p, at + header, more);
}

inline_always int is_extension(__u32 protocol) {
  return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60 || protocol == 135 ||
         protocol == 139 || protocol == 140;
}

/* The rare parts are global functions: the verifier looks at them once, on their own. Inlined, their loops would
 * multiply all that follows. */
struct extension {
  __u8 next, length;
  __be16 fragment;
  __u32 rest;
};

enum { ENDS = 1, MORE = 2, IS_FRAGMENT = 4 };

/* Where IPv6 extension headers end: offset | protocol << 16 | flags << 24; 0: malformed. */
__attribute__((noinline)) __u32 extensions(context* ctx, __u32 at, __u32 limit, __u32 protocol) {
  struct packet p = {.data = (void*)(long)ctx->data, .data_end = (void*)(long)ctx->data_end, .limit = limit};
  __u32 start = at, flags = 0;
  for (int count = 0; count < MOST_EXTENSIONS; ++count) {
    if (at > FARTHEST) return 0;
    struct extension* extension = AT(&p, at, struct extension);
    if (!extension || limit < at + sizeof(*extension)) return 0;
    __u32 size = protocol == 44 ? 8 : protocol == 51 ? (extension->length + 2) * 4 : (extension->length + 1) * 8;
    if (size > limit - at) return 0;
    p.protocol = extension->next;
    if (protocol == 44) {
      __u32 field = bpf_ntohs(extension->fragment), offset = field & 0xfff8;
      if (flags || !is_fragment_sound(&p, at + 8, offset, field & 1, at - start)) return 0;
      flags = IS_FRAGMENT | (field & 1 ? MORE : 0) | (offset ? ENDS : 0);
    }
    at += size;
    protocol = p.protocol;
    if (flags & ENDS || !is_extension(protocol)) return at | protocol << 16 | flags << 24;
  }
  return 0;
}

inline_always enum found ipv6(context* ctx, struct packet* p, __u32 at) {
  struct ipv6_header* ip = AT(p, at, struct ipv6_header);
  if (!ip || p->limit < at + sizeof(*ip) || *(__u8*)ip >> 4 != 6) return MALFORMED;
  __u32 start = at + sizeof(*ip), length = bpf_ntohs(ip->length), flags = 0;
  p->version = 6;
  p->protocol = ip->next;
  if (length) {
    if (length > p->limit - start) return MALFORMED;
    p->limit = start + length;
  } else if (p->protocol == 0) {
    return MALFORMED; /* a jumbogram, on Ethernet? */
  } else if (p->protocol != TCP) {
    p->limit = start;
  }
  if (unlikely(is_extension(p->protocol))) {
    __u32 end = extensions(ctx, start, p->limit, p->protocol);
    if (!end) return MALFORMED;
    start = end & FARTHEST;
    p->protocol = end >> 16 & 0xff;
    flags = end >> 24;
    p->fragment = flags & IS_FRAGMENT;
    p->transport = p->payload = start;
    if (flags & ENDS) return IP;
  }
  return transport(p, start, flags & MORE);
}

/* What is neither IPv4 nor IPv6 right behind the Ethernet header. Returns where the network header is | 4 or 6 (0: not
 * IP)
 * << 16 | limit << 24 (0: it goes on to the frame's end); BAD_LINK: malformed. */
#define BAD_LINK ~0ull

__attribute__((noinline)) __u64 uncommon_link(context* ctx, __u32 length) {
  struct packet p = {.data = (void*)(long)ctx->data, .data_end = (void*)(long)ctx->data_end, .limit = length};
  __u32 at = 12;
  __be16* first = AT(&p, at, __be16);
  if (!first) return BAD_LINK;
  __u32 type = bpf_ntohs(*first);
  at += 2;
  for (int tags = 0; type == 0x8100 || type == 0x88a8 || type == 0x9100; ++tags) {
    struct pair* tag = AT(&p, at, struct pair);
    if (tags == MOST_TAGS || !tag) return BAD_LINK;
    type = bpf_ntohs(tag->second);
    at += sizeof(*tag);
  }
  if (type < 0x600) { /* 802.3: IP only behind LLC and SNAP (RFC 1042) */
    struct {
      __u8 llc[3], oui[3];
      __be16 type;
    }* snap = AT(&p, at, typeof(*snap));
    if (!snap || snap->llc[0] != 0xaa || snap->llc[1] != 0xaa || snap->llc[2] != 3) return 0;
    if (snap->oui[0] || snap->oui[1] || (snap->oui[2] && snap->oui[2] != 0xf8)) return 0;
    if (type < sizeof(*snap) || type > length - at) return BAD_LINK;
    length = at + type;
    type = bpf_ntohs(snap->type);
    at += sizeof(*snap);
  } else if (type == 0x8864) { /* RFC 2516; PPP's protocol field may be one byte */
    struct {
      __u8 version, code;
      __be16 session, length;
      __u8 protocol[2];
    }* pppoe = AT(&p, at, typeof(*pppoe));
    if (!pppoe || bpf_ntohs(pppoe->length) > length - at - 6) return BAD_LINK;
    length = at + 6 + bpf_ntohs(pppoe->length);
    __u32 protocol = pppoe->protocol[0];
    at += 7;
    if (!(protocol & 1)) {
      protocol = protocol << 8 | pppoe->protocol[1];
      ++at;
    }
    if (length < at) return BAD_LINK;
    type = protocol == 0x21 ? 0x0800 : protocol == 0x57 ? 0x86dd : 0;
  }
  return at | (type == 0x0800 ? 4 : type == 0x86dd ? 6 : 0) << 16 | (__u64)length << 24;
}

inline_always enum found locate(context* ctx, struct packet* p) {
  p->data = (void*)(long)ctx->data;
  p->data_end = (void*)(long)ctx->data_end;
#ifdef TC
  /* Direct access sees the linear part alone: have all in it that any of the filters looks at. */
  if (unlikely(p->data_end - p->data < ctx->len && p->data_end - p->data < 2048)) {
    bpf_skb_pull_data(ctx, ctx->len < 2048 ? ctx->len : 2048);
    p->data = (void*)(long)ctx->data;
    p->data_end = (void*)(long)ctx->data_end;
  }
  p->limit = ctx->len;
#else
  p->limit = p->data_end - p->data;
#endif
  __be16* type = p->data + 12;
  if ((void*)(type + 1) > p->data_end) return MALFORMED;
  __u32 at = 14, version = *type == bpf_htons(0x0800) ? 4 : *type == bpf_htons(0x86dd) ? 6 : 0;
  if (unlikely(!version)) {
    __u64 link = uncommon_link(ctx, p->limit);
    if (link == BAD_LINK) return MALFORMED;
    at = link & FARTHEST;
    version = link >> 16 & 0xff;
    p->limit = link >> 24;
  }
  p->network = at;
  if (version == 4) return ipv4(p, at);
  if (version == 6) return ipv6(ctx, p, at);
  return NOT_IP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#endif
