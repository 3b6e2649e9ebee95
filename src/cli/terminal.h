// What a terminal needs: colours where it has them, and bytes of strangers made harmless.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "base/result.h"

namespace perilune::cli {

enum class Colour { kPlain, kRed, kGreen, kYellow, kCyan, kDim, kBold };

/// Escape sequences, or nothing when the file descriptor is not a terminal, NO_COLOR is set or TERM is "dumb".
class Palette {
 public:
  explicit Palette(int fd);
  [[nodiscard]] std::string_view start(Colour colour) const;
  [[nodiscard]] std::string_view end(Colour colour) const;
  /// `text` in that colour.
  [[nodiscard]] std::string paint(Colour colour, std::string_view text) const;

 private:
  bool on_;
};

/// Appends `text` so that it is one line of valid UTF-8 that cannot move the cursor, change colours or reverse the
/// reading direction: control characters, broken UTF-8 and directional overrides become escapes such as \n, \x1b,
/// \u{202e}.
void append_printable(fmt::memory_buffer& out, std::string_view text);
[[nodiscard]] std::string printable(std::string_view text);

/// Text of several lines (a hint, a traceback), printable: `first_prefix` before the first, two spaces before the
/// others, a tab at the start of one as two more.
void print_lines(std::FILE* stream, std::string_view first_prefix, std::string_view text);

/// "perilune: error: MESSAGE" and the hint, on standard error; returns the exit status that goes with it.
int print_error(const Error& error);
/// Each as "file:line: error: message [code]" with its hint, on the given descriptor's stream.
void print_diagnostics(const Diagnostics& diagnostics, std::FILE* stream);

}  // namespace perilune::cli
