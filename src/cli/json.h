// JSON as this program writes it: members in the order they were added, always valid UTF-8.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace perilune::cli {

using Json = nlohmann::ordered_json;

/// On one line; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] inline std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A string with its quotation marks.
[[nodiscard]] inline std::string json_string(std::string_view text) {
  return to_line(Json(text));
}

}  // namespace perilune::cli
