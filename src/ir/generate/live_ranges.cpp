// Liveness of a program in SSA form, register by register: from each use up to the definition. Cost: the size of the
// code and of the result.
#include "ir/generate/live_ranges.h"

#include <algorithm>

namespace perilune::ir {

LiveRanges::LiveRanges(const LowFunction& function)
    : reads_(function.registers),
      writes_(function.registers),
      defined_in_(function.registers),
      defined_at_(function.registers) {
  collect(function);
  spread(function);
}

void LiveRanges::collect(const LowFunction& function) {
  uint32_t number = 0;
  std::vector<Use> found;
  for (uint32_t b = 0; b < function.blocks.size(); ++b) {
    const LowBlock& block = function.blocks[b];
    first_.push_back(number);
    const auto define = [&](Register reg, float cost) {
      defined_in_[reg] = b;
      defined_at_[reg] = 4 * number + 2;
      writes_[reg] += cost;
    };
    const auto use = [&](const Operand& operand, bool late) {
      found.push_back({operand.reg, b, 4 * number + (late ? 3 : 1)});
      reads_[operand.reg] += block.frequency;
    };
    for (const Parameter& parameter : block.parameters) {
      if (parameter.cell == kNoCell) define(parameter.reg, 0);  // what it costs, its arguments say
    }
    ++number;
    for (const Low& low : block.code) {
      for_each_use(low, use);
      if (low.result != kNoRegister) define(low.result, block.frequency);
      ++number;
    }
    if (!block.a.is_number()) use(block.a, false);
    if (!block.b.is_number()) use(block.b, false);
    for (size_t i = 0; i < block.arguments.size(); ++i) {
      const Argument& argument = block.arguments[i];
      const Register parameter = function.blocks[block.then].parameters[i].reg;
      // A parameter that a loop hands to its next iteration costs nothing, wherever it is.
      const bool itself = argument.cell == kNoCell && argument.value.reg == parameter;
      if (!itself) writes_[parameter] += block.frequency;
      if (argument.cell != kNoCell || argument.value.is_number()) continue;
      use(argument.value, false);
      if (itself) reads_[parameter] -= block.frequency;
    }
    ++number;
  }
  positions_ = 4 * number;
  // by register, in the order of the code: counting sort
  uses_of_.assign(function.registers + 1, 0);
  for (const Use& use : found)
    ++uses_of_[use.reg + 1];
  for (size_t i = 1; i < uses_of_.size(); ++i)
    uses_of_[i] += uses_of_[i - 1];
  uses_.resize(found.size());
  std::vector<uint32_t> next(uses_of_.begin(), uses_of_.end() - 1);
  for (const Use& use : found)
    uses_[next[use.reg]++] = use;
}

void LiveRanges::spread(const LowFunction& function) {
  std::vector<std::vector<uint32_t>> predecessors(function.blocks.size());
  for (uint32_t b = 0; b < function.blocks.size(); ++b) {
    const LowBlock& block = function.blocks[b];
    for (const uint32_t target : {block.then, block.otherwise, block.exhausted}) {
      if (target != LowBlock::kNone) predecessors[target].push_back(b);
    }
  }
  const auto head = [&](uint32_t block) { return 4 * first_[block]; };
  const auto end = [&](uint32_t block) { return block + 1 < first_.size() ? 4 * first_[block + 1] : positions_; };
  std::vector<Register> live_out(function.blocks.size());
  std::vector<Register> live_in(function.blocks.size());
  std::vector<uint32_t> work;
  std::vector<Segment> segments;
  starts_.assign(1, 0);
  for (Register reg = 0; reg < function.registers; ++reg) {
    segments.clear();
    const uint32_t definition = defined_at_[reg];
    if (definition != 0) {
      const uint32_t home = defined_in_[reg];
      uint32_t home_end = definition + 1;
      for (uint32_t i = uses_of_[reg]; i < uses_of_[reg + 1]; ++i) {
        const Use& use = uses_[i];
        if (use.block == home) {
          home_end = std::max(home_end, use.end);
          continue;
        }
        if (segments.empty() || segments.back().begin != head(use.block)) {
          segments.push_back({head(use.block), use.end});
        } else {
          segments.back().end = use.end;
        }
        if (live_in[use.block] != reg) {
          live_in[use.block] = reg;
          work.push_back(use.block);
        }
      }
      while (!work.empty()) {
        const uint32_t block = work.back();
        work.pop_back();
        for (const uint32_t predecessor : predecessors[block]) {
          if (live_out[predecessor] == reg) continue;
          live_out[predecessor] = reg;
          if (predecessor == home) {
            home_end = end(home);
            continue;
          }
          segments.push_back({head(predecessor), end(predecessor)});
          if (live_in[predecessor] != reg) {
            live_in[predecessor] = reg;
            work.push_back(predecessor);
          }
        }
      }
      segments.push_back({definition, home_end});
    }
    std::sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) { return a.begin < b.begin; });
    for (const Segment& segment : segments) {
      if (segments_.size() > starts_.back() && segment.begin <= segments_.back().end) {
        segments_.back().end = std::max(segments_.back().end, segment.end);
      } else {
        segments_.push_back(segment);
      }
    }
    starts_.push_back(static_cast<uint32_t>(segments_.size()));
  }
}

}  // namespace perilune::ir
