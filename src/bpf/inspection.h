// What is loaded, and how it fares: the manifest beside what the kernel says now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/counters.h"
#include "bpf/installation.h"
#include "bpf/system_call.h"

namespace perilune::bpf {

struct AttachmentState {
  Attachment record;              // as it was loaded; its interface may have another name, number or namespace now
  AttachPoint now;                // where it is now; of a namespace without a name: "ns:4026532000"
  std::string place;              // `now` as people write it: "xdp:eth0", "tc:eth0:in@blue"
  uint32_t ifindex = 0;           // now
  bool attached = false;          // packets are judged there
  std::string remark;             // why it is not, or what else is not as it should be
  std::string usage;              // what to type where the user attaches it, see Hook::usage()
  XdpMode mode = XdpMode::kNone;  // now
  std::optional<ProgramInfo> program;
  Counters counters{};           // over all reloads
  std::vector<uint64_t> errors;  // by site of Attachment::errors, as far as they are counted apart
  uint64_t later_errors = 0;     // at all sites after those
  uint64_t broken_packets = 0;   // what the script wrote made them malformed
  uint64_t memory = 0;           // bytes: program, slots, events, tables
  // Whose run time is this attachment's: the program itself, or the entry in front (for XDP the whole chain's).
  uint64_t run_time_ns = 0;
  uint64_t run_count = 0;
};

struct MapState {
  MapDeclaration declaration;
  uint64_t entries = 0;
  bool counted = false;  // false: not asked for
  uint64_t memory = 0;
};

struct FilterState {
  std::string name;
  std::string problem;  // why there is no manifest, or nothing can be known; then the rest is as good as it goes
  std::string hint;
  bool unfinished = false;  // a load or reload was interrupted, or is under way
  bool under_way = false;   // another command changes filters at this moment
  Manifest manifest;
  std::vector<AttachmentState> attachments;
  std::vector<MapState> maps;

  [[nodiscard]] Counters counters() const;
  [[nodiscard]] uint64_t memory() const;
};

enum class Depth : uint8_t { kCounters, kAll };  // kAll: entries of maps are counted too

/// All there is, or the one with that name (unknown: the user's fault).
[[nodiscard]] Result<std::vector<FilterState>> inspect_all(Depth depth);
[[nodiscard]] Result<FilterState> inspect(const std::string& name, Depth depth);

/// Links of ours outside of the folder of pins.
[[nodiscard]] Result<std::vector<Stray>> inspect_strays();

}  // namespace perilune::bpf
