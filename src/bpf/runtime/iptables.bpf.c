/* iptables: a match (xt_bpf). The rule's target is for packets that the filter does not let pass. */
#include "bpf/runtime/skb_ip.h"

enum { NO_MATCH = 0, MATCH = 1 };

PL_ENTRY int iptables_entry(PL_CTX* ctx) {
  return judge_nested(ctx) == PL_PASS ? NO_MATCH : MATCH;
}
