/* examples/rate-limit.lua by hand: a bucket of tokens for each source, kept as the moment since when it has been filling. */
#include "packet.h"

#define SECOND 1000000000ull

const volatile __u64 rate = 20, burst = 40;

struct address {
  __u32 version;
  __u8 bytes[16];
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, struct address);
  __type(value, __u64);
} filling SEC(".maps");

FILTER
{
  struct packet p = {};
  enum found found = locate(ctx, &p);
  if (found != IP) return found == MALFORMED ? DROP : PASS;

  struct address source = {.version = p.version};
  if (p.version == 4) {
    struct ipv4_header *ip = AT(&p, p.network, struct ipv4_header);
    if (!ip) return DROP;
    __builtin_memcpy(source.bytes, ip->source, 4);
  } else {
    struct ipv6_header *ip = AT(&p, p.network, struct ipv6_header);
    if (!ip) return DROP;
    __builtin_memcpy(source.bytes, ip->source, 16);
  }

  __u64 now = bpf_ktime_get_ns(), interval = SECOND / rate, full = now - burst * interval;
  __u64 *since = bpf_map_lookup_elem(&filling, &source);
  if (!since) {
    full += interval;
    bpf_map_update_elem(&filling, &source, &full, BPF_ANY);
    return PASS;
  }
  __u64 from = (__s64)(*since - full) > 0 ? *since : full;
  if (now - from < interval) return DROP;
  *since = from + interval;
  return PASS;
}
