// Text from scripts and packets made fit for people: terminals, log files and JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace perilune::script {

/// `text` as valid UTF-8 without control characters (line feeds and tabs excepted): any other byte becomes "\xNN". What
/// is longer than `longest` bytes is cut, and says so.
[[nodiscard]] std::string printable(std::string_view text, size_t longest = 4096);

/// "64 MiB", "1000 bytes": exact, in the largest unit that divides it.
[[nodiscard]] std::string size_text(size_t bytes);

}  // namespace perilune::script
