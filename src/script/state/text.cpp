#include "script/state/text.h"

#include <fmt/format.h>

#include "script/state/left_out.h"

namespace perilune::script {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629), or 0.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Longer than needed, a surrogate, or beyond U+10FFFF.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
      (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

}  // namespace

std::string printable(std::string_view text, size_t longest) {
  std::string result;
  const std::string_view shown = text.substr(0, longest);
  for (size_t i = 0; i < shown.size();) {
    const auto byte = static_cast<uint8_t>(shown[i]);
    const size_t length = utf8_length(shown.substr(i));
    const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f ||
                         (byte == 0xc2 && length == 2 && static_cast<uint8_t>(shown[i + 1]) < 0xa0);
    if (length == 0 || control) {
      result += fmt::format("\\x{:02x}", byte);
      ++i;
      if (length == 2) result += fmt::format("\\x{:02x}", static_cast<uint8_t>(shown[i++]));
      continue;
    }
    result.append(shown, i, length);
    i += length;
  }
  if (text.size() > longest) result += fmt::format("... ({} bytes in all)", text.size());
  return result;
}

std::string log_line(std::string_view text) {
  std::string line = printable(text, kLongestLogLine);
  for (size_t at = 0; (at = line.find_first_of("\n\t", at)) != std::string::npos;)
    line.replace(at, 1, line[at] == '\n' ? "\\n" : "\\t");
  return line;
}

std::string more_lines(uint64_t lines) {
  return fmt::format("{} more line{} of this packet", lines, lines == 1 ? "" : "s");
}

std::string escaped_bytes(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    if (byte >= ' ' && byte <= '~' && byte != '\\') {
      text += byte;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<uint8_t>(byte));
    }
  }
  return text;
}

std::string error_message(std::string_view message) {
  std::string text = printable(message);
  for (const LeftOut& one : kLeftOut) {
    if (message.ends_with(fmt::format("(global '{}')", one.name))) {
      text += fmt::format("; '{}' is not available in the sandbox", one.name);
      break;
    }
  }
  return text;
}

std::string size_text(size_t bytes) {
  if (bytes != 0 && bytes % (size_t{1} << 30) == 0) return fmt::format("{} GiB", bytes >> 30);
  if (bytes != 0 && bytes % (size_t{1} << 20) == 0) return fmt::format("{} MiB", bytes >> 20);
  if (bytes != 0 && bytes % (size_t{1} << 10) == 0) return fmt::format("{} KiB", bytes >> 10);
  return fmt::format("{} bytes", bytes);
}

}  // namespace perilune::script
