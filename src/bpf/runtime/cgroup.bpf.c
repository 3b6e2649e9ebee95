/* cgroup: packets of the sockets of a control group's processes, both ways. Packets are read only, and begin with their
 * IP header. Migration is off, but packets nest (nested.h).
 */
#include "bpf/runtime/kernel.h"

#define PL_CTX struct __sk_buff

enum { CGROUP_DROP = 0, CGROUP_PASS = 1 };

#include "bpf/runtime/slot.h"

PL_INLINE long packet_load(PL_CTX* ctx, u32 offset, void* to, u64 length) {
  return skb_load_bytes(ctx, offset, to, length);
}
PL_INLINE u32 packet_length(PL_CTX* ctx) {
  return ctx->len;
}
PL_INLINE u32 packet_ifindex(PL_CTX* ctx) {
  return ctx->ifindex;
}
PL_INLINE u32 packet_mark(PL_CTX* ctx) {
  return ctx->mark;
}
PL_INLINE u32 packet_tag_count(PL_CTX* ctx) {
  return 0;
}
PL_INLINE u32 packet_tag(PL_CTX* ctx) {
  return 0;
}
PL_INLINE u64 commit(PL_CTX* ctx, u64 slot_offset) {
  return 0;
}

#define PL_TRAINS
#include "bpf/runtime/nested.h"
#include "bpf/runtime/skb_train.h"

PL_ENTRY int cgroup_entry(PL_CTX* ctx) {
  return judge_nested(ctx) == PL_PASS ? CGROUP_PASS : CGROUP_DROP;
}
