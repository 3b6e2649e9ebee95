// The kinds of maps, as MapStore makes them.
#pragma once

#include <cstdint>
#include <memory>

#include "script/map_store.h"

namespace perilune::script {

/// hash, lru, and counters with a key.
[[nodiscard]] std::unique_ptr<Map> make_hash_map(const MapDeclaration& declaration, uint64_t hash_seed);
/// Keys: {4 or 6, prefix length, 16 bytes of address}; see lpm_map.cpp.
[[nodiscard]] std::unique_ptr<Map> make_lpm_map(const MapDeclaration& declaration, uint64_t hash_seed);
/// Keys: uint32_t, the index.
[[nodiscard]] std::unique_ptr<Map> make_array_map(const MapDeclaration& declaration);
/// A counter without a key.
[[nodiscard]] std::unique_ptr<Map> make_single_counter(const MapDeclaration& declaration);

/// The bytes that such a map takes when full.
[[nodiscard]] uint64_t memory_of(const MapDeclaration& declaration);

/// Bytes of a key, whatever the kind.
[[nodiscard]] size_t key_bytes(const MapDeclaration& declaration);

inline constexpr size_t kLpmKeyBytes = 18;

}  // namespace perilune::script
