// Options of pcapng blocks: `code 2 | length 2 | value`, padded to 4 bytes, up to code 0 or the end of the block.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "hooks/capture/byte_order.h"

namespace perilune::hooks {

/// The direction in the flags of a packet (option 2 of packet blocks).
inline constexpr uint32_t kDirectionMask = 3;
inline constexpr uint32_t kFlagInbound = 1;
inline constexpr uint32_t kFlagOutbound = 2;

struct Option {
  uint16_t code = 0;
  std::span<const uint8_t> value;
};

class OptionReader {
 public:
  OptionReader(std::span<const uint8_t> bytes, ByteOrder order) : bytes_(bytes), order_(order) {}

  /// Nothing at the end, or when an option reaches beyond the bytes: then damaged().
  [[nodiscard]] std::optional<Option> next() {
    constexpr size_t kHead = 4;
    if (bytes_.empty()) return std::nullopt;
    if (bytes_.size() < kHead) return stop(true);
    const uint16_t code = order_.u16(bytes_.data());
    const size_t length = order_.u16(bytes_.data() + 2);
    if (code == 0) return stop(false);
    if (length > bytes_.size() - kHead) return stop(true);
    const Option option{.code = code, .value = bytes_.subspan(kHead, length)};
    const size_t padded = kHead + ((length + 3) & ~size_t{3});
    bytes_ = bytes_.subspan(padded < bytes_.size() ? padded : bytes_.size());
    return option;
  }
  [[nodiscard]] bool damaged() const { return damaged_; }

 private:
  std::optional<Option> stop(bool damaged) {
    damaged_ = damaged;
    bytes_ = {};
    return std::nullopt;
  }

  std::span<const uint8_t> bytes_;
  ByteOrder order_;
  bool damaged_ = false;
};

}  // namespace perilune::hooks
