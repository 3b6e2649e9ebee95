/* cgroup: packets of the sockets of a control group's processes, both ways. */
#include "bpf/runtime/skb_ip.h"

enum { CGROUP_DROP = 0, CGROUP_PASS = 1 };

PL_ENTRY int cgroup_entry(PL_CTX* ctx) {
  return judge_nested(ctx) == PL_PASS ? CGROUP_PASS : CGROUP_DROP;
}
