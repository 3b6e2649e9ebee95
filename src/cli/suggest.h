// "Did you mean": script::nearest() for lists of names that are owned.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "script/nearest.h"

namespace perilune::cli {

/// The nearest of `known`, or empty when none is near enough to be what was meant.
[[nodiscard]] inline std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  return std::string(script::nearest(word, views));
}

}  // namespace perilune::cli
