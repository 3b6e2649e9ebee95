#include "cli/terminal.h"

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "cli/stream.h"

namespace perilune::cli {
namespace {

struct Character {
  uint32_t code = 0;
  size_t length = 0;  // 0: not UTF-8
};

/// Decodes the character at the start of `text` (not empty), strictly: no overlong forms, no surrogates (RFC 3629).
Character decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  size_t length = 0;
  uint32_t least = 0;
  if ((first & 0xe0) == 0xc0) {
    length = 2;
    least = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3;
    least = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4;
    least = 0x10000;
  }
  if (length == 0 || text.size() < length) return {};
  uint32_t code = first & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, length};
}

/// Characters that change what the rest of the line looks like.
bool is_treacherous(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200e && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

}  // namespace

Palette::Palette(int fd) : on_(false) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool refused = no_color != nullptr && *no_color != '\0';
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  on_ = !refused && !dumb && ::isatty(fd) == 1;
}

std::string_view Palette::start(Colour colour) const {
  if (!on_) return {};
  switch (colour) {
    case Colour::kPlain:
      return {};
    case Colour::kRed:
      return "\x1b[31m";
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kYellow:
      return "\x1b[33m";
    case Colour::kCyan:
      return "\x1b[36m";
    case Colour::kDim:
      return "\x1b[2m";
    case Colour::kBold:
      return "\x1b[1m";
  }
  return {};
}

std::string_view Palette::end(Colour colour) const {
  return on_ && colour != Colour::kPlain ? std::string_view("\x1b[0m") : std::string_view();
}

std::string Palette::paint(Colour colour, std::string_view text) const {
  return fmt::format("{}{}{}", start(colour), text, end(colour));
}

void append_printable(fmt::memory_buffer& out, std::string_view text) {
  const auto append = [&](std::string_view piece) { out.append(piece.data(), piece.data() + piece.size()); };
  while (!text.empty()) {
    const Character character = decode(text);
    if (character.length == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<uint8_t>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (!is_treacherous(character.code)) {
      append(text.substr(0, character.length));
    } else if (character.code == '\n') {
      append("\\n");
    } else if (character.code == '\r') {
      append("\\r");
    } else if (character.code == '\t') {
      append("\\t");
    } else if (character.code < 0x80) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", character.code);
    } else {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", character.code);
    }
    text.remove_prefix(character.length);
  }
}

std::string printable(std::string_view text) {
  fmt::memory_buffer out;
  append_printable(out, text);
  return fmt::to_string(out);
}

void print_lines(std::FILE* stream, std::string_view first_prefix, std::string_view text) {
  std::string_view prefix = first_prefix;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    const bool indented = line.starts_with('\t');
    if (indented) line.remove_prefix(1);
    print_to(stream, "{}{}{}\n", prefix, indented ? "  " : "", printable(line));
    prefix = "  ";
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

int print_error(const Error& error) {
  const Palette palette(STDERR_FILENO);
  print_to(stderr, "perilune: {} {}\n", palette.paint(Colour::kRed, "error:"), printable(error.message));
  print_lines(stderr, "  hint: ", error.hint);
  return error.exit_status();
}

void print_diagnostics(const Diagnostics& diagnostics, std::FILE* stream) {
  const Palette palette(::fileno(stream));
  for (const Diagnostic& diagnostic : diagnostics) {
    std::string place = printable(diagnostic.file);
    if (diagnostic.line != 0) place += fmt::format(":{}", diagnostic.line);
    const Colour colour = diagnostic.severity == Severity::kError ? Colour::kRed : Colour::kYellow;
    print_to(stream, "{}: {} {} [{}]\n", place,
             palette.paint(colour, fmt::format("{}:", to_string(diagnostic.severity))), printable(diagnostic.message),
             diagnostic.code);
    print_lines(stream, "  hint: ", diagnostic.hint);
  }
}

}  // namespace perilune::cli
