// A Lua pattern taken apart, and what is wrong with it.
//
// A pattern is a sequence without alternatives. A repetition stands after one single-byte class only, never after a
// bracket, so every pattern without %b and back-references is a chain: an automaton whose states are the items in
// their order, with loops from an item to itself and nothing else. All of src/pattern lives on that.
//   regular:      ^SSH%-[%d.]+%-([^ \r\n]+)    ()%f[%w]%w-()$
//   not regular:  %b()  (counts)               (%w)%1  (remembers)
//
// One difference from Lua by intent: Lua finds that a pattern is malformed only when matching reaches the bad item
// ('a[' finds nothing in 'b' without an error); here it is malformed from the start.
//
// Reference: lstrlib.c of Lua 5.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "pattern/byte_set.h"

namespace perilune::pattern {

enum class Repeat : uint8_t { kOnce, kOptional, kStar, kPlus, kLazy };

struct Item {
  enum class Kind : uint8_t { kByte, kFrontier, kOpen, kClose, kPosition, kBalance, kBack };
  Kind kind = Kind::kByte;
  Repeat repeat = Repeat::kOnce;  // of kByte
  uint8_t first = 0;              // what opens a %b; the number of a back-reference, from 1
  uint8_t second = 0;             // what closes a %b
  uint32_t capture = 0;           // of kOpen, kClose, kPosition: its number, from 0
  ByteSet set;                    // of kByte, kFrontier
};

struct Pattern {
  std::string text;
  std::vector<Item> items;
  std::vector<bool> captures;  // one a capture: is it a position capture?
  bool anchored = false;       // a leading '^'
  bool to_end = false;         // a trailing '$'
  /// Why no automaton can do it, in words ("a balanced match, %b()"); empty: one can.
  std::string not_regular;
};

/// string.find looks for such a text as it stands, without taking it for a pattern: "a)" is found, while match, gmatch
/// and gsub complain of it.
[[nodiscard]] inline bool is_plain(std::string_view text) {
  return text.find_first_of("^$*+?.([%-") == std::string_view::npos;
}

enum class Anchors : bool { kNone, kAnchor };  // gmatch takes a leading '^' for a literal

/// The pattern, or Lua's own message about what is malformed in it.
[[nodiscard]] tl::expected<Pattern, std::string> parse(std::string_view text, Anchors anchors = Anchors::kAnchor);

}  // namespace perilune::pattern
