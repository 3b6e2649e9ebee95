// Jumps threaded, blocks joined. A block "only decides" when it has no instructions and nothing else uses its
// parameters: then each way into it can go on to where it would lead, where that is known.
//
//   b1: jump b3(one)        b3(v): branch v != zero then b4 else b5        becomes    b1: jump b4
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "ir/form/fold.h"
#include "ir/form/graph.h"
#include "ir/simplify/simplify.h"

namespace perilune::ir {
namespace {

constexpr int kMostHops = 16;  // of one edge in one pass

class Blocks {
 public:
  explicit Blocks(Function& function)
      : function_(function), numbers_(function.values), escapes_(function.values), replacements_(function.values) {
    for (Value value = 0; value < function.values; ++value)
      replacements_[value] = value;
  }

  bool run() {
    collect();
    for (Block& block : function_.blocks)
      thread(block);
    join();
    const bool dropped = drop_unreachable();
    const auto replace = [this](Value& value) { value = resolved(replacements_, value); };
    for (Block& block : function_.blocks)
      for_each_use(block, replace);
    return changed_ || dropped;
  }

 private:
  void collect() {
    std::vector<BlockId> home(function_.values, Graph::kUnreachable);
    for (BlockId id = 0; id < function_.blocks.size(); ++id) {
      const Block& block = function_.blocks[id];
      for (const Value parameter : block.parameters)
        home[parameter] = id;
      for (const Instruction& instruction : block.instructions) {
        if (instruction.op == Op::kConst) numbers_[instruction.result] = instruction.imm;
      }
    }
    for (BlockId id = 0; id < function_.blocks.size(); ++id) {
      const auto use = [&](Value value) {
        if (home[value] != id) escapes_[value] = true;
      };
      for_each_use(function_.blocks[id], use);
    }
  }

  void thread(Block& block) {
    Terminator& terminator = block.terminator;
    if (terminator.kind != Terminator::Kind::kJump && terminator.kind != Terminator::Kind::kBranch) return;
    if (terminator.kind == Terminator::Kind::kBranch) decide(terminator);
    for (int hop = 0; hop < kMostHops && thread(terminator.then); ++hop)
      changed_ = true;
    if (terminator.kind != Terminator::Kind::kBranch) return;
    for (int hop = 0; hop < kMostHops && thread(terminator.otherwise); ++hop)
      changed_ = true;
    if (terminator.then.target == terminator.otherwise.target &&
        terminator.then.arguments == terminator.otherwise.arguments) {
      terminator.kind = Terminator::Kind::kJump;
      terminator.otherwise = {};
      changed_ = true;
    }
  }

  /// Where a comparison leads, when that is known.
  [[nodiscard]] std::optional<bool> known(Condition condition, Value a, Value b) const {
    if (a == b) return holds(condition, 0, 0);
    if (numbers_[a] && numbers_[b]) return holds(condition, *numbers_[a], *numbers_[b]);
    return std::nullopt;
  }

  void decide(Terminator& terminator) {
    const auto outcome = known(terminator.condition, terminator.a, terminator.b);
    if (!outcome) return;
    if (!*outcome) std::swap(terminator.then, terminator.otherwise);
    terminator.kind = Terminator::Kind::kJump;
    terminator.otherwise = {};
    changed_ = true;
  }

  /// One hop of an edge.
  bool thread(Edge& edge) const {
    const Block& through = function_.blocks[edge.target];
    if (!through.instructions.empty() || through.loop_header) return false;
    const Terminator& end = through.terminator;
    if (end.kind != Terminator::Kind::kJump && end.kind != Terminator::Kind::kBranch) return false;
    if (std::any_of(through.parameters.begin(), through.parameters.end(), [this](Value p) { return escapes_[p]; })) {
      return false;
    }
    const auto substituted = [&](Value value) {
      for (size_t i = 0; i < through.parameters.size(); ++i) {
        if (through.parameters[i] == value) return edge.arguments[i];
      }
      return value;
    };
    const Edge* next = &end.then;
    if (end.kind == Terminator::Kind::kBranch) {
      const auto outcome = known(end.condition, substituted(end.a), substituted(end.b));
      if (!outcome) return false;
      if (!*outcome) next = &end.otherwise;
    }
    if (next->target == edge.target) return false;
    Edge result{next->target, {}};
    for (const Value argument : next->arguments)
      result.arguments.push_back(substituted(argument));
    edge = std::move(result);
    return true;
  }

  void join() {
    std::vector<uint32_t> ways(function_.blocks.size());
    ways[0] = 1;
    std::vector<bool> reached(function_.blocks.size());
    std::vector<BlockId> work{0};
    reached[0] = true;
    while (!work.empty()) {
      const BlockId block = work.back();
      work.pop_back();
      for_each_successor(function_.blocks[block], [&](BlockId target) {
        ++ways[target];
        if (!reached[target]) {
          reached[target] = true;
          work.push_back(target);
        }
      });
    }
    for (BlockId id = 0; id < function_.blocks.size(); ++id) {
      if (!reached[id]) continue;
      while (function_.blocks[id].terminator.kind == Terminator::Kind::kJump) {
        const BlockId next = function_.blocks[id].terminator.then.target;
        if (next == id || next == 0 || ways[next] != 1 || function_.blocks[next].loop_header) break;
        Block taken = std::move(function_.blocks[next]);
        function_.blocks[next] = {};
        reached[next] = false;
        Block& block = function_.blocks[id];
        for (size_t i = 0; i < taken.parameters.size(); ++i) {
          replacements_[taken.parameters[i]] = block.terminator.then.arguments[i];
        }
        block.instructions.insert(block.instructions.end(), taken.instructions.begin(), taken.instructions.end());
        block.terminator = std::move(taken.terminator);
        changed_ = true;
      }
    }
  }

  bool drop_unreachable() {
    std::vector<BlockId> place(function_.blocks.size(), Graph::kUnreachable);
    std::vector<BlockId> work{0};
    place[0] = 0;
    while (!work.empty()) {
      const BlockId block = work.back();
      work.pop_back();
      for_each_successor(function_.blocks[block], [&](BlockId target) {
        if (place[target] == Graph::kUnreachable) {
          place[target] = 0;
          work.push_back(target);
        }
      });
    }
    BlockId kept = 0;
    for (BlockId id = 0; id < function_.blocks.size(); ++id) {
      if (place[id] == Graph::kUnreachable) continue;
      place[id] = kept;
      if (id != kept) function_.blocks[kept] = std::move(function_.blocks[id]);
      ++kept;
    }
    const bool dropped = kept != function_.blocks.size();
    function_.blocks.resize(kept);
    for (Block& block : function_.blocks) {
      Terminator& terminator = block.terminator;
      if (terminator.kind != Terminator::Kind::kReturn) terminator.then.target = place[terminator.then.target];
      if (terminator.kind == Terminator::Kind::kBranch) {
        terminator.otherwise.target = place[terminator.otherwise.target];
      }
      if (block.loop_header) block.exhausted = place[block.exhausted];
    }
    return dropped;
  }

  Function& function_;
  std::vector<std::optional<int64_t>> numbers_;
  std::vector<bool> escapes_;  // parameters that are used in other blocks
  std::vector<Value> replacements_;
  bool changed_ = false;
};

}  // namespace

bool simplify_blocks(Function& function) {
  return Blocks(function).run();
}

}  // namespace perilune::ir
