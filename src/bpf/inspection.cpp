#include "bpf/inspection.h"

#include <algorithm>

#include <linux/bpf.h>

#include "base/bytes.h"
#include "bpf/interfaces.h"
#include "bpf/namespaces.h"
#include "bpf/runtime/error_counts.h"
#include "bpf/tiny_program.h"
#include "bpf/xdp_chain.h"

namespace perilune::bpf {
namespace {

constexpr std::string_view kUnfinished = "@new";

/// The pinned map, or nothing.
std::optional<Map> open_map(const std::string& path) {
  if (!is_pinned(path)) return std::nullopt;
  Result<FileDescriptor> fd = open_pin(path);
  if (!fd) return std::nullopt;
  Result<Map> map = Map::adopt(std::move(*fd));
  if (!map) return std::nullopt;
  return std::move(*map);
}

/// The program a link runs, for its run time. Only an administrator may ask.
void add_run_time(AttachmentState& state, uint32_t program_id) {
  const Result<FileDescriptor> fd = open_id(ObjectKind::kProgram, program_id);
  const Result<ProgramInfo> info = fd ? program_info(fd->get()) : system_error("not open");
  if (!info) return;
  state.run_time_ns = info->run_time_ns;
  state.run_count = info->run_count;
}

void look_at_xdp(const PinRoot& root, AttachmentState& state) {
  const Attachment& record = state.record;
  const Result<XdpChain> chain = XdpChain::open(root, record.netns, record.ifindex);
  if (!chain) {
    state.why_not = "the interface is gone";
    return;
  }
  state.attached = chain->runs(record.chain_index, record.program_id);
  if (!state.attached) state.why_not = "it was taken out of its chain";
  add_run_time(state, chain->entry_id());
}

void look_at_links(const std::string& folder, AttachmentState& state) {
  std::string_view why = "its link is gone";
  for (const std::string& name : names_in(folder)) {
    if (!name.starts_with("link")) continue;
    const Result<FileDescriptor> link = open_pin(folder + "/" + name);
    const Result<LinkInfo> info = link ? link_info(link->get()) : system_error("not open");
    if (!info) continue;
    if (info->type == LinkType::kTcx && info->ifindex == 0) {
      why = "the interface is gone";
      continue;
    }
    state.attached = true;
    if (info->type == LinkType::kTcx && info->program_id != state.record.program_id) {
      state.attached = false;
      why = "its link runs another program";
    }
    if (state.run_count == 0) add_run_time(state, info->program_id);
  }
  if (!state.attached) state.why_not = why;
}

/// How the place is called now, seen from inside its namespace.
void name_place(AttachmentState& state) {
  AttachPoint point = state.record.point;
  const std::optional<std::string> name = namespace_name(state.record.netns);
  if (name) {
    point.netns = *name;
  } else {
    point.netns = point.netns.empty() ? fmt::format("ns:{}", state.record.netns) : point.netns;
  }
  state.namespace_of = point.netns;
  const std::optional<NamespaceScope> scope = NamespaceScope::enter(state.record.netns);
  if (!scope) {
    if (state.attached) state.why_not = "its namespace has no name any more, or is another user's";
  } else if (state.record.ifindex != 0) {
    const Result<std::optional<Interface>> now = interface_at(state.record.ifindex);
    if (now && *now) point.interface = (*now)->name;
    if (point.hook == EntryPoint::kXdp && state.attached) state.mode = present_xdp_mode(state.record.ifindex);
  }
  if (state.mode == XdpMode::kNone) state.mode = state.record.mode;
  state.place = to_string(point);
}

/// Script errors by site, all slots together.
void count_errors(AttachmentState& state, const Map& memory) {
  static_assert(sizeof(pl_header) <= PL_ERROR_COUNTS_AT);
  static_assert(PL_ERROR_COUNTS_AT + PL_ERROR_COUNTS * sizeof(uint64_t) <= PL_WORKER);
  std::array<uint64_t, PL_ERROR_COUNTS> counts{};
  const Result<MappedValue> value = MappedValue::map(memory, false);
  if (!value) return;
  const std::span<const uint8_t> bytes = value->bytes();
  for (size_t slot = 0; slot + PL_SLOT_SIZE <= bytes.size(); slot += PL_SLOT_SIZE) {
    for (size_t i = 0; i < counts.size(); ++i)
      counts[i] += read_host<uint64_t>(bytes.data() + slot + PL_ERROR_COUNTS_AT + i * sizeof(uint64_t));
  }
  state.errors.assign(counts.begin(),
                      counts.begin() + std::min<ptrdiff_t>(std::ssize(state.record.errors), PL_ERROR_SITES));
  state.later_errors = counts[PL_ERROR_COUNT_LATER];
  state.broken_packets = counts[PL_ERROR_COUNT_BROKEN];
}

AttachmentState look_at_attachment(const PinRoot& root, const Attachment& record, const std::string& folder) {
  AttachmentState state;
  state.record = record;
  if (const Result<FileDescriptor> program = open_pin(folder + "/program"); program) {
    if (const Result<ProgramInfo> info = program_info(program->get()); info) {
      state.program = *info;
      state.memory += info->memory;
    }
  }
  if (record.point.hook == EntryPoint::kXdp) {
    look_at_xdp(root, state);
  } else {
    look_at_links(folder, state);
  }
  name_place(state);
  if (const std::optional<Map> memory = open_map(folder + "/memory"); memory) {
    state.memory += memory->memory_bytes();
    if (const auto counters = read_counters(*memory); counters) state.counters = *counters;
    count_errors(state, *memory);
  }
  for (const char* name : {"/tables", "/events"}) {
    if (const std::optional<Map> map = open_map(folder + name); map) state.memory += map->memory_bytes();
  }
  return state;
}

uint64_t count_entries(const Map& map) {
  if (map.shape().type == BPF_MAP_TYPE_ARRAY || map.shape().type == BPF_MAP_TYPE_PERCPU_ARRAY) {
    return map.shape().entries;
  }
  uint64_t count = 0;
  std::vector<uint8_t> key;
  while (count < map.shape().entries) {
    Result<std::optional<std::vector<uint8_t>>> next = map.next_key(key);
    if (!next || !*next) break;
    key = std::move(**next);
    ++count;
  }
  return count;
}

FilterState look_at_filter(const PinRoot& root, const std::string& name, Depth depth) {
  FilterState state;
  state.name = name;
  const std::string folder = root.path_of(name);
  state.unfinished = is_pinned(folder + std::string(kUnfinished));
  if (!is_pinned(folder)) {
    state.problem = "loading it was interrupted";
    state.hint = fmt::format("perilune unload {}", name);
    return state;
  }
  const std::optional<Map> manifest = open_map(folder + "/manifest");
  if (!manifest) {
    state.problem = "it cannot be read";
    state.hint = "look at it as the user who loaded it, or as root";
    return state;
  }
  Result<Manifest> read = read_manifest(*manifest);
  if (!read) {
    state.problem = read.error().message;
    state.hint = read.error().hint;
    return state;
  }
  state.manifest = std::move(*read);
  for (size_t i = 0; i < state.manifest.attachments.size(); ++i) {
    state.attachments.push_back(
        look_at_attachment(root, state.manifest.attachments[i], fmt::format("{}/at_{}", folder, i)));
  }
  for (size_t i = 0; i < state.manifest.maps.size(); ++i) {
    MapState one;
    one.declaration = state.manifest.maps[i];
    if (const std::optional<Map> map = open_map(fmt::format("{}/map_{}", folder, i)); map) {
      one.memory = map->memory_bytes();
      one.counted = depth == Depth::kAll;
      if (one.counted) one.entries = count_entries(*map);
    }
    state.maps.push_back(std::move(one));
  }
  return state;
}

}  // namespace

std::array<uint64_t, PL_COUNTERS> FilterState::counters() const {
  std::array<uint64_t, PL_COUNTERS> sums{};
  for (const AttachmentState& attachment : attachments) {
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += attachment.counters[i];
  }
  return sums;
}

uint64_t FilterState::memory() const {
  uint64_t bytes = 0;
  for (const AttachmentState& attachment : attachments)
    bytes += attachment.memory;
  for (const MapState& map : maps)
    bytes += map.memory;
  return bytes;
}

Result<std::vector<FilterState>> inspect_all(Depth depth) {
  const Result<PinRoot> root = PinRoot::open_for_reading();
  if (!root) return tl::make_unexpected(root.error());
  const Result<std::vector<std::string>> names = installed_names();
  if (!names) return tl::make_unexpected(names.error());
  std::vector<FilterState> states;
  for (const std::string& name : *names)
    states.push_back(look_at_filter(*root, name, depth));
  return states;
}

Result<FilterState> inspect(const std::string& name, Depth depth) {
  const Result<Manifest> manifest = find_manifest(name);
  if (!manifest && manifest.error().fault == Fault::kInput) return tl::make_unexpected(manifest.error());
  const Result<PinRoot> root = PinRoot::open_for_reading();
  if (!root) return tl::make_unexpected(root.error());
  return look_at_filter(*root, name, depth);
}

std::vector<Stray> inspect_strays() {
  const Result<PinRoot> root = PinRoot::open_for_reading();
  return root ? find_strays(*root) : std::vector<Stray>();
}

}  // namespace perilune::bpf
