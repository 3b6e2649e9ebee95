/* The slot and what the loader fills in.
 *
 * `NAME ll` in an instruction becomes, when a program is loaded (src/bpf/link.cpp), the address of a map or a number.
 * What numbers switch off is left out (src/bpf/specialize.cpp): it costs nothing, not even a look.
 *
 *   pl_memory            the first byte of the slots           pl_slots_mask       (number of slots - 1) * PL_SLOT_SIZE
 *   pl_events            the ring buffer                       pl_slots_stride     from slot to slot of a CPU
 *   pl_chain             programs that follow, see entry.h     pl_has_chain, pl_next_in_chain
 *   pl_link_type         how frames begin                      pl_writes           the filter may write to the packet
 *   pl_replaces          it may replace the payload            pl_uses_fuel         it has loops, which spend fuel
 *   pl_sets_mark         it may set the mark                   pl_uses_frame       it may look at the whole frame
 *   pl_uses_payload      it may read beyond the headers        pl_fields           ir::Code::record_fields
 *   pl_logs              it may log                            pl_outgoing          packets leave the machine
 *   pl_on_error, pl_on_malformed, pl_on_not_ip, pl_on_default: bpf::ProgramOptions
 */
#ifndef PERILUNE_BPF_RUNTIME_SLOT_H
#define PERILUNE_BPF_RUNTIME_SLOT_H

#include "bpf/runtime/kernel.h"
#include "bpf/runtime/train_state.h"
#include "event/slot.h"
#include "packet/record.h"

#define PL_DEFINE_CONSTANT(name)                     \
  PL_INLINE u64 name(void) {                         \
    u64 value;                                       \
    asm volatile("%0 = " #name " ll" : "=r"(value)); \
    return value;                                    \
  }
PL_DEFINE_CONSTANT(pl_slots_mask)
PL_DEFINE_CONSTANT(pl_has_chain)
PL_DEFINE_CONSTANT(pl_next_in_chain)
PL_DEFINE_CONSTANT(pl_link_type)
PL_DEFINE_CONSTANT(pl_writes)
PL_DEFINE_CONSTANT(pl_replaces)
PL_DEFINE_CONSTANT(pl_sets_mark)
PL_DEFINE_CONSTANT(pl_uses_frame)
PL_DEFINE_CONSTANT(pl_uses_payload)
PL_DEFINE_CONSTANT(pl_fields)
PL_DEFINE_CONSTANT(pl_uses_fuel)
PL_DEFINE_CONSTANT(pl_logs)
PL_DEFINE_CONSTANT(pl_outgoing)
PL_DEFINE_CONSTANT(pl_on_error)
PL_DEFINE_CONSTANT(pl_on_malformed)
PL_DEFINE_CONSTANT(pl_on_not_ip)
PL_DEFINE_CONSTANT(pl_on_default)

/* Does the filter read the record's field (of several words: its first)? */
#define FIELD_BIT(field) (1ull << (__builtin_offsetof(struct pl_packet, field) / 4))
#define READS(field) (pl_fields() & FIELD_BIT(field))

#define PL_DEFINE_ADDRESS(name)               \
  PL_INLINE void* name(void) {                \
    void* address;                            \
    asm("%0 = " #name " ll" : "=r"(address)); \
    return address;                           \
  }
PL_DEFINE_ADDRESS(pl_memory)
PL_DEFINE_ADDRESS(pl_events)
PL_DEFINE_ADDRESS(pl_chain)

/* Masked, so that a function verified on its own can prove it: whatever the offset, this is inside the map. */
PL_INLINE u8* slot_at(u64 slot_offset) {
  u8* slot;
  opaque(slot_offset);
  slot_offset &= pl_slots_mask();
  slot = (u8*)pl_memory() + slot_offset;
  opaque(slot); /* or places in it are computed from the map's beginning, which takes a register more */
  return slot;
}
PL_INLINE struct pl_packet* header_of(u8* slot) {
  return (struct pl_packet*)(slot + PL_RECORD);
}

PL_INLINE struct pl_call* call_of(const struct pl_packet* header) {
  return (struct pl_call*)((u8*)header + PL_CALL - PL_RECORD);
}

_Static_assert(PL_CALL + sizeof(struct pl_call) <= PL_RECORD, "what every call has reaches into what follows it");
_Static_assert(PL_RECORD + sizeof(struct pl_packet) <= PL_TRAIN_AT, "the packet's record reaches into what follows it");
_Static_assert(PL_TRAIN_AT + sizeof(struct pl_train) <= PL_REJECTS_IN_ALL_AT, "the train's state reaches into it");
#define TRAIN(slot) ((struct pl_train*)((slot) + PL_TRAIN_AT))
PL_INLINE struct pl_train* train_of(const struct pl_packet* header) {
  return (struct pl_train*)((u8*)header + PL_TRAIN_AT - PL_RECORD);
}

/* Frame byte `offset`, at most 65,535: displacements up to PL_FRAME - PL_FRAME_MAX stay inside the slot. */
PL_INLINE u8* frame_at(u8* slot, u64 offset) {
  opaque(offset);
  offset &= 0xffff;
  return slot + PL_FRAME + offset;
}
PL_INLINE u16 be16(const u8* p) {
  return swap16(*(const u16*)p);
}
PL_INLINE u32 be32(const u8* p) {
  return swap32(*(const u32*)p);
}

/* packet::Cause */
enum { CAUSE_SCRIPT, CAUSE_DEFAULT, CAUSE_MALFORMED, CAUSE_ERROR, CAUSE_NOT_IP };

#endif
