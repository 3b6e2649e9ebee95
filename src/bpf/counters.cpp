#include "bpf/counters.h"

#include <algorithm>
#include <cstring>

#include <linux/bpf.h>

#include "base/bytes.h"
#include "bpf/pinned_maps.h"
#include "bpf/pins.h"

namespace perilune::bpf {
namespace {

constexpr std::array<uint8_t, 4> kOnlyKey{};
constexpr const char* kMemory = "/memory";
constexpr const char* kBase = "/base";
constexpr const char* kOldMemory = "/old_memory";

struct Base {
  uint64_t settled = 1;  // the program before is in the sum
  Counters counters{};
};

void add(Counters& sum, const Counters& other) {
  for (size_t i = 0; i < sum.size(); ++i)
    sum[i] += other[i];
}

/// None yet: nothing was counted before.
Result<Base> read_base(const std::string& folder) {
  Base base;
  const Result<std::optional<Map>> map = find_map(folder + kBase);
  if (!map) return tl::make_unexpected(map.error());
  if (!*map) return base;
  std::vector<uint8_t> bytes((*map)->shape().value_size);
  const Result<bool> there = (*map)->lookup(kOnlyKey, bytes);
  if (!there) return tl::make_unexpected(there.error());
  if (*there) std::memcpy(&base, bytes.data(), std::min(bytes.size(), sizeof base));
  return base;
}

Result<void> write_base(const Map& map, const Base& base) {
  std::vector<uint8_t> bytes(sizeof base);
  std::memcpy(bytes.data(), &base, sizeof base);
  return map.update(kOnlyKey, bytes);
}

}  // namespace

Result<Counters> read_counters(const Map& memory) {
  const Result<MappedValue> value = MappedValue::map(memory, false);
  if (!value) return tl::make_unexpected(value.error());
  const std::span<const uint8_t> bytes = value->bytes();
  Counters sums{};
  for (size_t slot = 0; slot + PL_SLOT_SIZE <= bytes.size(); slot += PL_SLOT_SIZE) {
    for (size_t i = 0; i < sums.size(); ++i) {
      // Programs write there meanwhile; an aligned load of eight bytes is whole.
      const auto* at = bytes.data() + slot + PL_CALL + offsetof(pl_call, counters) + i * sizeof(uint64_t);
      sums[i] += __atomic_load_n(reinterpret_cast<const uint64_t*>(at), __ATOMIC_RELAXED);
    }
  }
  sums[PL_COUNT_PACKETS] = 0;
  for (const unsigned verdict : {PL_COUNT_PASS, PL_COUNT_BLOCK, PL_COUNT_REJECT, PL_COUNT_REPLY})
    sums[PL_COUNT_PACKETS] += sums[verdict];
  return sums;
}

Result<Counters> counted_at(const std::string& folder) {
  const Result<Base> base = read_base(folder);
  if (!base) return tl::make_unexpected(base.error());
  Counters sum = base->counters;
  for (const char* name : {kMemory, kOldMemory}) {
    if (name == kOldMemory && base->settled != 0) continue;
    const Result<std::optional<Map>> memory = find_map(folder + name);
    if (!memory) return tl::make_unexpected(memory.error());
    if (!*memory) continue;
    const Result<Counters> counters = read_counters(**memory);
    if (!counters) return counters;
    add(sum, *counters);
  }
  return sum;
}

Result<void> count_on(const std::string& folder, const std::string& old_folder) {
  if (const Result<void> settled = settle_counters(old_folder); !settled) return settled;
  Result<Base> base = read_base(old_folder);
  if (!base) return tl::make_unexpected(base.error());
  base->settled = 0;
  MapShape shape;
  shape.name = "perilune_base";
  shape.type = BPF_MAP_TYPE_HASH;  // not an array: readers see the old value or the new one, never half of each
  shape.flags = BPF_F_NO_PREALLOC;
  shape.key_size = sizeof kOnlyKey;
  shape.value_size = sizeof(Base);
  shape.entries = 1;
  const Result<Map> map = Map::create(shape);
  if (!map) return tl::make_unexpected(map.error());
  if (const Result<void> written = write_base(*map, *base); !written) return written;
  const Result<FileDescriptor> old_memory = open_pin(old_folder + kMemory);
  if (!old_memory) return tl::make_unexpected(old_memory.error());
  if (const Result<void> pinned = pin(old_memory->get(), folder + kOldMemory); !pinned) return pinned;
  return pin(map->fd(), folder + kBase);
}

Result<void> settle_counters(const std::string& folder) {
  Result<Base> base = read_base(folder);
  if (!base) return tl::make_unexpected(base.error());
  if (base->settled == 0) {
    const Result<std::optional<Map>> memory = find_map(folder + kOldMemory);
    if (!memory) return tl::make_unexpected(memory.error());
    if (*memory) {
      const Result<Counters> counters = read_counters(**memory);
      if (!counters) return tl::make_unexpected(counters.error());
      add(base->counters, *counters);
    }
    base->settled = 1;
    const Result<std::optional<Map>> map = find_map(folder + kBase);
    if (!map) return tl::make_unexpected(map.error());
    if (*map) {
      if (const Result<void> written = write_base(**map, *base); !written) return written;
    }
  }
  return remove_pins(folder + kOldMemory);
}

}  // namespace perilune::bpf
