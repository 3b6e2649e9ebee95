// Lua's pattern matching over a PatternProgram, with the results and the error messages of Lua's own, and with its work
// charged to the budget: a pattern that backtracks without end is stopped like a loop that has none.
//
// Plain backtracking, as Lua does it, so that priorities and the limit on nesting ("pattern too complex") are the same
// by construction. What makes it quicker: candidates are found by the bytes a match must begin with, classes are one
// bit test, and a repetition is not tried where the node after it cannot match. Cost: one charged unit for four steps;
// a step is one node tried, or four bytes passed by a repetition.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <lua.h>

#include "script/library/pattern_program.h"

namespace perilune::script {

/// Lives on the stack of a C function that may raise: trivially destructible.
class Matcher {
 public:
  Matcher(lua_State* L, const PatternProgram& program, std::string_view subject)
      : L_(L), program_(&program), begin_(subject.data()), end_(subject.data() + subject.size()) {}

  /// For a Matcher kept between calls: the thread that runs now.
  void set_state(lua_State* L) { L_ = L; }

  [[nodiscard]] const char* begin() const { return begin_; }
  [[nodiscard]] const char* end() const { return end_; }

  /// Matches at `at` exactly: where the match ends, or null. Raises for malformed patterns and when the budget is
  /// spent.
  const char* match_at(const char* at);

  /// The first match from `from` on (only there, when the pattern is anchored): its beginning, with `match_end` set, or
  /// null.
  const char* find(const char* from, const char*& match_end);

  /// The next place from `from` on where a match may begin; null when there is none. Exact: never passes over a match
  /// or an error.
  [[nodiscard]] const char* candidate(const char* from);

  /// Pushes all captures, or the whole match when there are none and `from` is not null. Returns how many.
  int push_captures(const char* from, const char* to);
  /// Pushes capture `index`; capture 0 of a pattern without captures is the whole match.
  void push_capture(int index, const char* from, const char* to);
  /// The text of capture `index` (0 without captures: the whole match). False when it is a position, which is then
  /// pushed instead.
  bool capture_text(int index, const char* from, const char* to, std::string_view& text);

  /// Charges what is still owed. To be called when the work is done.
  void settle();

 private:
  static constexpr int kMostNested = 200;   // MAXCCALLS of Lua's own matcher
  static constexpr int kMostCaptures = 32;  // LUA_MAXCAPTURES
  static constexpr uint64_t kStepsPerUnit = 4;
  static constexpr uint64_t kStepsPerCharge = 8192;

  struct Capture {
    const char* begin;
    ptrdiff_t length;  // or one of these:
  };
  static constexpr ptrdiff_t kUnfinished = -1;
  static constexpr ptrdiff_t kPosition = -2;

  const char* match(const char* s, const PatternNode* node);
  const char* match_greedy(const char* s, const PatternNode* node, size_t least);
  const char* match_lazy(const char* s, const PatternNode* node);
  const char* open_capture(const char* s, const PatternNode* node, ptrdiff_t kind);
  const char* close_capture(const char* s, const PatternNode* node);
  const char* balance(const char* s, const PatternNode* node);
  const char* back_reference(const char* s, const PatternNode* node);
  [[nodiscard]] bool frontier(const char* s, const ByteSet& set) const;
  [[nodiscard]] bool matches_one(const char* s, const PatternNode* node) const;
  [[nodiscard]] bool may_begin(const char* s, const PatternNode* node) const;
  [[nodiscard]] size_t run_length(const char* s, const PatternNode* node) const;
  [[noreturn]] void raise(PatternError error);
  void step(size_t count) {
    steps_ += count;
    if (steps_ >= kStepsPerCharge) [[unlikely]]
      settle();
  }

  lua_State* L_;
  const PatternProgram* program_;
  const char* begin_;
  const char* end_;
  uint64_t steps_ = 0;
  int depth_left_ = kMostNested;
  int level_ = 0;
  std::array<Capture, kMostCaptures> captures_;
};

}  // namespace perilune::script
