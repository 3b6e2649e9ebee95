#include "ir/error_text.h"

#include <array>

#include <fmt/format.h>

namespace perilune::ir {

std::string error_text(const Site& site, uint64_t first, uint64_t second) {
  std::string text = site.text;
  const std::array values{first, second};
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string place = fmt::format("{{{}}}", i);
    const std::string number = std::to_string(static_cast<int64_t>(values[i]));
    for (size_t at = text.find(place); at != std::string::npos; at = text.find(place, at + number.size()))
      text.replace(at, place.size(), number);
  }
  return text;
}

}  // namespace perilune::ir
