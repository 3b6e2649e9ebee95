// A regular pattern as a chain of steps, and where its captures are.
//
// The property relied on: between two items of variable length (`*`, `-`, `?`) all distances are fixed. So a capture's
// end needs no variable of its own: it is a fixed number of bytes before the next variable item's beginning (a "mark"),
// before the end of the match, or after `init` when the pattern is anchored and nothing variable came before.
//   ^SSH%-[%d.]+%-([^ ]+)   steps S S H - [%d.] [%d.]* - [^ ] MARK [^ ]*; capture 1 is from mark 1 - 1 to the match's
//                           end; the match begins at init: one mark in all
//   (a*)(b*)(c*)            three marks: every boundary can be anywhere
// Cost: none at run time; it saves the automaton a register for each tag but the marks, and the copying of it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "pattern/pattern.h"

namespace perilune::pattern {

struct Step {
  enum class Kind : uint8_t { kOnce, kOptional, kStar, kLazy, kFrontier, kMark };
  Kind kind = Kind::kOnce;
  ByteSet set;            // of all but kMark
  uint32_t mark = 0;      // of kMark: remember the position
  bool compared = false;  // what it takes belongs to capture Wanted::compared (without captures: to the whole match)
};

/// A position in the subject: that of `base` + offset.
struct Place {
  enum class Base : uint8_t { kInit, kMark, kEnd };
  Base base = Base::kEnd;
  uint32_t mark = 0;
  int32_t offset = 0;
};

struct CapturePlace {
  Place start;
  Place end;
  bool position = false;  // `()`: `start` alone counts
};

/// What is wanted of a match besides that there is one. Less is cheaper.
struct Wanted {
  bool bounds = false;    // where it begins and ends
  bool captures = false;  // (implies nothing about bounds)
  uint32_t compared = 0;  // which capture's bytes are flagged in the steps
};

struct Chain {
  std::vector<Step> steps;
  bool anchored = false;
  bool to_end = false;
  uint32_t marks = 0;
  Wanted wanted;
  Place start;                         // when wanted.bounds
  std::vector<CapturePlace> captures;  // when wanted.captures
};

/// The pattern must be regular.
[[nodiscard]] Chain make_chain(const Pattern& pattern, Wanted wanted);

/// Where a match and its captures are: 0-based, `end` exclusive; of a position capture start and end are the same.
struct Span {
  int64_t start = 0;
  int64_t end = 0;
  friend bool operator==(const Span&, const Span&) = default;
};
struct Match {
  Span whole;
  std::vector<Span> captures;
};
/// Resolves the places.
[[nodiscard]] Match resolve(const Chain& chain, int64_t init, int64_t end, std::span<const int64_t> marks);

}  // namespace perilune::pattern
