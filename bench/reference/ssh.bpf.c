/* examples/ssh.lua by hand: blocks the banner of OpenSSH 6.4 within the first 255 bytes of a payload.
 *
 *   'SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n' == 'OpenSSH_6.4'
 *
 * [%w%p] is 0x21..0x7e: the text falls into runs of such bytes. The pattern matches where a run has "SSH-", then a byte
 * or more, '-', and a byte or more up to its end (what is behind the last such '-' is captured), then "\r\n", or a space,
 * another run and "\r\n". Where one "SSH-" of a run does not match, no other of the same run does.
 */
#include "packet.h"

enum { MOST = 255, SHORTEST = 9, MOST_RUNS = MOST / SHORTEST };      /* "SSH-x-y\r\n" */
enum { IS_BANNER = 1 << 16 };

#define BYTES(x) (0x0101010101010101ull * (x))
#define SSH bpf_htonl(0x5353482d)                                    /* "SSH-" */

#define OPENSSH bpf_cpu_to_be64(0x2d4f70656e535348)                  /* "-OpenSSH" */
#define OPENSSH_6_4 bpf_htonl(0x5f362e34)                            /* "_6.4" */

/* Where "SSH-" begins in [at, limit), with room for a banner; limit when it is not there. First any "SS", 8 bytes at a
 * time. The functions here are global: the verifier looks at each once, and knows nothing of its result. */
__attribute__((noinline)) __u32 find_ssh(context *ctx, __u32 at, __u32 limit)
{
  struct packet p = {.data = (void *)(long)ctx->data, .data_end = (void *)(long)ctx->data_end};
  for (__u32 i = 0; i < MOST; i += 8, at += 8) {
    if (at + SHORTEST > limit) return limit;
    struct { __u8 bytes[12]; } *text = AT(&p, at, typeof(*text));
    if (!text) break;
    __u64 both = (*(__u64 *)text->bytes ^ BYTES('S')) | (*(__u64 *)(text->bytes + 1) ^ BYTES('S'));
    if (!((both - BYTES(1)) & ~both & BYTES(0x80))) continue;
    for (__u32 k = 0; k < 8; ++k)
      if (*(__u32 *)(text->bytes + k) == SSH) return at + k;
  }
  /* the packet's last bytes */
  for (__u32 k = 0; k <= 12 - SHORTEST; ++k, ++at) {
    __u32 *text = AT(&p, at, __u32);
    if (!text || at + SHORTEST > limit) break;
    if (*text == SSH) return at;
  }
  return limit;
}

/* Where the run that goes on at `at` ends; with IS_BANNER when it has a byte, '-', and a byte. */
__attribute__((noinline)) __u32 end_of_run(context *ctx, __u32 at, __u32 limit)
{
  struct packet p = {.data = (void *)(long)ctx->data, .data_end = (void *)(long)ctx->data_end};
  __u32 dash = 0, banner = 0, i;
  for (i = 0; i < MOST; ++i) {
    __u8 *byte = AT(&p, at + i, __u8);
    if (!byte || at + i >= limit || *byte - 0x21u >= 0x5e) break;
    banner |= dash;
    if (*byte == '-' && i) dash = IS_BANNER;
  }
  return (at + i) | banner;
}

__attribute__((noinline)) int is_vulnerable(context *ctx, __u32 at, __u32 limit)
{
  struct packet p = {.data = (void *)(long)ctx->data, .data_end = (void *)(long)ctx->data_end};
  for (int run = 0; run < MOST_RUNS; ++run) {
    __u32 begin = find_ssh(ctx, at, limit);
    if (begin >= limit) return 0;
    __u32 found = end_of_run(ctx, begin + 4, limit), end = found & 0xffff;
    at = end;
    if (!(found & IS_BANNER)) continue;
    __u8 *space = AT(&p, end, __u8);
    if (!space) return 0;
    if (*space == ' ') end = end_of_run(ctx, end + 1, limit) & 0xffff;
    __be16 *line_end = AT(&p, end, __be16);
    if (!line_end || end + 2 > limit || *line_end != bpf_htons(0x0d0a)) continue;
    struct { __u64 first; __u32 rest; } __attribute__((packed)) *version = AT(&p, at - 12, typeof(*version));
    return at >= begin + 4 + 1 + 12 && version && version->first == OPENSSH && version->rest == OPENSSH_6_4;
  }
  return 0;
}

FILTER
{
  struct packet p = {};
  enum found found = locate(ctx, &p);
  if (found != IP) return found == MALFORMED ? DROP : PASS;
  __u32 length = p.limit - p.payload;
  if (length > MOST) length = MOST;
  if (length < SHORTEST) return PASS;
  __u32 limit = p.payload + length, begin = find_ssh(ctx, p.payload, limit);
  return begin < limit && is_vulnerable(ctx, begin, limit) ? DROP : PASS;
}
