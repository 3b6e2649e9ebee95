// What was loaded under a name, kept in the kernel beside it: an array map whose only value is this, encoded. No file
// and no process of ours has to remember anything.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/attach.h"
#include "bpf/attach_point.h"
#include "bpf/map.h"
#include "event/slot.h"
#include "ir/code.h"
#include "packet/policy.h"

namespace perilune::bpf {

/// What `load` was asked about judging; `reload` keeps it.
struct FilterOptions {
  std::string function = "filter";
  packet::Policy policy;
  uint64_t instructions = 1'000'000;
  uint64_t memory = 0;  // bytes of the Lua state while loading; 0: the default

  bool operator==(const FilterOptions&) const = default;
};

/// One place where it is attached.
struct Attachment {
  AttachPoint point;   // as asked for; netfilter: with the priority it got
  uint64_t netns = 0;  // the namespace's number
  uint32_t ifindex = 0;
  XdpMode mode = XdpMode::kNone;
  std::string why_generic;
  uint32_t chain_index = 0;  // xdp
  uint32_t link_type = 1;    // how frames of the interface begin, a LINKTYPE_ value
  uint32_t program_id = 0;
  uint32_t insns = 0;
  uint32_t verified_insns = 0;
  uint64_t load_ns = 0;
  // What its events and errors refer to: a script is compiled for each hook apart.
  std::vector<std::string> files;
  std::vector<ir::Site> errors;
  std::vector<ir::Site> logs;
};

struct MapDeclaration {
  std::string name;
  ir::MapType type = ir::MapType::kHash;
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  uint32_t entries = 0;
  std::string declared;  // as ir::MapSpec::declared; empty: an older program loaded it, which did not note that

  bool operator==(const MapDeclaration&) const = default;
};

struct Manifest {
  std::string name;
  std::string script;          // path, absolute
  std::string text;            // of the script
  uint64_t time_ns = 0;        // of loading, since 1970
  uint64_t first_time_ns = 0;  // of the first load; `time_ns` is the last reload's
  uint64_t compile_ns = 0;
  uint32_t reloads = 0;
  FilterOptions options;
  std::vector<MapDeclaration> maps;
  std::vector<Attachment> attachments;
};

[[nodiscard]] std::vector<uint8_t> encode(const Manifest& manifest);
/// Foreign bytes are an error, never a crash: anybody who may write to bpffs can put them there.
[[nodiscard]] Result<Manifest> decode(std::span<const uint8_t> bytes);

/// A map that holds it.
[[nodiscard]] Result<Map> store(const Manifest& manifest);
[[nodiscard]] Result<Manifest> read_manifest(const Map& map);

}  // namespace perilune::bpf
