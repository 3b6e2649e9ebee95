#include "bpf/new_entries.h"

#include <array>
#include <set>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/bytes.h"
#include "base/realtime.h"
#include "bpf/initial_entries.h"
#include "bpf/pinned_maps.h"
#include "bpf/pins.h"

namespace perilune::bpf {
namespace {

constexpr const char* kList = "/new_entries";
constexpr std::array<uint8_t, 4> kOnlyKey{};

// The list: for each key the map's id and the key's size, four bytes each, and the key; a size of 0 ends it.
constexpr size_t kHead = 2 * sizeof(uint32_t);

void append(std::vector<uint8_t>& list, uint32_t map_id, std::span<const uint8_t> key) {
  const std::array<uint32_t, 2> head{map_id, static_cast<uint32_t>(key.size())};
  const auto* bytes = reinterpret_cast<const uint8_t*>(head.data());
  list.insert(list.end(), bytes, bytes + kHead);
  list.insert(list.end(), key.begin(), key.end());
}

/// False: there is an entry with this key by now, which stays as it is.
Result<bool> insert(const Map& map, const ir::MapSpec& spec, const ir::MapSpec::Entry& entry) {
  const std::vector<uint8_t> value = initial_value(spec, entry, realtime_ns());
  const int done = bpf_map_update_elem(map.fd(), entry.key.data(), value.data(), BPF_NOEXIST);
  if (done == 0) return true;
  if (done == -EEXIST) return false;
  return errno_error(fmt::format("write to the map '{}'", map.shape().name), -done,
                     done == -E2BIG ? "it is full: declare it larger" : "");
}

/// Which of the keys the map does not have. The lookup of a longest-prefix map finds shorter prefixes too, so there all
/// keys are listed.
Result<std::vector<const ir::MapSpec::Entry*>> missing(const Map& map, const ir::MapSpec& spec) {
  std::set<std::vector<uint8_t>> present;
  if (spec.type == ir::MapType::kLpm && !spec.initial.empty()) {
    std::vector<uint8_t> key;
    while (present.size() <= map.shape().entries) {
      Result<std::optional<std::vector<uint8_t>>> next = map.next_key(key);
      if (!next) return tl::make_unexpected(next.error());
      if (!*next) break;
      key = std::move(**next);
      present.insert(key);
    }
  }
  std::vector<const ir::MapSpec::Entry*> entries;
  std::vector<uint8_t> value(map.shape().value_size);
  for (const ir::MapSpec::Entry& entry : spec.initial) {
    bool there = present.contains(entry.key);
    if (spec.type != ir::MapType::kLpm) {
      const Result<bool> found = map.lookup(entry.key, value);
      if (!found) return tl::make_unexpected(found.error());
      there = *found;
    }
    if (!there) entries.push_back(&entry);
  }
  return entries;
}

Result<void> pin_list(std::vector<uint8_t> list, const std::string& folder) {
  append(list, 0, {});
  MapShape shape;
  shape.name = "perilune_keys";
  shape.type = BPF_MAP_TYPE_ARRAY;
  shape.key_size = sizeof kOnlyKey;
  shape.value_size = static_cast<uint32_t>(list.size());
  shape.entries = 1;
  const Result<Map> map = Map::create(shape);
  if (!map) return tl::make_unexpected(map.error());
  if (const Result<void> written = map->update(kOnlyKey, list); !written) return written;
  return pin(map->fd(), folder + kList);
}

}  // namespace

NewEntries::~NewEntries() {
  for (const auto& [map, key] : added_)
    (void)map->erase(key);
}

Result<void> NewEntries::add(const LoadedProgram& program, const ir::Image& image, const std::string& folder) {
  struct Missing {
    const Map* map;
    const ir::MapSpec* spec;
    const ir::MapSpec::Entry* entry;
  };
  std::vector<Missing> entries;
  std::vector<uint8_t> list;
  for (size_t i = 0; i < program.maps.size(); ++i) {
    const Map& map = program.maps[i];
    if (!program.reused[i] || image.maps[i].type == ir::MapType::kArray) continue;
    const Result<std::vector<const ir::MapSpec::Entry*>> some = missing(map, image.maps[i]);
    if (!some) return tl::make_unexpected(some.error());
    for (const ir::MapSpec::Entry* entry : *some) {
      entries.push_back({&map, &image.maps[i], entry});
      append(list, map.id(), entry->key);
    }
  }
  if (entries.empty()) return {};
  if (const Result<void> pinned = pin_list(std::move(list), folder); !pinned) return pinned;
  for (const auto& [map, spec, entry] : entries) {
    const Result<bool> fresh = insert(*map, *spec, *entry);
    if (!fresh) return tl::make_unexpected(fresh.error());
    if (*fresh) added_.emplace_back(map, entry->key);
  }
  return {};
}

Result<void> NewEntries::undo(const std::string& folder, const std::string& unfinished) {
  Result<std::optional<FileDescriptor>> pinned = find_pin(unfinished + kList);
  if (!pinned) return tl::make_unexpected(pinned.error());
  if (!*pinned) return {};
  const Result<Map> list = Map::adopt(std::move(**pinned));
  if (!list) return tl::make_unexpected(list.error());
  std::vector<uint8_t> bytes(list->shape().value_size);
  const Result<bool> there = list->lookup(kOnlyKey, bytes);
  if (!there) return tl::make_unexpected(there.error());
  const Result<std::vector<Map>> maps = script_maps_in(folder);
  if (!maps) return tl::make_unexpected(maps.error());
  std::span<const uint8_t> left = bytes;
  while (left.size() >= kHead) {
    const auto id = read_host<uint32_t>(left.data());
    const auto size = read_host<uint32_t>(left.data() + sizeof(uint32_t));
    left = left.subspan(kHead);
    if (size == 0 || size > left.size()) break;
    for (const Map& map : *maps) {
      if (map.id() != id || map.shape().key_size != size) continue;
      if (const Result<bool> gone = map.erase(left.first(size)); !gone) return tl::make_unexpected(gone.error());
    }
    left = left.subspan(size);
  }
  return forget(unfinished);
}

Result<void> NewEntries::forget(const std::string& folder) {
  return remove_pins(folder + kList);
}

}  // namespace perilune::bpf
