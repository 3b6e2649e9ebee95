/* Packets that interrupt each other on one CPU: a packet that a process sends can be interrupted by packets that
 * arrive, through the same program; and by other processes that send, where the kernel preempts its own code. So each
 * CPU has a few slots (src/bpf/program.cpp says how many), and a packet takes a free one.
 */
#ifndef PERILUNE_BPF_RUNTIME_NESTED_H
#define PERILUNE_BPF_RUNTIME_NESTED_H

#include "bpf/runtime/train.h"

PL_GLOBAL u64 find_anything(PL_CTX* ctx, u64 slot_offset) {
  return find_and_show(ctx, slot_offset);
}

/* The slots of one number, of all CPUs, are side by side; then come those of the next number. */
PL_DEFINE_CONSTANT(pl_slots_stride)

#define NO_SLOT (~0ull)
#define MOST_SLOTS 64 /* for a CPU: a bound for the verifier */

/* 1: the slot is taken. */
PL_INLINE u32 take(u64 slot_offset) {
  return __sync_lock_test_and_set(&call_of(header_of(slot_at(slot_offset)))->busy, 1) == 0;
}

/* Where another packet of this CPU is under way, whose slot is at `first`. Verified once, since all paths go on alike.
 */
PL_GLOBAL u64 take_another(u64 first) {
  u64 slot_offset = first & pl_slots_mask();
  u32 i;
  for (i = 1; i < MOST_SLOTS; ++i) {
    slot_offset += pl_slots_stride();
    if (slot_offset > pl_slots_mask()) break;
    if (take(slot_offset)) return slot_offset;
  }
  return NO_SLOT;
}

/* PL_PASS; any other verdict is a drop, since nothing can be sent back from where packets nest. */
PL_INLINE u32 judge_nested(PL_CTX* ctx) {
  const u64 first = ((u64)get_smp_processor_id() * PL_SLOT_SIZE) & (pl_slots_stride() - PL_SLOT_SIZE);
  u64 slot_offset = first;
  struct pl_packet* header;
  u64 found;
  u32 verdict;

  if (unlikely(!take(slot_offset))) {
    slot_offset = take_another(first);
    if (slot_offset == NO_SLOT) { /* all are taken: only counted, in the slot of the packet that was interrupted */
      header = header_of(slot_at(first));
      __sync_fetch_and_add(&call_of(header)->counters[PL_COUNT_NO_SLOT], 1);
      __sync_fetch_and_add(&call_of(header)->counters[pl_on_error() == PL_PASS ? PL_COUNT_PASS : PL_COUNT_BLOCK], 1);
      return pl_on_error();
    }
  }
  header = header_of(slot_at(slot_offset));
  found = find_anything(ctx, slot_offset);
  /* The rare case first: the verifier follows the filter there, and finds nothing new on the way of all others. */
  if (likely(train_of(header)->left != 0)) {
  next:
    TRAIN_LOOP(overrun);
  }
  verdict = judge(ctx, slot_offset, header, found);
  if (unlikely(train_of(header)->left)) {
    found = next_datagram(ctx, slot_offset, verdict);
    if (found == FOUND_IP) goto next;
  overrun:
    verdict = train_of(header)->verdict;
  }
  asm volatile("" ::: "memory");
  call_of(header)->busy = 0;
  return verdict;
}

#endif
