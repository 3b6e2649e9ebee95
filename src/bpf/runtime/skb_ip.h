/* Hooks whose context is a __sk_buff and whose packets begin with their IP header and are read only. Migration is off
 * there, but packets nest (nested.h).
 */
#ifndef PERILUNE_BPF_RUNTIME_SKB_IP_H
#define PERILUNE_BPF_RUNTIME_SKB_IP_H

#include "bpf/runtime/skb.h"

#define PL_TRAINS
#include "bpf/runtime/read_only.h"
#include "bpf/runtime/skb_train.h"

#endif
