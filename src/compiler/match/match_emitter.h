// The vocabulary that all ways of matching are written in: positions, scans, comparisons with literals and sets.
//
// A position is an offset in the slot, so that it is an index as it stands: slot + (position & PL_SLOT_MASK). Bounds of
// the subject are checked by comparing positions; the mask is for the verifier alone.
//
// Eight bytes at once (SWAR): for y = word ^ (byte in all lanes), (y - 0x01..01) & ~y & 0x80..80 has its lowest bit in
// the first lane that is zero, that is, where the byte stands; higher bits may be false. Words may reach beyond the
// subject's end: what is found there is compared with the end.
// Reference: Mycroft 1987; Hacker's Delight 6-1.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/match/match.h"
#include "pattern/byte_set.h"

namespace perilune::compiler {

using Literal = std::span<const pattern::MaskedByte>;

class MatchEmitter {
 public:
  /// Appends what the subject's bounds are to the current block.
  MatchEmitter(const MatchContext& context, const Subject& subject);

  [[nodiscard]] ir::Builder& builder() const { return *context_.builder; }
  [[nodiscard]] const MatchContext& context() const { return context_; }
  [[nodiscard]] ir::Value begin() const { return begin_; }  // position of the subject's first byte
  [[nodiscard]] ir::Value end() const { return end_; }      // after its last
  [[nodiscard]] int64_t most() const { return most_; }

  /// A pointer to a position, for loads with small displacements.
  [[nodiscard]] ir::Value pointer(ir::Value position) const;
  /// Where a loop comes back to.
  [[nodiscard]] ir::BlockId loop(size_t parameters) const;
  /// Goes on in a new block when a `condition` b, else to `otherwise`.
  void require(ir::Condition condition, ir::Value a, ir::Value b, const ir::Edge& otherwise) const;

  /// A loop that finds the first place of the literal at or after its parameter, wholly in the subject: jumps to
  /// `found` with it, or to `none`. Call before the block that jumps to the result is ended: it appends to it.
  [[nodiscard]] ir::BlockId search(Literal literal, ir::BlockId found, const ir::Edge& none) const;

  /// The bytes at position + at, which must be in the subject, are the literal's; else goes to `otherwise`.
  void compare(Literal literal, ir::Value position, int32_t at, const ir::Edge& otherwise) const;
  /// Likewise for one byte and a set.
  void compare(const pattern::ByteSet& set, ir::Value position, int32_t at, const ir::Edge& otherwise) const;
  /// Likewise for any text, whose length is no matter.
  void compare(std::string_view text, ir::Value position, const ir::Edge& otherwise) const;

  /// The first position at or after `from` whose byte is not in the set, or the end. Goes on in a new block.
  [[nodiscard]] ir::Value span(const pattern::ByteSet& set, ir::Value from) const;
  /// Is a span of this set found eight bytes at a time?
  [[nodiscard]] static bool is_fast(const pattern::ByteSet& set);

  /// The read-only table at base + (index & mask); `entries` little endian.
  [[nodiscard]] ir::Value table(std::span<const uint8_t> bytes, size_t reach) const;

 private:
  [[nodiscard]] static std::vector<pattern::MaskedByte> excluded(const pattern::ByteSet& set);
  [[nodiscard]] ir::Value zero_lanes(ir::Value word) const;
  [[nodiscard]] ir::Value differences(ir::Value word, pattern::MaskedByte byte) const;
  [[nodiscard]] ir::Value first_lane(ir::Value lanes) const;

  MatchContext context_;
  ir::Value begin_;
  ir::Value end_;
  int64_t most_;
};

/// The literal of a text.
[[nodiscard]] std::vector<pattern::MaskedByte> literal_of(std::string_view text);

}  // namespace perilune::compiler
