// Numbers as people write them on a command line, and as they like to read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace perilune::cli {

/// "64M", "512K", "1G", "4096": bytes, binary multiples. Zero, signs, fractions and overflow are errors.
[[nodiscard]] Result<uint64_t> parse_bytes(std::string_view text);
/// "1000000", "10M", "500k": a count above zero, decimal multiples.
[[nodiscard]] Result<uint64_t> parse_count(std::string_view text);

/// 1234567 -> "1,234,567"
[[nodiscard]] std::string grouped(uint64_t number);
/// 1536 -> "1.5 KiB"
[[nodiscard]] std::string bytes_for_people(uint64_t bytes);

}  // namespace perilune::cli
