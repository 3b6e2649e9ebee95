// The read-only tables of one image, collected while it is compiled: Image::tables in the end.
//
// A table is read at base + (index & mask): the verifier sees every byte up to the mask as read, so a table says how
// far it is reached, which may be beyond its own end: other tables or zeros stand there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace perilune::ir {

class TablePool {
 public:
  /// Where the table stands: the same place for the same bytes. `alignment` is a power of two; `reach`: bytes from
  /// there on that may be read.
  uint32_t add(std::span<const uint8_t> table, uint32_t alignment, size_t reach) {
    std::vector<uint8_t> key(table.begin(), table.end());
    const auto found = places_.find(key);
    uint32_t place = 0;
    if (found != places_.end() && found->second % alignment == 0) {
      place = found->second;
    } else {
      place = static_cast<uint32_t>((bytes_.size() + alignment - 1) / alignment * alignment);
      bytes_.resize(place);
      bytes_.insert(bytes_.end(), table.begin(), table.end());
      places_.insert_or_assign(std::move(key), place);
    }
    reach_ = std::max(reach_, place + std::max(reach, table.size()));
    return place;
  }

  /// All of them, with zeros up to where the farthest is reached.
  [[nodiscard]] std::vector<uint8_t> bytes() const {
    std::vector<uint8_t> bytes = bytes_;
    bytes.resize(std::max(reach_, bytes_.size()));
    return bytes;
  }

 private:
  std::vector<uint8_t> bytes_;
  size_t reach_ = 0;
  std::map<std::vector<uint8_t>, uint32_t> places_;
};

}  // namespace perilune::ir
