/* examples/mss-clamp.lua by hand: lowers the MSS option of TCP segments with SYN, the checksum with it (RFC 1624). */
#include "packet.h"

enum { SYN = 2, MOST_OPTIONS = 40, END = 0, PADDING = 1, MSS = 2 };

/* The sum of the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1): what stands in the field of a checksum that the device
 * shall finish, and has to stay there. `length`: of the TCP header and what it carries. */
inline_always __u32 pseudo_header(struct packet *p, __u32 network, __u32 version, __u32 length) {
  __u64 sum = bpf_htons(TCP) + bpf_htons(length);
  if (version == 4) {
    struct { __u32 source, destination; } *ip = AT(p, network + 12, typeof(*ip));
    if (!ip) return 0;
    sum += (__u64)ip->source + ip->destination;
  } else {
    struct { __u32 words[8]; } *ip = AT(p, network + 8, typeof(*ip));
    if (!ip) return 0;
    for (int i = 0; i < 8; ++i) sum += ip->words[i];
  }
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

/* Clamps the option in the rest of a TCP header, [header + 20, end). `place`: network header | version << 16 | the
 * packet's end << 32. Global: verified once. */
__attribute__((noinline)) int clamp(context *ctx, __u32 header, __u32 end, __u32 most, __u64 place)
{
  struct packet p = {.data = (void *)(long)ctx->data, .data_end = (void *)(long)ctx->data_end};
  __u32 network = place & 0xffff, version = place >> 16 & 0xff, limit = place >> 32;
  if (header > FARTHEST || end > FARTHEST || network > FARTHEST) return 0;
  __u32 at = header + sizeof(struct tcp_header);
  for (int i = 0; i < MOST_OPTIONS; ++i) {
    if (at >= end || at > FARTHEST) return 0;
    __u8 *kind = AT(&p, at, __u8);
    if (!kind || *kind == END) return 0;
    if (*kind == PADDING) {
      ++at;
      continue;
    }
    struct { __u8 kind, length; } *option = AT(&p, at, typeof(*option));
    if (!option || at + sizeof(*option) > end || option->length < 2) return 0;
    if (option->kind == MSS && option->length == 4 && at + 4 <= end) {
      struct { __u8 kind, length, mss[2]; } *value = AT(&p, at, typeof(*value));
      struct tcp_header *tcp = AT(&p, header, struct tcp_header);
      if (!value || !tcp) return 0;
      __u32 old = value->mss[0] << 8 | value->mss[1];
      if (old > most) {
        value->mss[0] = most >> 8;
        value->mss[1] = most;
        if (tcp->checksum == pseudo_header(&p, network, version, limit - header)) return 0;
        /* at an odd place the two bytes stand in two words of the sum, exchanged */
        __u32 was = old, is = most;
        if (at & 1) {
          was = (was >> 8 | was << 8) & 0xffff;
          is = (is >> 8 | is << 8) & 0xffff;
        }
        __u32 sum = (~bpf_ntohs(tcp->checksum) & 0xffff) + (~was & 0xffff) + is;
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        tcp->checksum = bpf_htons(~sum & 0xffff);
      }
    }
    at += option->length;
  }
  return 0;
}

FILTER
{
  struct packet p = {};
  enum found found = locate(ctx, &p);
  if (found != IP) return found == MALFORMED ? DROP : PASS;
  if (p.protocol != TCP || !p.has_transport) return PASS;
  struct tcp_header *tcp = AT(&p, p.transport, struct tcp_header);
  if (!tcp || !(tcp->flags & SYN)) return PASS;
  clamp(ctx, p.transport, p.payload, p.version == 4 ? 1452 : 1432,
        p.network | p.version << 16 | (__u64)p.limit << 32);
  return PASS;
}
