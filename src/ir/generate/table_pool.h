// The read-only tables of one image, collected while it is compiled: Image::tables in the end.
//
// A table is read at base + (index & mask): the verifier sees every byte up to the mask as read, so a table says how
// far it is reached, which may be beyond its own end: other tables or zeros stand there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace perilune::ir {

class TablePool {
 public:
  /// Where the table stands: the same place for the same bytes. `alignment` is a power of two; `reach`: bytes from
  /// there on that may be read.
  uint32_t add(std::span<const uint8_t> table, uint32_t alignment, size_t reach) {
    const uint32_t place = place_of(table, alignment);
    reach_ = std::max(reach_, place + std::max(reach, table.size()));
    return place;
  }

  /// All of them, with zeros up to where the farthest is reached. The pool is empty then.
  [[nodiscard]] std::vector<uint8_t> take() {
    bytes_.resize(std::max(reach_, bytes_.size()));
    places_.clear();
    reach_ = 0;
    return std::exchange(bytes_, {});
  }

 private:
  uint32_t place_of(std::span<const uint8_t> table, uint32_t alignment) {
    const std::string_view text(reinterpret_cast<const char*>(table.data()), table.size());
    const size_t hash = std::hash<std::string_view>{}(text);
    const auto [first, last] = places_.equal_range(hash);
    for (auto known = first; known != last; ++known) {
      const uint32_t place = known->second;
      if (place % alignment == 0 && place + table.size() <= bytes_.size() &&
          std::ranges::equal(table, std::span(bytes_).subspan(place, table.size())))
        return place;
    }
    const auto place = static_cast<uint32_t>((bytes_.size() + alignment - 1) / alignment * alignment);
    bytes_.resize(place);
    bytes_.insert(bytes_.end(), table.begin(), table.end());
    places_.emplace(hash, place);
    return place;
  }

  std::vector<uint8_t> bytes_;
  size_t reach_ = 0;
  std::unordered_multimap<size_t, uint32_t> places_;  // by the hash of their bytes
};

}  // namespace perilune::ir
