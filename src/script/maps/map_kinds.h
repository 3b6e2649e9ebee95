// The kinds of maps, as MapStore makes them.
#pragma once

#include <cstdint>
#include <memory>

#include "script/maps/map_store.h"

namespace perilune::script {

/// hash, lru, and counters with a key.
[[nodiscard]] std::unique_ptr<Map> make_hash_map(const MapDeclaration& declaration, uint64_t hash_seed);
/// Keys: as lpm_key below says.
[[nodiscard]] std::unique_ptr<Map> make_lpm_map(const MapDeclaration& declaration, uint64_t hash_seed);
/// Keys: uint32_t, the index.
[[nodiscard]] std::unique_ptr<Map> make_array_map(const MapDeclaration& declaration);
/// A counter without a key.
[[nodiscard]] std::unique_ptr<Map> make_single_counter(const MapDeclaration& declaration);

/// A key of an lpm map.
namespace lpm_key {
inline constexpr size_t kFamily = 0;   // 4 or 6
inline constexpr size_t kLength = 1;   // of the prefix, in bits
inline constexpr size_t kAddress = 2;  // 16 bytes; of IPv4 the first 4, zeros after
inline constexpr size_t kSize = 18;
}  // namespace lpm_key

}  // namespace perilune::script
