/* examples/tls-sni.lua by hand: blocks TLS connections by the server's name in the ClientHello, and tells user space. */
#include "names.h"

enum { MOST_PARTS = 64, SNI = 0, HOST_NAME = 0 };

static const struct name exact[] = { NAME("tracker.example.com") };
static const struct name below[] = { NAME(".ads.example.net") };
DEFINE_IS_NAME(is_exact, exact)
DEFINE_IS_NAME(is_below, below)

struct event {
  __u32 length;
  char name[252];
};
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} events SEC(".maps");

struct server_name {
  __be16 type, length, list;
  __u8 kind, name_length[2];
} __attribute__((packed));

/* Where the server's name is: offset << 16 | length; 0: there is none. Global: verified once. */
__attribute__((noinline)) __u64 find_name(context *ctx, __u32 hello, __u32 limit)
{
  struct packet p = {.data = (void *)(long)ctx->data, .data_end = (void *)(long)ctx->data_end};
  if (hello > FARTHEST || limit > FARTHEST) return 0;
  __u32 at = hello + 43;                      /* record 5, handshake 4, version 2, random 32: the session id */
  __u8 *session = AT(&p, at, __u8);
  if (!session || at + 1 > limit) return 0;
  at += 1 + *session;
  if (at > FARTHEST) return 0;
  __be16 *ciphers = AT(&p, at, __be16);
  if (!ciphers || at + 2 > limit) return 0;
  at += 2 + bpf_ntohs(*ciphers);
  if (at > FARTHEST) return 0;
  __u8 *compressions = AT(&p, at, __u8);
  if (!compressions || at + 1 > limit) return 0;
  at += 1 + *compressions + 2;
  for (int i = 0; i < MOST_PARTS; ++i) {
    if (at > FARTHEST) return 0;
    struct { __be16 type, length; } *header = AT(&p, at, typeof(*header));
    if (!header || at + sizeof(*header) > limit) return 0;
    if (header->type == bpf_htons(SNI)) {
      struct server_name *name = AT(&p, at, struct server_name);
      if (name && at + sizeof(*name) <= limit && name->kind == HOST_NAME) {
        __u32 length = name->name_length[0] << 8 | name->name_length[1];
        return at + sizeof(*name) + length > limit ? 0 : (__u64)(at + sizeof(*name)) << 16 | length;
      }
    }
    at += sizeof(*header) + bpf_ntohs(header->length);
  }
  return 0;
}

__attribute__((noinline)) int is_listed(context *ctx, __u32 at, __u32 length)
{
  if (at > FARTHEST || length > FARTHEST) return 0;
  for (__u32 i = 0; i < sizeof(exact) / sizeof(*exact); ++i)
    if (length == exact[i].length && is_exact(ctx, at, i)) return 1;
  for (__u32 i = 0; i < sizeof(below) / sizeof(*below); ++i)
    if (length >= below[i].length && is_below(ctx, at + length - below[i].length, i)) return 1;
  return 0;
}

__attribute__((noinline)) int report(context *ctx, __u32 at, __u32 length)
{
  struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) return 0;
  event->length = length < sizeof(event->name) ? length : sizeof(event->name);
  __u32 copied = event->length;
#ifdef TC
  if (copied - 1 < sizeof(event->name)) bpf_skb_load_bytes(ctx, at, event->name, copied);
#else
  if (copied - 1 < sizeof(event->name)) bpf_xdp_load_bytes(ctx, at, event->name, copied);
#endif
  bpf_ringbuf_submit(event, 0);
  return 1;
}

FILTER
{
  struct packet p = {};
  enum found found = locate(ctx, &p);
  if (found != IP) return found == MALFORMED ? DROP : PASS;
  if (p.protocol != TCP || p.dport != 443 || p.limit - p.payload < 6) return PASS;
  struct { __u8 type; __be16 version, length; __u8 handshake; } __attribute__((packed)) *record = AT(&p, p.payload, typeof(*record));
  if (!record || record->type != 22 || record->handshake != 1) return PASS;
  __u64 name = find_name(ctx, p.payload, p.limit);
  if (!name || !is_listed(ctx, name >> 16, name & 0xffff)) return PASS;
  report(ctx, name >> 16, name & 0xffff);
  return DROP;
}
