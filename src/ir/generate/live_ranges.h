// Where each virtual register is live, in positions of the code.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/generate/low.h"

namespace perilune::ir {

/// An instruction numbered n covers the points 4n (reads), 4n + 1 (a call destroys), 4n + 2 (writes), 4n + 3.
/// Each block has a number for its head, one for each instruction and one for its end.
struct Segment {
  uint32_t begin = 0;
  uint32_t end = 0;  // exclusive
};

class LiveRanges {
 public:
  explicit LiveRanges(const LowFunction& function);

  [[nodiscard]] std::span<const Segment> of(Register reg) const {
    return {segments_.data() + starts_[reg], segments_.data() + starts_[reg + 1]};
  }
  /// All segments together, in positions.
  [[nodiscard]] uint32_t length(Register reg) const {
    uint32_t length = 0;
    for (const Segment& segment : of(reg))
      length += segment.end - segment.begin;
    return length;
  }
  [[nodiscard]] uint32_t positions() const { return positions_; }
  /// Of a block's head.
  [[nodiscard]] const std::vector<uint32_t>& first() const { return first_; }
  /// Cost of keeping a register in memory: its reads and writes by frequency.
  [[nodiscard]] float reads(Register reg) const { return reads_[reg]; }
  [[nodiscard]] float writes(Register reg) const { return writes_[reg]; }

 private:
  struct Use {
    Register reg = kNoRegister;
    uint32_t block = 0;
    uint32_t end = 0;
  };
  void collect(const LowFunction& function);
  void spread(const LowFunction& function);

  uint32_t positions_ = 0;
  std::vector<uint32_t> first_;
  std::vector<Segment> segments_;
  std::vector<uint32_t> starts_;  // by register, one more at the end
  std::vector<float> reads_;
  std::vector<float> writes_;
  std::vector<uint32_t> defined_in_;  // block
  std::vector<uint32_t> defined_at_;  // point; 0: not defined
  std::vector<Use> uses_;             // by register
  std::vector<uint32_t> uses_of_;     // starts in uses_
};

}  // namespace perilune::ir
