// A Lua pattern taken apart once, so that matching does not read its text again at every byte of the subject.
//
// A pattern is a sequence without alternatives: each single character class, capture bracket, %b, %f and back-reference
// becomes one node, each class a table of 256 bits. What is malformed in a pattern becomes a node too: Lua complains
// only when matching gets that far ('a[' fails on 'a', and finds nothing in 'b'), and so do we.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pattern/byte_set.h"

namespace perilune::script {

using pattern::ByteSet;

struct PatternNode {
  enum class Op : uint8_t {
    kEnd,
    kByte,
    kAny,
    kSet,
    kOpen,
    kPosition,
    kClose,
    kSubjectEnd,
    kBalance,
    kFrontier,
    kBack,
    kError
  };
  enum class Repeat : uint8_t { kOnce, kOptional, kStar, kPlus, kLazy };

  Op op = Op::kEnd;
  Repeat repeat = Repeat::kOnce;  // of kByte, kAny and kSet
  uint8_t first = 0;              // the byte; what opens a %b; the digit of a back-reference
  uint8_t second = 0;             // what closes a %b
  uint32_t index = 0;             // the set of kSet and kFrontier; the PatternError of kError
};

enum class PatternError : uint32_t { kEndsWithPercent, kMissingBracket, kMissingBalanceArguments, kMissingFrontierSet };

/// One block of memory: this header, the nodes (the last is kEnd or kError), the sets.
class PatternProgram {
 public:
  /// Bytes of memory that compiling `pattern` needs, at most.
  [[nodiscard]] static size_t size_for(std::string_view pattern);
  /// Compiles into `memory`, aligned for uint64_t, with size_for(pattern) bytes. `with_anchor`: a leading '^' ties the
  /// match to where it begins (gmatch knows no such thing). Allocates nothing and cannot fail.
  static const PatternProgram& compile(void* memory, std::string_view pattern, bool with_anchor);

  [[nodiscard]] bool anchored() const { return anchored_; }
  /// There is nothing special in the pattern: it can be found as it stands.
  [[nodiscard]] bool is_plain() const { return is_plain_; }
  [[nodiscard]] const PatternNode* nodes() const { return reinterpret_cast<const PatternNode*>(this + 1); }
  [[nodiscard]] const ByteSet& set(uint32_t index) const { return sets()[index]; }

  /// What every match begins with: these bytes (none: unknown) or, failing that, one byte of this set (null: unknown).
  [[nodiscard]] std::string_view prefix() const { return {prefix_.data(), prefix_length_}; }
  [[nodiscard]] const ByteSet* first_set() const { return has_first_set_ ? &set(first_set_) : nullptr; }

 private:
  friend class PatternCompiler;
  PatternProgram() = default;
  [[nodiscard]] const ByteSet* sets() const { return reinterpret_cast<const ByteSet*>(nodes() + node_capacity_); }

  uint32_t node_capacity_ = 0;
  uint32_t first_set_ = 0;
  bool anchored_ = false;
  bool is_plain_ = false;
  bool has_first_set_ = false;
  uint8_t prefix_length_ = 0;
  std::array<char, 20> prefix_{};
};
static_assert(sizeof(PatternProgram) % alignof(ByteSet) == 0);

}  // namespace perilune::script
