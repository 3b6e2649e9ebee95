#include "cli/units.h"

#include <array>
#include <cctype>
#include <charconv>
#include <limits>

namespace perilune::cli {
namespace {

Result<uint64_t> parse_scaled(std::string_view text, uint64_t step, std::string_view example) {
  const auto wrong = [&](std::string_view why) -> Result<uint64_t> {
    return input_error(fmt::format("'{}' {}", text, why), fmt::format("write it like {}", example));
  };
  uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code == std::errc::result_out_of_range) return wrong("is too large");
  if (code != std::errc()) return wrong("is not a number above zero");
  const std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  uint64_t factor = 1;
  if (!suffix.empty()) {
    constexpr std::string_view kSuffixes = "kmgt";
    const size_t power = kSuffixes.find(static_cast<char>(std::tolower(static_cast<unsigned char>(suffix[0]))));
    if (suffix.size() > 1 || power == std::string_view::npos) return wrong("has an unknown unit");
    for (size_t i = 0; i <= power; ++i)
      factor *= step;
  }
  if (number == 0) return wrong("must be above zero");
  if (number > std::numeric_limits<uint64_t>::max() / factor) return wrong("is too large");
  return number * factor;
}

}  // namespace

Result<uint64_t> parse_bytes(std::string_view text) {
  return parse_scaled(text, 1024, "64M, 512K or 1G");
}

Result<uint64_t> parse_count(std::string_view text) {
  return parse_scaled(text, 1000, "1000000, 500k or 10M");
}

std::string grouped(uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (size_t i = text.size(); i > 3; i -= 3)
    text.insert(i - 3, 1, ',');
  return text;
}

std::string bytes_for_people(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace perilune::cli
