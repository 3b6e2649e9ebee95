/* One's complement sums, and a small change to a packet. */
#ifndef PERILUNE_BPF_RUNTIME_SUM_H
#define PERILUNE_BPF_RUNTIME_SUM_H

#include "bpf/runtime/kernel.h"

PL_INLINE u32 fold(u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/* RFC 1624 for what a difference does to a checksum that covers more than zeros. */
PL_INLINE u32 updated(u32 checksum, u64 change) {
  const u32 result = ~fold((~checksum & 0xffff) + change) & 0xffff;
  return result == 0xffff ? 0 : result;
}

/* Frame offsets that can be reached in a packet's directly visible part: the verifier wants a bound below 64 KiB. */
#define SMALL_REACH 0x7fffu

/* See commit_small(). */
struct small {
  u64 begin; /* of the dirty bytes, and how many: 1 to 8 */
  u64 length;
  u64 first; /* of the 8 bytes at `first` that become `word` */
  u64 word;
  u64 at; /* the checksum, what it is, and what the change adds to its sum (never 0) */
  u64 field;
  u64 change;
  u64 is_udp;
};

#endif
