// What a filter's code works on, for the two interpreters of these tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <vector>

#include "event/slot.h"

namespace perilune::ir::test {

inline constexpr uint32_t kKeySize = 8;
inline constexpr uint32_t kValueSize = 16;

struct World {
  std::vector<uint8_t> memory = std::vector<uint8_t>(PL_SLOT_SIZE + PL_MEMORY_PAD);
  std::vector<uint8_t> tables = std::vector<uint8_t>(4096 + 64);
  std::vector<std::map<std::vector<uint8_t>, std::vector<uint8_t>>> maps{2};
  std::vector<std::vector<uint8_t>> events;
  std::vector<uint64_t> pulls;
  // These stand still: calls whose result nobody needs may be dropped.
  uint64_t clock = 1000;
  uint32_t random = 0x9e3779b9;

  std::vector<uint8_t>* lookup(uint32_t map, const uint8_t* key) {
    const auto found = maps[map].find({key, key + kKeySize});
    return found == maps[map].end() ? nullptr : &found->second;
  }
  int64_t update(uint32_t map, const uint8_t* key, const uint8_t* value) {
    std::vector<uint8_t>& place = maps[map][{key, key + kKeySize}];
    place.assign(value, value + kValueSize);
    return 0;
  }
  int64_t erase(uint32_t map, const uint8_t* key) { return maps[map].erase({key, key + kKeySize}) == 1 ? 0 : -2; }
  [[nodiscard]] uint64_t ktime() const { return clock; }
  [[nodiscard]] uint32_t next_random() const { return random; }
  int64_t emit(const uint8_t* from, uint64_t length) {
    events.emplace_back(from, from + length);
    return 0;
  }
  void pull(uint64_t upto) { pulls.push_back(upto); }
  void replace(uint64_t length) { pulls.push_back(~length); }

  /// Everything but where the allocator keeps registers.
  [[nodiscard]] bool same(const World& other) const {
    return memcmp(memory.data(), other.memory.data(), PL_SPILL) == 0 &&
           memcmp(memory.data() + PL_SCRATCH, other.memory.data() + PL_SCRATCH, memory.size() - PL_SCRATCH) == 0 &&
           maps == other.maps && events == other.events && pulls == other.pulls;
  }
};

}  // namespace perilune::ir::test
