/* Records for user space, in the ring buffer. They are put together at PL_SCRATCH, which the filter has finished with.
 */
#ifndef PERILUNE_BPF_RUNTIME_EVENT_H
#define PERILUNE_BPF_RUNTIME_EVENT_H

#include "bpf/runtime/location.h"

PL_INLINE void begin_event(struct pl_packet* header, struct pl_event* event, u32 kind, u32 site, u32 length) {
  event->kind = kind;
  event->site = site;
  event->time_ns = ktime_get_tai_ns() + call_of(header)->time_offset;
  event->length = length;
  event->cpu = call_of(header)->cpu;
}

PL_INLINE void send_event(struct pl_packet* header, struct pl_event* event, u64 bytes) {
  if (ringbuf_output(pl_events(), event, bytes, 0) != 0) ++call_of(header)->counters[PL_COUNT_LOST_EVENTS];
}

/* A script error: its site and values. */
PL_GLOBAL u64 report_error(u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  struct {
    struct pl_event event;
    u64 values[2];
  }* record = (void*)(slot + PL_SCRATCH);
  u64 site = call_of(header)->error_site;
  if (site == PL_SITE_BROKEN_PACKET) {
    site = PL_ERROR_COUNT_BROKEN;
  } else if (site > PL_ERROR_COUNT_LATER) {
    site = PL_ERROR_COUNT_LATER;
  }
  opaque(site);
  site &= PL_ERROR_COUNTS - 1;
  ++*(u64*)(slot + PL_ERROR_COUNTS_AT + site * sizeof(u64));
  begin_event(header, &record->event, PL_EVENT_ERROR, call_of(header)->error_site, sizeof record->values);
  record->values[0] = call_of(header)->error_values[0];
  record->values[1] = call_of(header)->error_values[1];
  send_event(header, &record->event, sizeof *record);
  return 0;
}

/* How many lines of the packet were left out. */
PL_GLOBAL u64 report_more_lines(u64 slot_offset) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  struct {
    struct pl_event event;
    u64 lines;
  }* record = (void*)(slot + PL_SCRATCH);
  begin_event(header, &record->event, PL_EVENT_MORE, call_of(header)->log_site, sizeof record->lines);
  record->lines = call_of(header)->log_lines - PL_MOST_LOG_LINES;
  send_event(header, &record->event, sizeof *record);
  return 0;
}

/* A packet that goes nowhere, with its first bytes as they arrived. `what`: verdict, cause << 8, line << 16. */
PL_GLOBAL u64 report_packet(PL_CTX* ctx, u64 slot_offset, u64 what) {
  u8* slot = slot_at(slot_offset);
  struct pl_packet* header = header_of(slot);
  struct {
    struct pl_event event;
    struct pl_packet_event packet;
    u8 bytes[PL_EVENT_SNAP];
  }* record = (void*)(slot + PL_SCRATCH);
  u32 frame_length = packet_length(ctx);
#ifdef PL_TRAINS
  opaque(frame_length); /* or the compiler reads once, by one of two pointers, which the verifier refuses */
  if (train_of(header)->left) frame_length = header->captured;
#endif
  u64 captured = frame_length;
  if (captured > PL_EVENT_SNAP) captured = PL_EVENT_SNAP;
  const u32 cause = (what >> 8) & 0xff;
  record->packet.verdict = what & 0xff;
  record->packet.cause = cause;
  record->packet.line = what >> 16;
  record->packet.frame_length = frame_length;
  record->packet.captured = captured;
  record->packet.link_type = pl_link_type();
  record->packet.ifindex = packet_ifindex(ctx);
  record->packet.malformed = cause == CAUSE_MALFORMED ? header->malformed : MALFORMED_NONE;
  begin_event(header, &record->event, PL_EVENT_PACKET, 0, sizeof record->packet + captured);
  --captured;
  opaque(captured);
  if (captured < PL_EVENT_SNAP) {
    ++captured;
    if (packet_load(ctx, 0, record->bytes, captured) != 0) return 1;
#ifdef PL_TRAINS
    if (train_of(header)
            ->left) { /* the slot has the datagram; what the filter wrote is not separate from what arrived */
#pragma clang loop unroll(full)
      for (u32 i = 0; i < PL_EVENT_SNAP / sizeof(u64); ++i)
        ((u64*)record->bytes)[i] = ((const u64*)(slot + PL_FRAME))[i];
    }
#endif
  } else { /* an empty frame */
    captured = 0;
  }
  send_event(header, &record->event, sizeof record->event + sizeof record->packet + captured);
  return 0;
}

#endif
