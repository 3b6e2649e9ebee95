// Patterns, subjects and replacements from foreign bytes: our matcher must do what Lua's own does, to the letter of its
// error messages.
//
// Input: the first byte is the length of the pattern, the second that of the replacement, the third the initial
// position; then pattern, replacement and subject. Lua's matcher cannot be interrupted, so what may backtrack for long
// is kept small.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../unit/script/matcher_comparison.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using perilune::script::PatternComparison;
  static PatternComparison comparison;
  if (size < 3) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  const std::string_view pattern = bytes.substr(0, data[0] % 48);
  const std::string_view rest = bytes.substr(pattern.size());
  const std::string_view replacement = rest.substr(0, data[1] % 8);
  std::string_view subject = rest.substr(replacement.size());
  const auto repeats = std::count_if(pattern.begin(), pattern.end(),
                                     [](char c) { return c == '*' || c == '+' || c == '-' || c == '?'; });
  // The work grows like subject ^ repetitions.
  subject = subject.substr(0, repeats < 2 ? 4096U : repeats < 4 ? 48U : repeats < 8 ? 10U : 4U);
  const std::string difference = comparison.difference({pattern, subject, replacement, static_cast<int8_t>(data[2])});
  if (!difference.empty()) {
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  return 0;
}
