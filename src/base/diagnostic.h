// Messages about what a user wrote: collected, never thrown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace perilune {

enum class Severity { kError, kWarning, kNote };

/// One message about one place. `code` is stable (documented, tests and tools key on it); line 0 means the whole file.
struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;  // such as "syntax", "no-entry-point"
  std::string file;
  uint32_t line = 0;
  std::string message;
  std::string hint;
};

using Diagnostics = std::vector<Diagnostic>;

[[nodiscard]] constexpr const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "error";
}

/// "file:line: severity: message [code]", and the hint on a line of its own.
[[nodiscard]] inline std::string to_text(const Diagnostic& diagnostic) {
  std::string place = diagnostic.file;
  if (diagnostic.line != 0) place += fmt::format(":{}", diagnostic.line);
  std::string text =
      fmt::format("{}: {}: {} [{}]", place, to_string(diagnostic.severity), diagnostic.message, diagnostic.code);
  if (!diagnostic.hint.empty()) text += fmt::format("\n  hint: {}", diagnostic.hint);
  return text;
}

}  // namespace perilune
