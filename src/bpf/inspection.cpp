#include "bpf/inspection.h"

#include <algorithm>

#include <linux/bpf.h>
#include <linux/capability.h>

#include "base/bytes.h"
#include "base/capabilities.h"
#include "bpf/clock.h"
#include "bpf/hook.h"
#include "bpf/hooks/xdp_chain.h"
#include "bpf/pinned_maps.h"
#include "bpf/place.h"
#include "bpf/successor.h"
#include "bpf/tiny_program.h"

namespace perilune::bpf {
namespace {

/// The program a link runs, for its run time. Only an administrator may ask.
Result<void> add_run_time(AttachmentState& state, uint32_t program_id) {
  if (state.run_count != 0 || program_id == 0 || !has_capability(CAP_SYS_ADMIN)) return {};
  const Result<std::optional<FileDescriptor>> fd = open_id(ObjectKind::kProgram, program_id);
  if (!fd) return tl::make_unexpected(fd.error());
  if (!*fd) return {};
  const Result<ProgramInfo> info = program_info((*fd)->get());
  if (!info) return tl::make_unexpected(info.error());
  state.run_time_ns = info->run_time_ns;
  state.run_count = info->run_count;
  return {};
}

constexpr std::string_view kReloadInterrupted =
    "a reload was interrupted: packets meet the new script here; reload it again";

/// Is it attached, and to what? Sets `attached`, `remark`, run times.
Result<Held> look_at_hook(const PinRoot& root, AttachmentState& state, const std::string& folder,
                          const std::optional<Successor>& successor) {
  const Attachment& record = state.record;
  std::vector<uint32_t> programs{record.program_id};
  if (successor) programs.push_back(successor->program_id);
  const Hook& hook = *record.point.hook;
  Result<Held> held = hook.find(root, record, folder, programs);
  if (!held) return held;
  if (!held->link) {
    state.remark = hook.gone();
  } else if (hook.is_adrift(*held->link)) {
    state.remark = hook.adrift();
  } else if (std::ranges::find(programs, held->running) == programs.end()) {
    state.remark = held->running == 0 ? "unloading it was interrupted" : "its link runs another program";
  } else {
    state.attached = true;
    if (held->running != record.program_id) state.remark = kReloadInterrupted;
  }
  if (held->link) {
    if (const Result<void> added = add_run_time(state, held->link->program_id); !added) {
      return tl::make_unexpected(added.error());
    }
  }
  return held;
}

/// How the place is called now.
Result<void> name_place(AttachmentState& state, const std::optional<LinkInfo>& link) {
  Result<Whereabouts> where = locate(state.record, state.attached && link ? &*link : nullptr);
  if (!where) return tl::make_unexpected(where.error());
  state.now = std::move(where->point);
  state.place = to_string(state.now);
  state.ifindex = where->ifindex;
  state.mode = state.record.mode;
  if (where->interface && state.record.mode != XdpMode::kNone) state.mode = xdp_mode(*where->interface);
  if (!where->remark.empty()) state.remark += (state.remark.empty() ? "" : "; ") + where->remark;
  return {};
}

/// Script errors by site, all slots together.
Result<void> count_errors(AttachmentState& state, const Map& memory) {
  static_assert(PL_CALL + sizeof(pl_call) <= PL_ERROR_COUNTS_AT);
  static_assert(PL_ERROR_COUNTS_AT + PL_ERROR_COUNTS * sizeof(uint64_t) <= PL_WORKER);
  std::array<uint64_t, PL_ERROR_COUNTS> counts{};
  const Result<MappedValue> value = MappedValue::map(memory, false);
  if (!value) return tl::make_unexpected(value.error());
  const std::span<const uint8_t> bytes = value->bytes();
  for (size_t slot = 0; slot + PL_SLOT_SIZE <= bytes.size(); slot += PL_SLOT_SIZE) {
    for (size_t i = 0; i < counts.size(); ++i)
      counts[i] += read_host<uint64_t>(bytes.data() + slot + PL_ERROR_COUNTS_AT + i * sizeof(uint64_t));
  }
  state.errors.assign(counts.begin(),
                      counts.begin() + std::min<ptrdiff_t>(std::ssize(state.record.errors), PL_ERROR_SITES));
  state.later_errors = counts[PL_ERROR_COUNT_LATER];
  state.broken_packets = counts[PL_ERROR_COUNT_BROKEN];
  return {};
}

/// What the kernel accounts for an attachment's own objects, and the script errors it counted.
Result<void> look_at_objects(AttachmentState& state, const std::string& folder) {
  const Result<std::optional<FileDescriptor>> program = find_pin(folder + "/program");
  if (!program) return tl::make_unexpected(program.error());
  if (*program) {
    const Result<ProgramInfo> info = program_info((*program)->get());
    if (!info) return tl::make_unexpected(info.error());
    state.program = *info;
    state.memory += info->memory;
  }
  for (const char* name : {"/memory", "/tables", "/events"}) {
    const Result<std::optional<Map>> map = find_map(folder + name);
    if (!map) return tl::make_unexpected(map.error());
    if (!*map) continue;
    state.memory += (*map)->memory_bytes();
    if (std::string_view(name) != "/memory") continue;
    if (const Result<void> counted = count_errors(state, **map); !counted) return counted;
  }
  return {};
}

Result<AttachmentState> look_at_attachment(const PinRoot& root, const Manifest& manifest, const std::string& filter,
                                           size_t index) {
  AttachmentState state;
  state.record = manifest.attachments[index];
  const std::string folder = fmt::format("{}/at_{}", filter, index);
  const Result<std::optional<Successor>> successor = find_successor(filter, index);
  if (!successor) return tl::make_unexpected(successor.error());
  const Result<Held> held = look_at_hook(root, state, folder, *successor);
  if (!held) return tl::make_unexpected(held.error());
  if (state.attached) state.usage = state.record.point.hook->usage(state.record.point, folder);
  if (const Result<void> named = name_place(state, held->link); !named) return tl::make_unexpected(named.error());
  if (const Result<void> done = look_at_objects(state, folder); !done) return tl::make_unexpected(done.error());
  // A successor counts on from here, whether it runs already or not any more.
  const Result<Counters> counters = counted_at(*successor ? (*successor)->folder : folder);
  if (!counters) return tl::make_unexpected(counters.error());
  state.counters = *counters;
  // Not every user may write there; then the clock stays as it is.
  const Result<std::optional<Map>> memory = find_map(folder + "/memory");
  if (memory && *memory) (void)correct_clock(**memory);
  return state;
}

Result<uint64_t> count_entries(const Map& map) {
  if (map.shape().type == BPF_MAP_TYPE_ARRAY || map.shape().type == BPF_MAP_TYPE_PERCPU_ARRAY) {
    return map.shape().entries;
  }
  uint64_t count = 0;
  std::vector<uint8_t> key;
  while (count < map.shape().entries) {
    Result<std::optional<std::vector<uint8_t>>> next = map.next_key(key);
    if (!next) return tl::make_unexpected(next.error());
    if (!*next) break;
    key = std::move(**next);
    ++count;
  }
  return count;
}

Result<MapState> look_at_map(const MapDeclaration& declaration, const std::string& path, Depth depth) {
  MapState state;
  state.declaration = declaration;
  const Result<std::optional<Map>> map = find_map(path);
  if (!map) return tl::make_unexpected(map.error());
  if (!*map) return state;
  state.memory = (*map)->memory_bytes();
  if (depth != Depth::kAll) return state;
  const Result<uint64_t> entries = count_entries(**map);
  if (!entries) return tl::make_unexpected(entries.error());
  state.entries = *entries;
  state.counted = true;
  return state;
}

/// False: the manifest tells nothing; `problem` says why.
Result<bool> look_at_manifest(FilterState& state, const std::string& folder) {
  const Result<bool> there = exists(folder);
  if (!there) return tl::make_unexpected(there.error());
  if (!*there) {
    state.problem = state.under_way ? "it is being loaded" : "loading it was interrupted";
    if (!state.under_way) state.hint = fmt::format("perilune unload {}", state.name);
    return false;
  }
  const Result<std::optional<Map>> manifest = find_map(folder + "/manifest");
  if (!manifest) return tl::make_unexpected(manifest.error());
  if (!*manifest) {
    state.problem = state.under_way ? "it is being unloaded" : "unloading it was interrupted";
    if (!state.under_way) state.hint = fmt::format("perilune unload {}", state.name);
    return false;
  }
  Result<Manifest> read = read_manifest(**manifest);
  if (!read) {
    state.problem = read.error().message;
    state.hint = read.error().hint;
    return false;
  }
  state.manifest = std::move(*read);
  return true;
}

Result<FilterState> look_once(const PinRoot& root, const std::string& name, Depth depth) {
  FilterState state;
  state.name = name;
  const std::string folder = root.path_of(name);
  const Result<bool> unfinished = exists(folder + std::string(kUnfinished));
  if (!unfinished) return tl::make_unexpected(unfinished.error());
  state.unfinished = *unfinished;
  const Result<bool> under_way = root.is_being_changed();
  if (!under_way) return tl::make_unexpected(under_way.error());
  state.under_way = *under_way;
  const Result<bool> told = look_at_manifest(state, folder);
  if (!told) return tl::make_unexpected(told.error());
  if (!*told) return state;
  for (size_t i = 0; i < state.manifest.attachments.size(); ++i) {
    Result<AttachmentState> one = look_at_attachment(root, state.manifest, folder, i);
    if (!one) return tl::make_unexpected(one.error());
    if (state.under_way && one->attached && one->remark == kReloadInterrupted) one->remark.clear();
    state.attachments.push_back(std::move(*one));
  }
  for (size_t i = 0; i < state.manifest.maps.size(); ++i) {
    Result<MapState> one = look_at_map(state.manifest.maps[i], fmt::format("{}/map_{}", folder, i), depth);
    if (!one) return tl::make_unexpected(one.error());
    state.maps.push_back(std::move(*one));
  }
  return state;
}

/// Nothing is locked: a command that changes the filter meanwhile gives its folder, or the one beside it, another
/// inode.
Result<std::array<uint64_t, 2>> generation(const std::string& folder) {
  std::array<uint64_t, 2> inodes{};
  for (size_t i = 0; i < inodes.size(); ++i) {
    const Result<std::optional<struct stat>> status =
        file_status(i == 0 ? folder : folder + std::string(kUnfinished), false);
    if (!status) return tl::make_unexpected(status.error());
    if (*status) inodes[i] = (*status)->st_ino;
  }
  return inodes;
}

/// Nothing: it was unloaded meanwhile.
Result<std::optional<FilterState>> look_at_filter(const PinRoot& root, const std::string& name, Depth depth) {
  constexpr int kTries = 50;
  for (int tries = 1;; ++tries) {
    const auto before = generation(root.path_of(name));
    if (!before) return tl::make_unexpected(before.error());
    Result<FilterState> state = look_once(root, name, depth);
    const auto after = generation(root.path_of(name));
    if (!after) return tl::make_unexpected(after.error());
    if (*before != *after && tries < kTries) continue;
    if (!state) return tl::make_unexpected(state.error());
    if ((*after)[0] == 0 && (*after)[1] == 0) return std::optional<FilterState>();
    return std::optional<FilterState>(std::move(*state));
  }
}

}  // namespace

Counters FilterState::counters() const {
  Counters sums{};
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
  for (const std::string& name : *names) {
    Result<std::optional<FilterState>> state = look_at_filter(*root, name, depth);
    if (!state) return tl::make_unexpected(state.error());
    if (*state) states.push_back(std::move(**state));
  }
  return states;
}

Result<FilterState> inspect(const std::string& name, Depth depth) {
  const Result<PinRoot> root = PinRoot::open_for_reading();
  if (!root) return tl::make_unexpected(root.error());
  const Result<std::vector<std::string>> names = installed_names();
  if (!names) return tl::make_unexpected(names.error());
  if (std::ranges::find(*names, name) != names->end()) {
    Result<std::optional<FilterState>> state = look_at_filter(*root, name, depth);
    if (!state) return tl::make_unexpected(state.error());
    if (*state) return std::move(**state);
  }
  const Result<Manifest> manifest = find_manifest(name);
  if (!manifest) return tl::make_unexpected(manifest.error());
  return system_error(fmt::format("'{}' was unloaded at this moment", name));
}

Result<std::vector<Stray>> inspect_strays() {
  const Result<PinRoot> root = PinRoot::open_for_reading();
  if (!root) return tl::make_unexpected(root.error());
  return find_strays(*root);
}

}  // namespace perilune::bpf
