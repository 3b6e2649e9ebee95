#include "vm/map.h"

#include <fmt/format.h>

#include "vm/entry_table.h"
#include "vm/map_kinds.h"

namespace perilune::vm {

Result<std::unique_ptr<Map>> make_map(const ir::MapSpec& spec) {
  constexpr uint32_t kMaxValueBytes = 1U << 20;
  const uint32_t least_key = spec.type == ir::MapType::kArray ? 4 : spec.type == ir::MapType::kLpm ? 5 : 1;
  const uint32_t most_key = spec.type == ir::MapType::kArray ? 4 : EntryTable::kMaxKeyBytes;
  if (spec.key_size < least_key || spec.key_size > most_key) {
    return input_error(fmt::format("map '{}': keys of {} bytes", spec.name, spec.key_size));
  }
  if (spec.value_size == 0 || spec.value_size > kMaxValueBytes) {
    return input_error(fmt::format("map '{}': values of {} bytes", spec.name, spec.value_size));
  }
  if (spec.entries == 0 || spec.entries == UINT32_MAX) {
    return input_error(fmt::format("map '{}': {} entries", spec.name, spec.entries));
  }
  switch (spec.type) {
    case ir::MapType::kHash:
      return make_hash_map(spec);
    case ir::MapType::kLru:
      return make_lru_map(spec);
    case ir::MapType::kLpm:
      return make_lpm_map(spec);
    case ir::MapType::kArray:
      return make_array_map(spec);
  }
  return input_error(fmt::format("map '{}': unknown type", spec.name));
}

}  // namespace perilune::vm
