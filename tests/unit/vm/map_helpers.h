// Maps for tests: keys and values as numbers or bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "vm/map.h"

namespace perilune::vm {

inline ir::MapSpec map_spec(ir::MapType type, uint32_t key_size, uint32_t value_size, uint32_t entries) {
  ir::MapSpec spec;
  spec.name = "m";
  spec.type = type;
  spec.key_size = key_size;
  spec.value_size = value_size;
  spec.entries = entries;
  return spec;
}

/// A map with keys and values of 8 bytes (an array: keys of 4).
class NumberMap {
 public:
  NumberMap(ir::MapType type, uint32_t entries)
      : map_(make_map(map_spec(type, type == ir::MapType::kArray ? 4 : 8, 8, entries)).value()) {}

  std::optional<uint64_t> get(uint64_t key) {
    const uint8_t* value = map_->lookup(reinterpret_cast<const uint8_t*>(&key));
    if (value == nullptr) return std::nullopt;
    uint64_t number;
    std::memcpy(&number, value, sizeof number);
    return number;
  }
  int set(uint64_t key, uint64_t value, uint64_t flags = kAny) {
    return map_->update(reinterpret_cast<const uint8_t*>(&key), reinterpret_cast<const uint8_t*>(&value), flags);
  }
  int erase(uint64_t key) { return map_->erase(reinterpret_cast<const uint8_t*>(&key)); }
  Map& map() { return *map_; }

 private:
  std::unique_ptr<Map> map_;
};

/// A key of an lpm map over IPv4 addresses.
inline std::vector<uint8_t> prefix(uint32_t length, uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  std::vector<uint8_t> key(8);
  std::memcpy(key.data(), &length, sizeof length);
  key[4] = a;
  key[5] = b;
  key[6] = c;
  key[7] = d;
  return key;
}

}  // namespace perilune::vm
