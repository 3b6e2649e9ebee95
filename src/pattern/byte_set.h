// Sets of bytes: 256 bits, and how Lua's patterns write them: classes named by letters, and brackets. In the C locale.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace perilune::pattern {

struct ByteSet {
  std::array<uint64_t, 4> words{};

  [[nodiscard]] constexpr bool contains(uint8_t byte) const { return ((words[byte >> 6U] >> (byte & 63U)) & 1U) != 0; }
  constexpr void add(uint8_t byte) { words[byte >> 6U] |= uint64_t{1} << (byte & 63U); }
  constexpr void add(const ByteSet& other) {
    for (size_t i = 0; i < words.size(); ++i)
      words[i] |= other.words[i];
  }
  constexpr void invert() {
    for (uint64_t& word : words)
      word = ~word;
  }
  [[nodiscard]] constexpr int size() const {
    int count = 0;
    for (const uint64_t word : words)
      count += std::popcount(word);
    return count;
  }
  [[nodiscard]] constexpr bool all() const { return size() == 256; }
  [[nodiscard]] constexpr bool disjoint(const ByteSet& other) const {
    for (size_t i = 0; i < words.size(); ++i) {
      if ((words[i] & other.words[i]) != 0) return false;
    }
    return true;
  }
  /// The least byte in it; -1 when it is empty.
  [[nodiscard]] constexpr int first() const {
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] != 0) return static_cast<int>(i * 64) + std::countr_zero(words[i]);
    }
    return -1;
  }
  friend constexpr bool operator==(const ByteSet&, const ByteSet&) = default;

  [[nodiscard]] static constexpr ByteSet of(uint8_t byte) {
    ByteSet set;
    set.add(byte);
    return set;
  }
};

/// The bytes that (byte & mask) == value: one byte (mask 0xff), or two that differ in one bit, such as 'a' and 'A'.
struct MaskedByte {
  uint8_t value = 0;
  uint8_t mask = 0;
  friend constexpr bool operator==(const MaskedByte&, const MaskedByte&) = default;
};

/// The set as a masked byte, where it is one.
[[nodiscard]] std::optional<MaskedByte> masked_byte(const ByteSet& set);

/// The class that `letter` names after a '%' ('a': letters, 'A': all but letters, ..); nothing when the letter stands
/// for itself.
[[nodiscard]] std::optional<ByteSet> class_of(char letter);

struct Bracket {
  ByteSet set;
  size_t end = 0;  // after its ']'
};
/// The set whose '[' stands at `at` of a pattern; nothing when it is not closed. A ']' that comes first stands for
/// itself, and so does what follows a '%'.
[[nodiscard]] std::optional<Bracket> bracket_at(std::string_view pattern, size_t at);

}  // namespace perilune::pattern
