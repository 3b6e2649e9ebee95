#include "ir/verifier/cuts.h"

#include <algorithm>
#include <optional>

namespace perilune::ir {
namespace {

constexpr uint32_t kMostBranches = 2000;  // on a way through a piece
constexpr uint32_t kRounds = 3;           // of a loop, that the verifier walks before it knows the state at its head
constexpr int32_t kMostCells = 48;        // of pointers on the stack; the other bits are kept elements of maps
constexpr uint8_t kMostKept = 16;

using Mask = uint64_t;

class Chooser {
 public:
  Chooser(const LowFunction& function, const LiveRanges& ranges)
      : function_(function),
        ranges_(ranges),
        in_loop_(function.blocks.size()),
        shared_(function.blocks.size()),
        pending_(function.blocks.size()) {}

  std::vector<Cut> run() {
    find_loops();
    const size_t own = loops_with_a_may_goto();
    if (longest_way(false) <= kMostBranches && own >= loops_) return {};
    find_pointers();
    share_loops(own);
    longest_way(true);
    fill_cuts();
    return std::move(cuts_);
  }

 private:
  template <typename F>
  void for_each_target(const LowBlock& block, F f) const {
    for (const uint32_t target : {block.then, block.otherwise, block.exhausted})
      if (target != LowBlock::kNone) f(target);
  }

  void find_loops() {
    for (uint32_t b = 0; b < function_.blocks.size(); ++b) {
      for_each_target(function_.blocks[b], [&](uint32_t target) {
        if (target > b || function_.blocks[target].exhausted == LowBlock::kNone) return;
        std::fill(in_loop_.begin() + target, in_loop_.begin() + b + 1, true);
      });
    }
  }

  /// How many may have one, by the size of the code.
  size_t loops_with_a_may_goto() {
    size_t insns = 0;
    for (const LowBlock& block : function_.blocks) {
      insns += block.code.size() + 1;
      if (is_loop(block)) ++loops_;
    }
    return kMostPatching / (insns * kInsnsOfThree / 3);
  }

  static bool is_loop(const LowBlock& block) { return block.exhausted != LowBlock::kNone; }

  /// The loops that are iterated least go without, until `own` are left that do not.
  void share_loops(size_t own) {
    if (loops_ <= own) return;
    const std::vector<uint32_t> live = count_live();
    std::vector<uint32_t> heads;
    for (uint32_t b = 1; b < function_.blocks.size(); ++b) {
      const LowBlock& block = function_.blocks[b];
      if (is_loop(block) && !pointers_[b] && live[block.exhausted] == 0) heads.push_back(b);
    }
    std::ranges::stable_sort(heads, {}, [&](uint32_t b) { return function_.blocks[b].frequency; });
    heads.resize(std::min(heads.size(), loops_ - own));
    for (const uint32_t b : heads)
      shared_[b] = true;
  }

  [[nodiscard]] uint32_t branches_of(uint32_t b) const {
    const LowBlock& block = function_.blocks[b];
    auto count = static_cast<uint32_t>(
        std::ranges::count_if(block.code, [](const Low& low) { return low.kind == Low::Kind::kCall; }));
    if (block.kind == Terminator::Kind::kBranch) ++count;
    if (block.exhausted != LowBlock::kNone) ++count;
    return in_loop_[b] ? count * kRounds : count;
  }

  /// The most branches on a way through the function, or, with cuts, on a way from cut to cut.
  uint32_t longest_way(bool cuts) {
    uint32_t longest = 0;
    std::ranges::fill(pending_, 0);
    for (uint32_t b = 0; b < function_.blocks.size(); ++b) {
      if (cuts && (shared_[b] || (pending_[b] > kMostBranches && may_begin(b)))) {
        pending_[b] = 0;
        cuts_.push_back({.block = b, .live = {}, .tables = {}});
      }
      const uint32_t behind = pending_[b] + branches_of(b);
      longest = std::max(longest, behind);
      for_each_target(function_.blocks[b], [&](uint32_t target) {
        if (target > b) pending_[target] = std::max(pending_[target], behind);
      });
    }
    return longest;
  }

  [[nodiscard]] bool may_begin(uint32_t b) const {
    const LowBlock& block = function_.blocks[b];
    return b != 0 && !in_loop_[b] && block.frequency == 1 && !block.code.empty() && !pointers_[b];
  }

  void find_pointers() {
    tables_.resize(function_.registers);
    for (const LowBlock& block : function_.blocks)
      for (const Low& low : block.code)
        if (low.kind == Low::Kind::kTables) tables_[low.result] = low.imm;
    pointers_.resize(function_.blocks.size());
    for (Register reg = 1; reg < function_.registers; ++reg) {
      if (!function_.pointers[reg] || tables_[reg]) continue;
      for (const Segment& segment : ranges_.of(reg)) {
        // the blocks whose heads it covers
        const std::vector<uint32_t>& first = ranges_.first();
        auto b = static_cast<size_t>(
            std::lower_bound(first.begin(), first.end(), segment.begin,
                             [](uint32_t number, uint32_t begin) { return 4 * number + 2 < begin; }) -
            first.begin());
        for (; b < first.size() && 4 * first[b] + 2 < segment.end; ++b)
          pointers_[b] = true;
      }
    }
    find_pointers_on_stack();
  }

  static Mask element(uint8_t kept) { return kept == 0 ? 0 : Mask{1} << (kMostCells + std::min(kept, kMostKept) - 1); }

  // Liveness of the cells on the stack, backwards through the blocks until nothing changes.
  void find_pointers_on_stack() {
    const size_t size = function_.blocks.size();
    std::vector<Mask> read(size);
    std::vector<Mask> written(size);
    for (size_t b = 0; b < size; ++b) {
      for (const Low& low : function_.blocks[b].code) {
        Mask reads = 0;
        Mask writes = 0;
        if (low.kind == Low::Kind::kReload && function_.pointers[low.result]) reads = Mask{1} << low.cell;
        if (low.kind == Low::Kind::kSpill && function_.pointers[low.a.reg]) writes = Mask{1} << low.cell;
        if (low.kind == Low::Kind::kCall) (low.op == Op::kMapStore ? reads : writes) |= element(low.kept);
        read[b] |= reads & ~written[b];
        written[b] |= writes;
      }
    }
    std::vector<Mask> live(size);
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t b = size; b-- > 0;) {
        Mask now = 0;
        for_each_target(function_.blocks[b], [&](uint32_t target) { now |= live[target]; });
        now = read[b] | (now & ~written[b]);
        changed |= now != live[b];
        live[b] = now;
      }
    }
    for (size_t b = 0; b < size; ++b)
      if (live[b] != 0) pointers_[b] = true;
  }

  [[nodiscard]] uint32_t head_of(uint32_t b) const { return 4 * ranges_.first()[b] + 2; }

  /// By block: how many registers are alive at its head.
  [[nodiscard]] std::vector<uint32_t> count_live() const {
    const size_t size = function_.blocks.size();
    std::vector<uint32_t> heads(size);
    for (uint32_t b = 0; b < size; ++b)
      heads[b] = head_of(b);
    std::vector<uint32_t> counts(size + 1);
    const auto place = [&](uint32_t point) { return std::ranges::lower_bound(heads, point) - heads.begin(); };
    for (Register reg = 1; reg < function_.registers; ++reg) {
      for (const Segment& segment : ranges_.of(reg)) {
        ++counts[place(segment.begin)];
        --counts[place(segment.end)];
      }
    }
    for (size_t b = 1; b < size; ++b)
      counts[b] += counts[b - 1];
    return counts;
  }

  /// What is alive where pieces begin.
  void fill_cuts() {
    std::vector<uint32_t> heads;
    for (const Cut& cut : cuts_)
      heads.push_back(head_of(cut.block));
    for (Register reg = 1; reg < function_.registers; ++reg) {
      size_t next = 0;  // segments may touch the same head
      for (const Segment& segment : ranges_.of(reg)) {
        next = std::max<size_t>(next, std::ranges::lower_bound(heads, segment.begin) - heads.begin());
        for (; next < heads.size() && heads[next] < segment.end; ++next) {
          if (tables_[reg]) {
            cuts_[next].tables.push_back({reg, *tables_[reg]});
          } else {
            cuts_[next].live.push_back(reg);
          }
        }
      }
    }
  }

  const LowFunction& function_;
  const LiveRanges& ranges_;
  size_t loops_ = 0;
  std::vector<bool> in_loop_;
  std::vector<bool> shared_;  // by block: a loop that has no may_goto
  std::vector<uint32_t> pending_;
  std::vector<std::optional<int64_t>> tables_;  // by register: it is that byte's address
  std::vector<bool> pointers_;                  // by block: some are in use at its head
  std::vector<Cut> cuts_;
};

}  // namespace

std::vector<Cut> choose_cuts(const LowFunction& function, const LiveRanges& ranges, int32_t stack_cells) {
  if (stack_cells > kMostCells) return {};
  return Chooser(function, ranges).run();
}

}  // namespace perilune::ir
