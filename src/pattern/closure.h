// One step of all threads of a chain at once: what each can do at a position, in the order of Lua's priorities.
//
// The property relied on: in a chain a thread is its step and nothing else, so of two threads that come to the same
// step at the same position the one with lower priority can never win and is dropped; and Lua's depth-first search is
// the order in which a thread's ways are tried: take a byte before going on (`*`, `?`), or go on first (`-`).
//   a-b on "ab": at 0 the thread at step 0 goes on to step 1 first (which wants b), then takes the a and stays
// The next byte is known when the ways are explored (one byte of lookahead), so `$`, %f and marks cost nothing.
// Cost: a thread visits each step at most once for a position.
//
// Reference: Pike's regular expression machine; Laurikari 2000 and Trofimovich 2017 for lookahead.
#pragma once

#include <cstdint>
#include <vector>

#include "pattern/chain.h"

namespace perilune::pattern {

/// What is around a position.
struct Surroundings {
  uint64_t before = 0;  // bit i: the previous byte (0 at the subject's beginning) is in the set of the i-th %f
  int here = -1;        // the byte; -1 at the subject's end
};

class Closure {
 public:
  /// Most %f that a chain may have.
  static constexpr uint32_t kMostFrontiers = 64;

  explicit Closure(const Chain& chain) : chain_(&chain), visited_(chain.steps.size() + 1), number_(chain.steps.size()) {
    for (uint32_t i = 0; i < chain.steps.size(); ++i) {
      if (chain.steps[i].kind == Step::Kind::kFrontier) {
        number_[i] = static_cast<uint32_t>(frontiers_.size());
        frontiers_.push_back(i);
      }
    }
    // From the back: which %f a thread can meet before it takes a byte.
    relevant_.resize(chain.steps.size() + 1);
    for (auto i = static_cast<uint32_t>(chain.steps.size()); i-- > 0;) {
      const Step::Kind kind = chain.steps[i].kind;
      if (kind == Step::Kind::kOnce) continue;
      relevant_[i] = relevant_[i + 1];
      if (kind == Step::Kind::kFrontier && number_[i] < kMostFrontiers) relevant_[i] |= uint64_t{1} << number_[i];
    }
  }

  [[nodiscard]] bool too_many_frontiers() const { return frontiers_.size() > kMostFrontiers; }
  [[nodiscard]] bool has_frontiers() const { return !frontiers_.empty(); }
  /// Surroundings::before for a previous byte.
  [[nodiscard]] uint64_t before(uint8_t byte) const {
    uint64_t bits = 0;
    for (size_t i = 0; i < frontiers_.size(); ++i) {
      if (chain_->steps[frontiers_[i]].set.contains(byte)) bits |= uint64_t{1} << i;
    }
    return bits;
  }
  /// The bits of Surroundings::before that matter to a thread at `step`.
  [[nodiscard]] uint64_t relevant(uint32_t step) const { return relevant_[step]; }

  /// Forgets which steps were visited: another position.
  void begin(Surroundings surroundings) {
    around_ = surroundings;
    visited_.assign(visited_.size(), false);
  }

  /// Explores from `step`. Calls, in order of priority:
  ///   visitor.mark(thread, mark)                  the thread's way leads over a mark: changes `thread`
  ///   visitor.take(thread, from, to)              step `from` takes the byte, the thread goes on at step `to`
  ///   visitor.accept(thread)                      the pattern has matched up to here
  /// False: it has matched, threads of lower priority are not to be explored.
  template <typename Thread, typename Visitor>
  bool explore(uint32_t step, Thread thread, Visitor& visitor) {
    for (;; ++step) {
      if (visited_[step]) return true;
      visited_[step] = true;
      if (step == chain_->steps.size()) {
        if (chain_->to_end && around_.here >= 0) return true;
        visitor.accept(thread);
        return false;
      }
      const Step& now = chain_->steps[step];
      const bool takes = around_.here >= 0 && now.set.contains(static_cast<uint8_t>(around_.here));
      switch (now.kind) {
        case Step::Kind::kOnce:
          if (takes) visitor.take(thread, step, step + 1);
          return true;
        case Step::Kind::kOptional:
          if (takes) visitor.take(thread, step, step + 1);
          break;
        case Step::Kind::kStar:
          if (takes) visitor.take(thread, step, step);
          break;
        case Step::Kind::kLazy:
          if (!explore(step + 1, thread, visitor)) return false;
          if (takes) visitor.take(thread, step, step);
          return true;
        case Step::Kind::kFrontier: {
          const bool was_inside = ((around_.before >> number_[step]) & 1U) != 0;
          const bool is_inside = now.set.contains(static_cast<uint8_t>(around_.here < 0 ? 0 : around_.here));
          if (was_inside || !is_inside) return true;
          break;
        }
        case Step::Kind::kMark:
          visitor.mark(thread, now.mark);
          break;
      }
    }
  }

 private:
  const Chain* chain_;
  std::vector<bool> visited_;
  std::vector<uint32_t> number_;     // of a %f, by step
  std::vector<uint32_t> frontiers_;  // steps
  std::vector<uint64_t> relevant_;   // by step
  Surroundings around_;
};

}  // namespace perilune::pattern
