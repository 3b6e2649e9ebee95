#include "pattern/byte_set.h"

namespace perilune::pattern {
namespace {

constexpr bool is_between(int c, int low, int high) {
  return c >= low && c <= high;
}

/// Whether byte `c` is in the class that the lower-case letter names; false for letters that name none.
constexpr bool in_class(int c, char letter) {
  const bool digit = is_between(c, '0', '9');
  const bool lower = is_between(c, 'a', 'z');
  const bool upper = is_between(c, 'A', 'Z');
  switch (letter) {
    case 'a':
      return lower || upper;
    case 'c':
      return c < 32 || c == 127;
    case 'd':
      return digit;
    case 'g':
      return is_between(c, 33, 126);
    case 'l':
      return lower;
    case 'p':
      return is_between(c, 33, 126) && !lower && !upper && !digit;
    case 's':
      return is_between(c, 9, 13) || c == ' ';
    case 'u':
      return upper;
    case 'w':
      return lower || upper || digit;
    case 'x':
      return digit || is_between(c, 'a', 'f') || is_between(c, 'A', 'F');
    case 'z':  // deprecated since Lua 5.2, still there
      return c == 0;
    default:
      return false;
  }
}

constexpr std::string_view kClassLetters = "acdglpsuwxz";

constexpr std::array<ByteSet, kClassLetters.size()> make_classes() {
  std::array<ByteSet, kClassLetters.size()> classes{};
  for (size_t i = 0; i < classes.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      if (in_class(c, kClassLetters[i])) classes[i].add(static_cast<uint8_t>(c));
    }
  }
  return classes;
}

constexpr std::array<ByteSet, kClassLetters.size()> kClasses = make_classes();

/// Adds what a '%' and `letter` stand for.
void add_escaped(char letter, ByteSet& set) {
  if (const std::optional<ByteSet> named = class_of(letter)) {
    set.add(*named);
  } else {
    set.add(static_cast<uint8_t>(letter));
  }
}

/// The set that stands between brackets.
ByteSet bracket_set(std::string_view inside) {
  ByteSet set;
  const bool inverted = inside.starts_with('^');
  for (size_t i = inverted ? 1 : 0; i < inside.size(); ++i) {
    if (inside[i] == '%') {
      // After a range that ended in '%', as in [+-%%], a '%' can be last; it then escapes the closing bracket, as in
      // Lua.
      ++i;
      add_escaped(i < inside.size() ? inside[i] : ']', set);
    } else if (i + 2 < inside.size() && inside[i + 1] == '-') {
      for (int c = static_cast<uint8_t>(inside[i]); c <= static_cast<uint8_t>(inside[i + 2]); ++c)
        set.add(static_cast<uint8_t>(c));
      i += 2;
    } else {
      set.add(static_cast<uint8_t>(inside[i]));
    }
  }
  if (inverted) set.invert();
  return set;
}

}  // namespace

std::optional<MaskedByte> masked_byte(const ByteSet& set) {
  const int size = set.size();
  if (size != 1 && size != 2) return std::nullopt;
  const auto low = static_cast<uint8_t>(set.first());
  if (size == 1) return MaskedByte{low, 0xff};
  ByteSet rest = set;
  rest.words[low >> 6U] &= ~(uint64_t{1} << (low & 63U));
  const auto difference = static_cast<uint8_t>(low ^ static_cast<uint8_t>(rest.first()));
  if (!std::has_single_bit(difference)) return std::nullopt;
  return MaskedByte{low, static_cast<uint8_t>(~difference)};  // the lesser of the two has the bit clear
}

std::optional<ByteSet> class_of(char letter) {
  const bool inverted = is_between(letter, 'A', 'Z');
  const size_t index = kClassLetters.find(inverted ? static_cast<char>(letter - 'A' + 'a') : letter);
  if (index == std::string_view::npos) return std::nullopt;
  ByteSet set = kClasses[index];
  if (inverted) set.invert();
  return set;
}

std::optional<Bracket> bracket_at(std::string_view pattern, size_t at) {
  size_t end = at + 1;
  if (end < pattern.size() && pattern[end] == '^') ++end;
  do {
    if (end == pattern.size()) return std::nullopt;
    if (pattern[end++] == '%' && end < pattern.size()) ++end;
  } while (end >= pattern.size() || pattern[end] != ']');
  return Bracket{bracket_set(pattern.substr(at + 1, end - at - 1)), end + 1};
}

}  // namespace perilune::pattern
