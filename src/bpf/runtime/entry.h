/* One packet through one filter, the same at every hook: what engine::LuaWorker does, around compiled code.
 *
 *   count -> malformed? -> not IP? -> copy up to the payload -> filter() -> verdict -> write back -> report
 *
 * Of the hook, besides what pull.h and commit.h need:
 *   u64 commit(PL_CTX*, slot_offset)                  writes back; 0: done, see commit.h
 */
#ifndef PERILUNE_BPF_RUNTIME_ENTRY_H
#define PERILUNE_BPF_RUNTIME_ENTRY_H

#include "bpf/runtime/event.h"
#include "bpf/runtime/location.h"

/* The compiled script; the loader joins it. */
u64 filter(PL_CTX* ctx, u64 slot_offset);

PL_INLINE u32 decided(PL_CTX* ctx, u64 slot_offset, struct pl_header* header, u32 verdict, u32 cause, u32 line) {
  if (verdict == PL_PASS) {
    ++header->counters[PL_COUNT_PASS];
    return PL_PASS;
  }
  if (verdict == PL_REPLY) {
    ++header->counters[PL_COUNT_REPLY];
    return PL_REPLY;
  }
  if (verdict == PL_REJECT) {
    ++header->counters[PL_COUNT_REJECT];
  } else {
    verdict = PL_BLOCK;
    ++header->counters[PL_COUNT_BLOCK];
  }
  if (header->report) report_packet(ctx, slot_offset, verdict | (cause << 8) | ((u64)line << 16));
  return verdict;
}

PL_INLINE u32 script_failed(PL_CTX* ctx, u64 slot_offset, struct pl_header* header, u32 line) {
  header->mark_set = 0;
  ++header->counters[PL_COUNT_ERROR];
  report_error(slot_offset);
  return decided(ctx, slot_offset, header, header->on_error, CAUSE_ERROR, line);
}

/* A packet that cannot be shown to the script. */
PL_INLINE u32 unjudged(PL_CTX* ctx, u64 slot_offset, struct pl_header* header, u32 counter) {
  ++header->counters[PL_COUNT_PACKETS];
  ++header->counters[counter];
  header->malformed = MALFORMED_NONE;
  return decided(ctx, slot_offset, header, header->on_error, CAUSE_ERROR, 0);
}

PL_INLINE u32 ask(PL_CTX* ctx, u64 slot_offset, struct pl_header* header) {
  u64 result;
  u32 verdict, line, cause = CAUSE_SCRIPT;
  *(u64*)&header->dirty_begin = 0; /* and dirty_end */
  *(u64*)&header->mark_set = 0;    /* and error_site */
  header->fuel = header->fuel_limit;
  result = filter(ctx, slot_offset);
  verdict = result & 0xff;
  line = result >> PL_LINE_SHIFT;
  if (unlikely(verdict >= PL_ERROR)) return script_failed(ctx, slot_offset, header, line);
  if (verdict == PL_NO_OPINION) {
    ++header->counters[PL_COUNT_NO_OPINION];
    verdict = header->on_default;
    cause = CAUSE_DEFAULT;
  }
  if (pl_writes() && header->dirty_end != 0 && (verdict == PL_PASS || verdict == PL_REPLY)) {
    header->error_values[0] = 0;
    if (unlikely(commit(ctx, slot_offset) != 0)) {
      header->error_site = PL_SITE_BROKEN_PACKET;
      header->error_values[1] = line;
      return script_failed(ctx, slot_offset, header, line);
    }
  }
  return decided(ctx, slot_offset, header, verdict, cause, line);
}

/* The packet is located. The verdict: PL_PASS ... PL_REPLY. */
PL_INLINE u32 judge(PL_CTX* ctx, u64 slot_offset, struct pl_header* header, u32 malformed) {
  ++header->counters[PL_COUNT_PACKETS];
  if (unlikely(malformed != MALFORMED_NONE)) {
    ++header->counters[PL_COUNT_MALFORMED];
    return decided(ctx, slot_offset, header, header->on_malformed, CAUSE_MALFORMED, 0);
  }
  if (unlikely(header->version == 0)) {
    ++header->counters[PL_COUNT_NOT_IP];
    if (header->on_not_ip != PL_NO_OPINION) {
      return decided(ctx, slot_offset, header, header->on_not_ip, CAUSE_NOT_IP, 0);
    }
  }
  want(ctx, slot_offset, header, header->payload);
  return ask(ctx, slot_offset, header);
}

/* Whatever is not known before locate(). */
PL_INLINE void begin(struct pl_header* header, u32 captured, u32 ifindex, u32 mark) {
  header->captured = captured;
  header->wire_length = captured;
  header->copied = 0;
  header->vlan = 0;
  header->vlan_tags = 0;
  header->ifindex = ifindex;
  header->mark = mark;
}

#endif
