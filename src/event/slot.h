/* The memory that compiled code works in: one "slot" per call, and what stands where in it.
 *
 * Compiled code never touches the event itself. Whoever calls it (a kernel hook's entry, or our own process) puts what
 * is known of the event, and a copy of its first bytes, into a slot; the code reads and writes the slot; what it wrote
 * goes back to the event afterwards, all or nothing. So one code generator serves every hook, and every access is one
 * that the verifier can prove: slot + (index & mask).
 *
 * The slots are the one value of an array map, `memory`: slot i begins at byte i * PL_SLOT_SIZE. PL_MEMORY_PAD bytes
 * follow the last one, so that a masked index plus a small displacement stays inside.
 *
 * Plain C: for the runtime in the kernel (src/bpf/runtime) and for C++. All numbers are in host byte order.
 */
#ifndef PERILUNE_EVENT_SLOT_H
#define PERILUNE_EVENT_SLOT_H

#define PL_SLOT_SIZE 0x20000u
#define PL_SLOT_MASK (PL_SLOT_SIZE - 1u)
#define PL_MEMORY_PAD 0x8000u

/* Parts of a slot. The first 32 KiB can be reached by a displacement from its start. */
#define PL_CALL 0x0000u     /* struct pl_call */
#define PL_RECORD 0x0180u   /* what is known of the event: of packets, struct pl_packet (packet/record.h) */
#define PL_TRAIN_AT 0x02c0u /* of a train of packets under judgement, struct pl_train (runtime/train_state.h) */
#define PL_REJECTS_IN_ALL_AT 0x02e0u /* answers sent recently to all senders together (runtime/reject.h) */
#define PL_ERROR_COUNTS_AT 0x0300u   /* script errors by site, PL_ERROR_COUNTS times eight bytes */
#define PL_WORKER 0x0400u            /* variables of the script that outlive an event (per slot) */
#define PL_SPILL 0x0800u             /* values that the register allocator keeps in memory */
#define PL_SCRATCH 0x1000u           /* keys and values of maps, events, captures: laid out by the compiler */
#define PL_REJECTS_AT 0x3d00u        /* answers sent recently to each sender, PL_REJECTS_EACH times eight bytes */
#define PL_REPLACING_AT 0x3f00u      /* what a replaced payload needs while it is replaced (runtime/replace.h) */
#define PL_CONSTANTS 0x4000u         /* constant strings, written once at load, the same in every slot */
#define PL_FRAME 0x8000u             /* the copy of the event's bytes: of packets, of the frame */
#define PL_FRAME_MAX 66559u          /* of longer ones, the beginning */
#define PL_STRINGS 0x18400u          /* strings that the script makes (lower(), tostring() of numbers, ..) */
#define PL_STRINGS_SIZE (PL_SLOT_SIZE - PL_STRINGS)
#define PL_REJECTS_EACH 64u
/* Once the script has answered, the runtime works where its strings were; before that, room for the rest of the last
 * 64 bytes that are copied to the frame's end. */
#define PL_WORKSPACE (PL_STRINGS + 0x0040u) /* struct workspace (runtime/commit.h) */
/* What the packet has where the script wrote; the headers of an answer. */
#define PL_BYTES_BEFORE (PL_STRINGS + 0x0400u)
#define PL_MOVE_ROOM (PL_STRINGS + 0x2000u) /* of packets that are moved (xdp.bpf.c) */

/* Errors of sites from PL_ERROR_SITES on are counted together, and those of packets that could not be put back. */
#define PL_ERROR_COUNTS 32 /* a power of two */
#define PL_ERROR_SITES 30
#define PL_ERROR_COUNT_LATER 30
#define PL_ERROR_COUNT_BROKEN 31

/* What a filter returns: a verdict in the low byte, the line of the return statement (0: unknown) above it. */
#define PL_PASS 0
#define PL_BLOCK 1
#define PL_REJECT 2
#define PL_REPLY 3
#define PL_NO_OPINION 4
#define PL_ERROR 5 /* a script error: pl_call's error_site and error_values say which */
#define PL_LINE_SHIFT 8

/* Indices into pl_call's counters. */
enum pl_counter {
  PL_COUNT_PACKETS, /* the sum of the four below: bpf::read_counters() makes it */
  PL_COUNT_PASS,
  PL_COUNT_BLOCK,
  PL_COUNT_REJECT,
  PL_COUNT_REPLY,
  PL_COUNT_NO_OPINION, /* among the four above by the default verdict */
  PL_COUNT_ERROR,      /* script errors, likewise */
  PL_COUNT_MALFORMED,
  PL_COUNT_NOT_IP,
  PL_COUNT_MODIFIED,
  PL_COUNT_TOO_LONG, /* longer than PL_FRAME_MAX: see captured */
  PL_COUNT_NO_SLOT,  /* no slot was free (nested packets): judged by on_error */
  PL_COUNT_LOST_EVENTS,
  PL_COUNT_NANOSECONDS,
  PL_COUNTERS = 24
};

/* What every call has, at PL_CALL. `report`, `time_offset` and `counters` stay where they are from version to version:
 * there user space finds them in the slots of programs that an earlier perilune has loaded. */
struct pl_call {
  unsigned long long time_override;   /* time.now(); 0: the kernel's clock + time_offset */
  unsigned long long fuel_limit;      /* instructions for one call; set once at load */
  unsigned long long fuel;            /* what is left; set from fuel_limit before each call */
  unsigned long long error_values[2]; /* numbers for the error's message */
  unsigned int error_site;            /* set with PL_ERROR */
  unsigned int cpu;                   /* the slot's processor; set once at load. User space: 0 */
  unsigned int log_lines;             /* of this call; zeroed before each one of a filter that may log */
  unsigned int log_site;              /* of the last of them */
  unsigned int busy;                  /* the slot is in use (where packets can interrupt packets) */
  unsigned int free_words[4];
  /* 1: blocked packets go to `events` with their first bytes. Set and taken back while the filter runs. */
  unsigned int report;
  unsigned long long free_before[6];
  unsigned long long time_offset; /* CLOCK_REALTIME - CLOCK_TAI; set once at load */
  unsigned long long free_between[6];
  unsigned long long counters[PL_COUNTERS]; /* only ever grow */
};

/* How many lines the filter may log for one packet; further ones are counted, not sent. */
#define PL_MOST_LOG_LINES 100u

/* What goes through the ring buffer `events`: this header, then `length` bytes. */
#define PL_EVENT_LOG 1    /* values of a log call, see src/compiler/events.h */
#define PL_EVENT_ERROR 2  /* a script error: site, two values */
#define PL_EVENT_PACKET 3 /* a packet that was not passed: struct pl_packet_event, then its first bytes */
#define PL_EVENT_MORE 4   /* how many lines of a packet beyond PL_MOST_LOG_LINES were left out; site: of the last */
struct pl_event {
  unsigned int kind;
  unsigned int site;          /* of the log call, error, or 0 */
  unsigned long long time_ns; /* CLOCK_REALTIME */
  unsigned int length;
  unsigned int cpu;
};
struct pl_packet_event {
  unsigned int verdict; /* PL_BLOCK, PL_REJECT */
  unsigned int cause;   /* packet::Cause */
  unsigned int line;
  unsigned int frame_length;
  unsigned int captured; /* bytes that follow */
  unsigned int link_type;
  unsigned int ifindex;
  unsigned int malformed;
};
#define PL_EVENT_SNAP 256u /* bytes of a packet in an event at most */

#endif
