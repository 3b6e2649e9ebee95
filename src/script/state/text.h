// Text from scripts and packets made fit for people: terminals, log files and JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace perilune::script {

/// `text` as valid UTF-8 without control characters (line feeds and tabs excepted): any other byte becomes "\xNN". What
/// is longer than `longest` bytes is cut, and says so.
[[nodiscard]] std::string printable(std::string_view text, size_t longest = 4096);

/// Bytes of text that a line of a log shows at most.
inline constexpr size_t kLongestLogLine = 1024;

/// A line of a log: `text` as printable() makes it, with line feeds and tabs as \n and \t and cut at that length:
/// packets come from strangers, and a payload in a log must not be able to forge lines or to reach a terminal.
[[nodiscard]] std::string log_line(std::string_view text);

/// What stands in a log for the lines of a packet beyond kMostLogLines.
[[nodiscard]] std::string more_lines(uint64_t lines);

/// The bytes of a key or value, one by one: printable ASCII as it is, anything else and the backslash as "\xNN".
[[nodiscard]] std::string escaped_bytes(std::string_view bytes);

/// The message of a script error: printable, and clearer where Lua only says that something the sandbox leaves out is
/// nil.
[[nodiscard]] std::string error_message(std::string_view message);

/// "64 MiB", "1000 bytes": exact, in the largest unit that divides it.
[[nodiscard]] std::string size_text(size_t bytes);

}  // namespace perilune::script
