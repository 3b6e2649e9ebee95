// Reads integers in the byte order a capture file was written in.
#pragma once

#include <bit>
#include <cstdint>

#include "base/bytes.h"

namespace perilune::hooks {

class ByteOrder {
 public:
  explicit ByteOrder(bool big_endian) : big_endian_(big_endian) {}
  [[nodiscard]] bool big_endian() const { return big_endian_; }
  [[nodiscard]] uint16_t u16(const uint8_t* p) const { return big_endian_ ? read_be16(p) : read_le16(p); }
  [[nodiscard]] uint32_t u32(const uint8_t* p) const { return big_endian_ ? read_be32(p) : read_le32(p); }
  [[nodiscard]] uint64_t u64(const uint8_t* p) const {
    const uint64_t first = u32(p);
    const uint64_t second = u32(p + 4);
    return big_endian_ ? (first << 32) | second : (second << 32) | first;
  }

 private:
  bool big_endian_;
};

}  // namespace perilune::hooks
