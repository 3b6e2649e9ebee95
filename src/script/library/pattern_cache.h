// Compiled programs of the short patterns a state uses: a filter matches the same few on every packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "script/library/pattern_program.h"

namespace perilune::script {

/// 64 places chosen by the address of the pattern's text, which is the same for a constant as long as the script lives.
/// An address may come back with another text, so the text is compared before a program is used. At most about 400 KiB.
class PatternCache {
 public:
  static constexpr size_t kLongest = 256;

  /// The program of `pattern`, which is at most kLongest bytes. Valid until the next call.
  [[nodiscard]] const PatternProgram& get(std::string_view pattern) {
    Entry& entry = entries_[(reinterpret_cast<uintptr_t>(pattern.data()) >> 4) % entries_.size()];
    if (entry.program != nullptr && entry.length == pattern.size() &&
        std::memcmp(entry.text.get(), pattern.data(), pattern.size()) == 0) {
      return *entry.program;
    }
    return fill(entry, pattern);
  }

 private:
  struct Entry {
    const PatternProgram* program = nullptr;
    size_t length = 0;
    std::unique_ptr<char[]> text;
    std::unique_ptr<uint64_t[]> memory;
  };

  static const PatternProgram& fill(Entry& entry, std::string_view pattern) {
    const size_t words = (PatternProgram::size_for(pattern) + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    entry.text = std::make_unique<char[]>(pattern.size() + 1);
    std::memcpy(entry.text.get(), pattern.data(), pattern.size());
    entry.length = pattern.size();
    entry.memory = std::make_unique<uint64_t[]>(words);
    entry.program = &PatternProgram::compile(entry.memory.get(), pattern, true);
    return *entry.program;
  }

  std::array<Entry, 64> entries_{};
};

}  // namespace perilune::script
