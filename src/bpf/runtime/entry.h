/* One packet through one filter, the same at every hook: what engine::LuaWorker does, around compiled code.
 *
 *   find the headers -> malformed? not IP? -> filter() -> verdict -> write back -> count, report
 *
 * Of the hook, besides what pull.h and commit.h need:
 *   u64 commit(PL_CTX*, slot_offset, verdict)         writes back; 0: done, see commit.h
 *   u32 packet_ifindex(PL_CTX*), packet_mark(PL_CTX*)
 */
#ifndef PERILUNE_BPF_RUNTIME_ENTRY_H
#define PERILUNE_BPF_RUNTIME_ENTRY_H

#include "bpf/runtime/event.h"

/* The compiled script; the loader joins it. */
u64 filter(PL_CTX* ctx, u64 slot_offset);

PL_INLINE u32 decided(PL_CTX* ctx, u64 slot_offset, struct pl_packet* header, u32 verdict, u32 cause, u32 line) {
  if (likely(verdict == PL_PASS)) {
    ++call_of(header)->counters[PL_COUNT_PASS];
    return PL_PASS;
  }
  if (verdict == PL_REPLY) {
    ++call_of(header)->counters[PL_COUNT_REPLY];
    return PL_REPLY;
  }
  if (verdict == PL_REJECT) {
    ++call_of(header)->counters[PL_COUNT_REJECT];
  } else {
    verdict = PL_BLOCK;
    ++call_of(header)->counters[PL_COUNT_BLOCK];
  }
  if (call_of(header)->report) report_packet(ctx, slot_offset, verdict | (cause << 8) | ((u64)line << 16));
  return verdict;
}

PL_INLINE u32 script_failed(PL_CTX* ctx, u64 slot_offset, struct pl_packet* header, u32 line) {
  if (pl_sets_mark()) header->mark_set = 0;
  ++call_of(header)->counters[PL_COUNT_ERROR];
  report_error(slot_offset);
  return decided(ctx, slot_offset, header, pl_on_error(), CAUSE_ERROR, line);
}

PL_INLINE u32 ask(PL_CTX* ctx, u64 slot_offset, struct pl_packet* header) {
  u64 result;
  u32 verdict, line, cause = CAUSE_SCRIPT;
  if (pl_writes()) *(u64*)&header->dirty_begin = 0; /* and dirty_end */
  if (pl_replaces()) {
    header->arrived_length = 0;
    header->now_transport = header->transport;
    header->now_payload = header->payload;
    header->now_end = header->end;
    header->now_flags = header->flags;
  }
  if (pl_uses_fuel()) call_of(header)->fuel = call_of(header)->fuel_limit;
  if (pl_logs()) call_of(header)->log_lines = 0;
  result = filter(ctx, slot_offset);
  if (pl_logs() && unlikely(call_of(header)->log_lines > PL_MOST_LOG_LINES)) report_more_lines(slot_offset);
  verdict = result & 0xff;
  line = result >> PL_LINE_SHIFT;
  if (likely(verdict == PL_NO_OPINION)) {
    ++call_of(header)->counters[PL_COUNT_NO_OPINION];
    verdict = pl_on_default();
    cause = CAUSE_DEFAULT;
    if (!pl_writes()) return decided(ctx, slot_offset, header, verdict, cause, line);
  } else if (unlikely(verdict >= PL_ERROR)) {
    return script_failed(ctx, slot_offset, header, line);
  }
  if (pl_writes() && header->dirty_end != 0 && (verdict == PL_PASS || verdict == PL_REPLY)) {
    call_of(header)->error_values[0] = 0;
    if (unlikely(commit(ctx, slot_offset, verdict) != 0)) {
      call_of(header)->error_site = PL_SITE_BROKEN_PACKET;
      call_of(header)->error_values[1] = line;
      return script_failed(ctx, slot_offset, header, line);
    }
  }
  return decided(ctx, slot_offset, header, verdict, cause, line);
}

/* What is known of a packet before the script is asked. */
enum {
  FOUND_NOTHING, /* not yet */
  FOUND_IP,
  FOUND_NOT_IP,
  FOUND_MALFORMED, /* header->malformed says how */
};

/* The verdict: PL_PASS ... PL_REPLY. */
PL_INLINE u32 judge(PL_CTX* ctx, u64 slot_offset, struct pl_packet* header, u32 found) {
  if (unlikely(found != FOUND_IP)) {
    if (found == FOUND_MALFORMED) {
      ++call_of(header)->counters[PL_COUNT_MALFORMED];
      return decided(ctx, slot_offset, header, pl_on_malformed(), CAUSE_MALFORMED, 0);
    }
    ++call_of(header)->counters[PL_COUNT_NOT_IP];
    if (pl_on_not_ip() != PL_NO_OPINION) return decided(ctx, slot_offset, header, pl_on_not_ip(), CAUSE_NOT_IP, 0);
  }
  return ask(ctx, slot_offset, header);
}

/* pkt.length of a packet that is located. */
PL_INLINE u32 said_length(u8* slot, const struct pl_packet* header) {
  const u8* ip = frame_at(slot, header->network);
  u32 said = 0;
  if (header->version == 4) said = be16(ip + 2);
  if (header->version == 6 && be16(ip + 4) != 0) said = be16(ip + 4) + 40;
  return said != 0 ? said : header->captured - header->network;
}

/* Fills the header's fields for any packet. */
PL_INLINE u32 find(PL_CTX* ctx, u64 slot_offset) {
  struct pl_packet* header = header_of(slot_at(slot_offset));
  const u32 captured = packet_length(ctx);
  header->captured = captured;
  header->copied = 0;
  header->ifindex = packet_ifindex(ctx);
  header->mark = packet_mark(ctx);
  if (captured > PL_FRAME_MAX) ++call_of(header)->counters[PL_COUNT_TOO_LONG];
  pull(ctx, slot_offset, 128); /* nearly all headers are shorter */
  if (locate(ctx, slot_offset) != MALFORMED_NONE) return FOUND_MALFORMED;
  if (READS(length)) header->length = said_length(slot_at(slot_offset), header);
  return header->version == 0 ? FOUND_NOT_IP : FOUND_IP;
}

#endif
