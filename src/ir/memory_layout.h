/* The memory a compiled filter works in: one "slot" per packet under judgement, and what stands where in it.
 *
 * A filter never touches the packet itself. Whoever calls it (a kernel hook's entry, or our own process) puts a copy of
 * the frame's first bytes and what is known of it into a slot; the filter reads and writes the slot; what it wrote goes
 * back to the packet afterwards, all or nothing. So one code generator serves every hook, and every access is one that
 * the verifier can prove: slot + (index & mask).
 *
 * The slots are the one value of an array map, `memory`: slot i begins at byte i * PL_SLOT_SIZE. PL_MEMORY_PAD bytes
 * follow the last one, so that a masked index plus a small displacement stays inside.
 *
 * Plain C: included by the kernel-side runtime (src/bpf/runtime), by C++ and nowhere else. All numbers are in host
 * byte order; addresses are bytes as in the packet. Offsets into the frame count from its first byte.
 */
#ifndef PERILUNE_IR_MEMORY_LAYOUT_H
#define PERILUNE_IR_MEMORY_LAYOUT_H

#define PL_SLOT_SIZE 0x20000u
#define PL_SLOT_MASK (PL_SLOT_SIZE - 1u)
#define PL_MEMORY_PAD 0x8000u

/* Parts of a slot. The first 32 KiB can be reached by a displacement from its start. */
#define PL_HEADER 0x0000u  /* struct pl_header */
#define PL_WORKER 0x0400u  /* variables of the script that outlive a packet (per slot) */
#define PL_SPILL 0x0800u   /* values that the register allocator keeps in memory */
#define PL_SCRATCH 0x1000u /* keys and values of maps, events, captures: laid out by the compiler */
/* The end of that: how often senders were answered of late (runtime/reject.h), PL_REJECTS_EACH times eight bytes. */
#define PL_REJECTS_AT 0x3d00u
#define PL_REJECTS_EACH 64u
/* What a replaced payload needs while it is replaced (runtime/replace.h). */
#define PL_REPLACING_AT 0x3f00u
#define PL_REJECTS_IN_ALL_AT 0x2e0u /* all of them together, after the slot's header and the train's state */
#define PL_CONSTANTS 0x4000u        /* constant strings, written once at load, the same in every slot */
#define PL_FRAME 0x8000u            /* the copy of the frame */
#define PL_FRAME_MAX 66559u         /* of longer packets, the beginning */
#define PL_STRINGS 0x18400u         /* strings the filter makes (lower(), tostring() of numbers, ..) */
#define PL_STRINGS_SIZE (PL_SLOT_SIZE - PL_STRINGS)

/* What a filter returns: a verdict in the low byte, the line of the return statement (0: unknown) above it. */
#define PL_PASS 0
#define PL_BLOCK 1
#define PL_REJECT 2
#define PL_REPLY 3
#define PL_NO_OPINION 4
#define PL_ERROR 5 /* a script error: header.error_site and error_values say which */
#define PL_LINE_SHIFT 8

/* header.flags */
#define PL_FRAGMENT 1u
#define PL_FIRST_FRAGMENT 2u
#define PL_HAS_TRANSPORT 4u
#define PL_HAS_PORTS 8u
#define PL_TRUNCATED 16u
#define PL_HAS_FRAME 32u /* there is a link header: pkt.frame is not nil */

/* header.error_site when what the script wrote made the packet malformed. error_values[0] is the packet::Malformed (0:
 * the kernel did not take the bytes), error_values[1] the line of the return statement (0: unknown). */
#define PL_SITE_BROKEN_PACKET 0xffffffffu
/* In error_values[0] then: there is no room for so long a packet, at the hook or in its buffer. */
#define PL_BROKEN_NO_ROOM 254u

/* Indices into header.counters. */
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

/* The names in packet::Location mean the same here. Fields up to `time_override` are set before each call; in the
 * kernel only those that the filter reads (ir::Code::header_fields). */
struct pl_header {
  unsigned int network;   /* offsets into the frame */
  unsigned int transport; /* */
  unsigned int payload;   /* */
  unsigned int end;       /* */
  /* Bytes of the frame: on live hooks its length, which may be more than PL_FRAME_MAX. XDP gets long frames in pieces:
   * what follows the first is left out when the IP packet ends there and nothing asks for the whole frame. */
  unsigned int captured;
  unsigned int length; /* of the IP packet as its header says; where it says 0, what there is behind the link header */
  unsigned int copied; /* frame bytes [0, copied) are in the slot: none, or up to `payload` at least */
  unsigned int flags;  /* PL_FRAGMENT ... */
  unsigned int version;
  unsigned int protocol;
  unsigned int source_port;
  unsigned int destination_port;
  unsigned int ethertype; /* 0: none */
  unsigned int vlan;      /* TCI of the outermost tag */
  unsigned int vlan_tags;
  unsigned int malformed; /* packet::Malformed, set for packets that are; the filter is not called with them */
  unsigned int ifindex;
  unsigned int mark; /* as it arrived; the filter overwrites it and sets mark_set */
  unsigned int fragment_offset;
  /* 1: blocked packets go to `events` with their first bytes. Set and taken back while the filter runs. */
  unsigned int report;
  unsigned char source[16]; /* address: 4 or 16 bytes by `version` (copied out: they stay as they arrived) */
  unsigned char destination[16];
  unsigned long long number;        /* of the packet; 0 where nobody counts */
  unsigned long long time_override; /* time.now(); 0: the kernel's clock + time_offset */
  /* Set once at load. */
  unsigned long long time_offset; /* CLOCK_REALTIME - CLOCK_TAI */
  unsigned long long fuel_limit;  /* instructions for one packet */
  /* Zeroed before each call of a filter that may set them. */
  unsigned int dirty_begin; /* frame bytes [dirty_begin, dirty_end) were written; end 0: none */
  unsigned int dirty_end;
  unsigned int mark_set;
  unsigned int error_site;            /* set with PL_ERROR */
  unsigned long long error_values[2]; /* numbers for the error's message */
  unsigned long long fuel;            /* what is left; set from fuel_limit before each call */
  /* Only ever grow. */
  unsigned long long counters[PL_COUNTERS];
  unsigned int busy; /* the slot is in use (where packets can interrupt packets) */
  /* Set before each call in user space only; in the kernel they are constants of the load. */
  unsigned int direction;           /* packet::Direction */
  unsigned long long time_ns;       /* pkt.time, since 1970 */
  unsigned int interface_length;    /* 0: not known */
  unsigned char interface_name[68]; /* not terminated */
  unsigned int log_lines;           /* of this packet; zeroed before each call of a filter that may log */
  unsigned int log_site;            /* of the last of them */
  unsigned int cpu;                 /* the slot's processor; set once at load. User space: 0 */
  /* Of a filter that replaces the payload. */
  unsigned int replace_from; /* the slot's byte at which the new payload begins; set before each replacement */
  unsigned int replaced;     /* what came of it, a packet::ResizeRefusal */
  unsigned int
      arrived_length; /* `captured` as the packet arrived; 0: its length is what it was. Zeroed before each call */
  /* transport, payload, end and flags once more, as they are after a replacement. */
  unsigned int now_transport;
  unsigned int now_payload;
  unsigned int now_end;
  unsigned int now_flags;
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
