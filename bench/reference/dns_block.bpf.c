/* examples/dns-block.lua by hand: blocks questions about names of a list and everything below them.
 *
 * The list is compiled in. Of each name in a packet the end is found first; a domain above it can only be one of the
 * list when it is as long, so bytes are hardly ever compared.
 */
#include "names.h"

enum { HEADER = 12, MOST = 255, MOST_LABELS = 128 };

static const struct name blocked[] = { NAME("\3ads\7example\3net"), NAME("\11telemetry\7example\3org") };
DEFINE_IS_NAME(is_name, blocked)

/* How long the name in [at, at + length) is, without its zero; 0: it is cut, or the root's. Global: verified once. */
__attribute__((noinline)) __u32 name_length(context *ctx, __u32 at, __u32 length)
{
  void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
  __u32 i = 0;
  if (at > FARTHEST) return 0;
  for (__u32 label = 0; label < MOST_LABELS; ++label) {
    __u8 *size = data + at + i;
    if (i >= length || i >= MOST || size + 1 > (__u8 *)data_end) return 0;
    if (!*size) return i;
    i += 1 + *size;
  }
  return 0;
}

__attribute__((noinline)) int is_listed(context *ctx, __u32 at, __u32 length)
{
  void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
  if (at > FARTHEST) return 0;
  for (__u32 label = 0; label < MOST_LABELS; ++label) {
    __u8 *size = data + at;
    if (at > FARTHEST || size + 1 > (__u8 *)data_end || !*size) return 0;
    for (__u32 i = 0; i < sizeof(blocked) / sizeof(*blocked); ++i)
      if (length == blocked[i].length && is_name(ctx, at, i)) return 1;
    at += 1 + *size;
    length -= 1 + *size;
  }
  return 0;
}

FILTER
{
  struct packet p = {};
  enum found found = locate(ctx, &p);
  if (found != IP) return found == MALFORMED ? DROP : PASS;
  if (p.protocol != UDP || p.dport != 53 || p.limit - p.payload < HEADER) return PASS;
  struct { __be16 id; __u8 flags; } *dns = AT(&p, p.payload, typeof(*dns));
  if (!dns || dns->flags & 0x80) return PASS;
  __u32 at = p.payload + HEADER, length = name_length(ctx, at, p.limit - at);
  return length && is_listed(ctx, at, length) ? DROP : PASS;
}
