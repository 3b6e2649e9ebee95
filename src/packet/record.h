/* What is known of a packet: the record that stands at PL_RECORD of a slot, and that packet/fields.h describes for
 * scripts.
 *
 * Plain C, for the runtime in the kernel and for C++. All numbers are in host byte order; addresses are bytes as in the
 * packet. Offsets count from the frame's first byte; their names mean the same in packet::Location.
 */
#ifndef PERILUNE_PACKET_RECORD_H
#define PERILUNE_PACKET_RECORD_H

/* flags */
#define PL_FRAGMENT 1u
#define PL_FIRST_FRAGMENT 2u
#define PL_HAS_TRANSPORT 4u
#define PL_HAS_PORTS 8u
#define PL_TRUNCATED 16u
#define PL_HAS_FRAME 32u /* there is a link header: pkt.frame is not nil */

/* pl_call's error_site when what the script wrote made the packet malformed. error_values[0] is the packet::Malformed
 * (0: the kernel did not take the bytes), error_values[1] the line of the return statement (0: unknown). */
#define PL_SITE_BROKEN_PACKET 0xffffffffu
/* In error_values[0] then: there is no room for so long a packet, at the hook or in its buffer. */
#define PL_BROKEN_NO_ROOM 254u
/* Likewise: headers that other datagrams share were written to. */
#define PL_BROKEN_TRAIN 255u

/* Fields up to `destination` are set before each call; in the kernel only those that the filter reads
 * (ir::Code::event_fields). */
struct pl_packet {
  unsigned int network;
  unsigned int transport;
  unsigned int payload;
  unsigned int end;
  /* Bytes of the frame: on live hooks its length, which may be more than PL_FRAME_MAX. XDP gets long frames in pieces:
   * what follows the first is left out when the IP packet ends there and nothing asks for the whole frame. */
  unsigned int captured;
  unsigned int length; /* of the IP packet, by its header; where that says 0, the bytes after the link header */
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
  unsigned int unused;
  unsigned char source[16]; /* address: 4 or 16 bytes by `version` (copied out: they stay as they arrived) */
  unsigned char destination[16];
  /* Set before each call in user space only; in the kernel they are constants of the load. */
  unsigned long long number;        /* the packet's number; 0 where the hook numbers no packets */
  unsigned long long time_ns;       /* pkt.time, since 1970 */
  unsigned int direction;           /* packet::Direction */
  unsigned int interface_length;    /* 0: not known */
  unsigned char interface_name[68]; /* not terminated */
  /* Zeroed before each call of a filter that may set them. */
  unsigned int mark_set;
  unsigned int dirty_begin; /* frame bytes [dirty_begin, dirty_end) were written; end 0: none */
  unsigned int dirty_end;
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

#endif
