// eBPF code of one filter, not yet bound to maps: what the code generator makes and the kernel loader and the virtual
// machine take.
//
//   u64 filter(ctx, slot_offset)      r1: the hook's context (only handed on to pull), r2: byte offset of the slot in
//                                     `memory`; r0: see PL_PASS... in memory_layout.h
//
// Reference: the kernel's Documentation/bpf/standardization/instruction-set.rst.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace perilune::ir {

/// One instruction, laid out as struct bpf_insn of <linux/bpf.h> on a little-endian machine.
struct Insn {
  uint8_t code = 0;
  uint8_t dst : 4 = 0;
  uint8_t src : 4 = 0;
  int16_t off = 0;
  int32_t imm = 0;
};
static_assert(sizeof(Insn) == 8);

/// What an instruction refers to that only the loader knows.
struct Relocation {
  enum class Kind : uint8_t {
    kMemory,    // a 16-byte load-immediate: the address of the slots (BPF_PSEUDO_MAP_VALUE), byte `index`
    kTables,    // the same for the read-only tables
    kMap,       // a 16-byte load-immediate: the map `index` of Image::maps (BPF_PSEUDO_MAP_FD)
    kEvents,    // likewise the ring buffer
    kPull,      // a call of pull(ctx, slot_offset, upto): see below
    kReplace,   // a call of replace_payload(ctx, slot_offset, length): see below
    kLookup,    // a call of a function that does what the helper map_lookup_elem does, for the map `index` alone
    kDivide,    // a call of a function: r0 = r1 / r2, r1 is in r0 already
    kModulo,    // likewise r1 % r2
    kSlotMask,  // an AND with an immediate: (number of slots, a power of two, * PL_SLOT_SIZE - 1) & ~PL_SLOT_MASK
  };
  uint32_t insn = 0;
  Kind kind = Kind::kMemory;
  uint32_t index = 0;
};
// u64 pull(ctx, slot_offset, upto): makes frame bytes [0, min(upto, captured)) stand in the slot and updates
// header.copied. Clobbers r0-r5 as every call does.
// u64 replace_payload(ctx, slot_offset, length): the payload becomes the slot's bytes [header.replace_from, + length),
// as packet::replace_payload() does it; header.replaced says what came of it.

struct LineRecord {
  uint32_t insn = 0;  // first instruction that belongs to it
  uint32_t file = 0;  // index into Image::files
  uint32_t line = 0;
};

struct Code {
  std::vector<Insn> insns;
  std::vector<Relocation> relocations;
  std::vector<LineRecord> lines;  // by instruction
  uint64_t record_fields = 0;     // which of the first 64 4-byte words of the event's record it reads
  bool uses_fuel = false;         // has loops, which spend it
};

enum class MapType : uint8_t { kHash, kLru, kLpm, kArray };

struct MapSpec {
  std::string name;
  MapType type = MapType::kHash;
  uint32_t key_size = 0;    // bytes, the prefix length of LPM keys (u32, in front) included; arrays: 4
  uint32_t value_size = 0;  // bytes, a multiple of 8; with `ttl` the first 8 are the time of writing (ns)
  uint32_t entries = 1;
  struct Entry {
    std::vector<uint8_t> key;
    std::vector<uint8_t> value;
  };
  std::vector<Entry> initial;  // what the main chunk wrote
  /// With a time to live: values begin with the time of writing. Of `initial` it is kNotYet; the code that puts them into
  /// a map replaces it by the time from which they live.
  bool timed = false;
  static constexpr uint64_t kNotYet = ~uint64_t{0};
  // The whole declaration in one spelling: entries of two maps mean the same only if this is the same. Equal sizes do
  // not suffice: a u64 and two u32 take the same bytes.
  std::string declared;
};

/// A place in the script that may fail, or that logs.
struct Site {
  uint32_t file = 0;  // index into Image::files
  uint32_t line = 0;
  std::string text;  // of an error: its message, with {0} and {1} where error_values go; of a log call: its format
};

/// All that is needed to run a filter anywhere.
struct Image {
  Code code;
  std::vector<std::string> files;                       // as the user named them
  std::vector<std::string> source_lines_of_first_file;  // for the verifier's log
  std::vector<uint8_t> tables;     // read-only; its map's value is this, padded to a power of two plus 64
  std::vector<uint8_t> constants;  // at PL_CONSTANTS of every slot
  std::vector<uint8_t> worker;     // initial bytes at PL_WORKER of every slot
  std::vector<MapSpec> maps;
  std::vector<Site> errors;
  std::vector<Site> logs;
  uint64_t record_fields = 0;  // as Code::record_fields: what the code reads as strings, at computed addresses
  bool writes = false;         // to the packet
  bool replaces = false;       // the payload, perhaps by one of another length
  bool sets_mark = false;
  bool uses_events = false;   // logs
  bool uses_payload = false;  // pulls beyond the headers
  bool uses_frame = false;    // pkt.frame, which goes on to the frame's end
  bool misses_frame = false;  // reads pkt.frame, pkt.vlan or pkt.ethertype, for a hook that has no frames
  bool replies = false;
  bool rejects = false;
};

}  // namespace perilune::ir
