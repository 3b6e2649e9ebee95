#include "pattern/byte_set.h"

namespace perilune::pattern {
namespace {

constexpr bool is_between(int c, int low, int high) {
  return c >= low && c <= high;
}

/// Whether byte `c` is in the class of a lower-case letter; `known` tells whether the letter names one.
constexpr bool in_class(int c, char letter, bool& known) {
  const bool digit = is_between(c, '0', '9');
  const bool lower = is_between(c, 'a', 'z');
  const bool upper = is_between(c, 'A', 'Z');
  known = true;
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
      known = false;
      return false;
  }
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
  const char lower = inverted ? static_cast<char>(letter - 'A' + 'a') : letter;
  ByteSet set;
  bool known = false;
  for (int c = 0; c < 256; ++c) {
    if (in_class(c, lower, known)) set.add(static_cast<uint8_t>(c));
    if (!known) return std::nullopt;
  }
  if (inverted) set.invert();
  return set;
}

}  // namespace perilune::pattern
