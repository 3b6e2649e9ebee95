// Values folded and merged, in one walk down the dominator tree: what a block computes is known in all blocks below it.
// Loads are merged, too, as long as nothing was stored or called in between. What was computed long ago is computed
// anew: in a long function it would have to be kept in memory all the way, and there is not enough of that.
//
// Cost: linear, apart from hashing; a few levels of the tree are looked at for each branch.
#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/form/fold.h"
#include "ir/form/graph.h"
#include "ir/simplify/simplify.h"

namespace perilune::ir {
namespace {

constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();
constexpr int kMostLevels = 12;           // of the tree, for a branch
constexpr uint32_t kLongAgo = 1500;       // instructions on the way down the tree
constexpr uint32_t kPointerLongAgo = 48;  // pointers can be kept on the stack alone, which has room for 32
constexpr int64_t kReach = 0x4000;        // bytes of the tables that share an address

/// What makes two computations equal.
struct Key {
  Op op = Op::kConst;
  Value a = kNoValue;
  Value b = kNoValue;
  int32_t disp = 0;
  int64_t imm = 0;
  uint32_t memory = 0;  // of loads: which state of it
  bool operator==(const Key&) const = default;
};
struct Hash {
  size_t operator()(const Key& key) const {
    uint64_t hash = static_cast<uint64_t>(key.op);
    for (const uint64_t part : {uint64_t{key.a}, uint64_t{key.b}, static_cast<uint64_t>(key.imm),
                                static_cast<uint64_t>(key.disp), uint64_t{key.memory}}) {
      hash = (hash ^ part) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 29;
    }
    return hash;
  }
};

uint64_t below(unsigned bits) {
  return bits >= 64 ? kAll : (uint64_t{1} << bits) - 1;
}

class Values {
 public:
  explicit Values(Function& function)
      : function_(function),
        graph_(function),
        replacements_(function.values),
        numbers_(function.values),
        bits_(function.values, kAll),
        behind_(function.values),
        definitions_(function.values),
        memory_at_end_(function.blocks.size()),
        position_at_end_(function.blocks.size()) {
    for (Value value = 0; value < function.values; ++value)
      replacements_[value] = value;
  }

  bool run() {
    for (const Instruction& instruction : function_.blocks[0].instructions)
      note_constant(instruction);
    drop_parameters();
    for (const BlockId block : graph_.order) {
      // Within a loop the mark may be of use for another block of it: see mark_loop_headers().
      if (!function_.blocks[block].loop_header || graph_.depth[block] != 0) continue;
      const auto& predecessors = graph_.predecessors[block];
      if (std::any_of(predecessors.begin(), predecessors.end(),
                      [&](BlockId p) { return graph_.number[p] >= graph_.number[block]; })) {
        continue;
      }
      function_.blocks[block].loop_header = false;
      changed_ = true;
    }
    walk_dominators(
        graph_, [this](BlockId id) { return enter(id); },
        [this](size_t mark) {
          for (; undo_.size() > mark; undo_.pop_back()) {
            const auto& [key, before] = undo_.back();
            if (before) {
              known_[key] = *before;
            } else {
              known_.erase(key);
            }
          }
        });
    std::vector<Instruction>& entry = function_.blocks[0].instructions;
    entry.insert(entry.begin(), fresh_.begin(), fresh_.end());
    const auto replace = [this](Value& value) { value = resolved(replacements_, value); };
    for (Block& block : function_.blocks)
      for_each_use(block, replace);
    return changed_;
  }

 private:
  void note_constant(const Instruction& instruction) {
    if (instruction.op == Op::kTables) tables_.emplace(instruction.imm, instruction.result);
    if (instruction.op != Op::kConst) return;
    numbers_[instruction.result] = instruction.imm;
    bits_[instruction.result] = static_cast<uint64_t>(instruction.imm);
    constants_.emplace(instruction.imm, instruction.result);
  }

  Value constant(int64_t number) {
    const auto found = constants_.find(number);
    if (found != constants_.end()) return found->second;
    Instruction instruction;
    instruction.op = Op::kConst;
    instruction.imm = number;
    instruction.result = new_value();
    fresh_.push_back(instruction);
    note_constant(instruction);
    return instruction.result;
  }

  Value tables(int64_t place) {
    const auto found = tables_.find(place);
    if (found != tables_.end()) return found->second;
    Instruction instruction;
    instruction.op = Op::kTables;
    instruction.imm = place;
    instruction.result = new_value();
    definitions_[instruction.result] = instruction;
    fresh_.push_back(instruction);
    note_constant(instruction);
    return instruction.result;
  }

  Value new_value() {
    replacements_.push_back(function_.values);
    numbers_.emplace_back();
    bits_.push_back(kAll);
    behind_.push_back(0);
    definitions_.emplace_back();
    return function_.values++;
  }

  Value now(Value value) { return resolved(replacements_, value); }

  // parameters

  void drop_parameters() {
    std::vector<std::vector<Edge*>> edges(function_.blocks.size());
    for (const BlockId id : graph_.order) {
      Terminator& terminator = function_.blocks[id].terminator;
      if (terminator.kind == Terminator::Kind::kJump || terminator.kind == Terminator::Kind::kBranch) {
        edges[terminator.then.target].push_back(&terminator.then);
      }
      if (terminator.kind == Terminator::Kind::kBranch) {
        edges[terminator.otherwise.target].push_back(&terminator.otherwise);
      }
    }
    bool again = true;
    while (again) {
      again = false;
      for (const BlockId id : graph_.order) {
        std::vector<Value>& parameters = function_.blocks[id].parameters;
        for (size_t i = 0; i < parameters.size(); ++i) {
          if (replacements_[parameters[i]] != parameters[i]) continue;
          Value only = only_argument(parameters[i], i, edges[id]);
          if (only == kNoValue) only = twin(parameters, i, edges[id]);
          if (only == kNoValue) continue;
          replacements_[parameters[i]] = only;
          again = true;
        }
      }
    }
    for (const BlockId id : graph_.order) {
      std::vector<Value>& parameters = function_.blocks[id].parameters;
      size_t kept = 0;
      for (size_t i = 0; i < parameters.size(); ++i) {
        if (replacements_[parameters[i]] != parameters[i]) continue;
        for (Edge* edge : edges[id])
          edge->arguments[kept] = edge->arguments[i];
        parameters[kept++] = parameters[i];
      }
      changed_ |= kept != parameters.size();
      parameters.resize(kept);
      for (Edge* edge : edges[id])
        edge->arguments.resize(kept);
    }
  }

  /// The one value that all arguments of a parameter are, itself aside; or none.
  Value only_argument(Value parameter, size_t place, const std::vector<Edge*>& edges) {
    Value only = kNoValue;
    for (const Edge* edge : edges) {
      const Value argument = now(edge->arguments[place]);
      if (argument == parameter || argument == only) continue;
      if (only != kNoValue) return kNoValue;
      only = argument;
    }
    return only;
  }

  /// A parameter in front of it that is the same on every way in: as the counter of a loop and the variable that the
  /// script sees of it.
  Value twin(const std::vector<Value>& parameters, size_t place, const std::vector<Edge*>& edges) {
    for (size_t other = 0; other < place && !edges.empty(); ++other) {
      if (replacements_[parameters[other]] != parameters[other]) continue;
      const bool same = std::ranges::all_of(edges, [&](const Edge* edge) {
        const Value mine = now(edge->arguments[place]);
        const Value its = now(edge->arguments[other]);
        return mine == its || (mine == parameters[place] && its == parameters[other]);
      });
      if (same) return parameters[other];
    }
    return kNoValue;
  }

  // the walk

  /// How much there was to undo before.
  size_t enter(BlockId id) {
    const size_t mark = undo_.size();
    const std::vector<BlockId>& predecessors = graph_.predecessors[id];
    memory_ = predecessors.size() == 1 && predecessors[0] == graph_.dominator[id] ? memory_at_end_[predecessors[0]]
                                                                                  : ++memories_;
    position_ = position_at_end_[graph_.dominator[id]];
    Block& block = function_.blocks[id];
    size_t kept = 0;
    for (size_t i = 0; i < block.instructions.size(); ++i) {
      Instruction instruction = block.instructions[i];
      if (!simplify(instruction)) continue;
      if (instruction.result != kNoValue) {
        definitions_[instruction.result] = instruction;
        bits_[instruction.result] = possible_bits(instruction);
      }
      block.instructions[kept++] = instruction;
    }
    block.instructions.resize(kept);
    memory_at_end_[id] = memory_;
    position_at_end_[id] = position_;
    decide(id);
    return mark;
  }

  void replace(Value value, Value by) {
    replacements_[value] = by;
    changed_ = true;
  }

  /// False: it is another value now, and is dropped.
  bool simplify(Instruction& i) {
    const bool by_pointer = i.op == Op::kOffset || is_load(i.op) || is_store(i.op);
    int32_t behind = by_pointer ? behind_[i.a] : 0;
    for_each_operand(i, [this](Value& value) { value = now(value); });
    if (by_pointer) behind += share_address(i);
    if (i.op == Op::kOffset) {
      behind_[i.result] = behind;
    } else {
      i.disp += behind;
    }
    if (i.op == Op::kConst) {
      numbers_[i.result] = i.imm;
      return true;
    }
    if (is_binary(i.op)) {
      if (const Value value = folded(i); value != kNoValue) return replace(i.result, value), false;
    } else if (is_swap(i.op) && numbers_[i.a]) {
      return replace(i.result, constant(evaluate_swap(i.op, *numbers_[i.a]))), false;
    } else if (i.op == Op::kOffset) {
      if (numbers_[i.b] && (*numbers_[i.b] & i.imm) == 0) return replace(i.result, i.a), false;
      shorten_index(i);
    } else if (is_load(i.op) || is_store(i.op)) {
      shorten_pointer(i);
    }
    if (is_store(i.op) || !has_result(i.op) || i.op == Op::kMapLookup || i.op == Op::kMapAdd) memory_ = ++memories_;
    if (!is_pure(i.op) && !is_load(i.op)) return true;
    const Key key{i.op, i.a, i.b, i.disp, i.imm, is_load(i.op) ? memory_ : 0};
    const Known mine{i.result, ++position_};
    const auto [found, fresh] = known_.try_emplace(key, mine);
    if (fresh) {
      undo_.emplace_back(key, std::nullopt);
    } else if (position_ <= found->second.position + (i.op == Op::kOffset ? kPointerLongAgo : kLongAgo)) {
      found->second.position = std::max(found->second.position, position_);
      return replace(i.result, found->second.value), false;
    } else {
      undo_.emplace_back(key, found->second);
      found->second = mine;
    }
    return true;
  }

  /// Places in the tables that are near each other share one address and differ in their displacement: fewer registers
  /// in loops that read several tables, and equal indices make equal pointers. What is to be added to displacements.
  int32_t share_address(Instruction& i) {
    const Instruction pointer = definitions_[i.a];
    if (pointer.op != Op::kTables || pointer.result == kNoValue) return 0;
    const int64_t rest = pointer.imm % kReach;
    if (rest == 0) return 0;
    i.a = tables(pointer.imm - rest);
    changed_ = true;
    return static_cast<int32_t>(rest);
  }

  /// The value a binary operation is, or none; may rewrite it into a simpler one.
  Value folded(Instruction& i) {
    for (int step = 0; step < 4; ++step) {
      if (numbers_[i.a] && !numbers_[i.b] && is_commutative(i.op)) std::swap(i.a, i.b);
      const Folded result = fold_binary(i.op, i.a, numbers_[i.a], i.b, numbers_[i.b]);
      if (result.kind == Folded::Kind::kValue) return result.value;
      if (result.kind == Folded::Kind::kNumber) return constant(result.number);
      if (!numbers_[i.b]) return kNoValue;
      const int64_t number = *numbers_[i.b];
      const auto bits = static_cast<uint64_t>(number);
      if (i.op == Op::kSub) {
        i.op = Op::kAdd;
        i.b = constant(static_cast<int64_t>(0 - bits));
        changed_ = true;
        continue;
      }
      if (i.op == Op::kAnd) {
        if ((bits_[i.a] & ~bits) == 0) return i.a;
        if ((bits_[i.a] & bits) == 0) return constant(0);
      }
      if (i.op == Op::kLshr && bits_[i.a] >> (bits & 63) == 0) return constant(0);
      if (i.op == Op::kUdiv && std::has_single_bit(bits)) {
        i.op = Op::kLshr;
        i.b = constant(std::countr_zero(bits));
        changed_ = true;
        continue;
      }
      if (i.op == Op::kUmod && std::has_single_bit(bits)) {
        i.op = Op::kAnd;
        i.b = constant(static_cast<int64_t>(bits - 1));
        changed_ = true;
        continue;
      }
      if (i.op == Op::kMul && std::has_single_bit(bits)) {
        i.op = Op::kShl;
        i.b = constant(std::countr_zero(bits));
        changed_ = true;
        continue;
      }
      if (!merge_with_left(i, number)) return kNoValue;
      changed_ = true;
    }
    return kNoValue;
  }

  /// (x op c1) op c2 = x op (c1 op c2), for operations where that holds.
  bool merge_with_left(Instruction& i, int64_t number) {
    const Instruction left = definitions_[i.a];  // a copy: constants are made below
    if (left.op != i.op || left.result == kNoValue || !numbers_[left.b]) return false;
    const int64_t other = *numbers_[left.b];
    switch (i.op) {
      case Op::kAdd:
      case Op::kMul:
      case Op::kAnd:
      case Op::kOr:
      case Op::kXor:
        i.b = constant(evaluate(i.op, other, number));
        break;
      case Op::kShl:
      case Op::kLshr:
        if ((other & 63) + (number & 63) > 63) return false;
        i.b = constant((other & 63) + (number & 63));
        break;
      default:
        return false;
    }
    i.a = left.a;
    return true;
  }

  /// An `and` that the offset's own mask does as well.
  void shorten_index(Instruction& i) {
    const Instruction& index = definitions_[i.b];
    if (index.op != Op::kAnd || index.result == kNoValue || !numbers_[index.b]) return;
    if ((~static_cast<uint64_t>(*numbers_[index.b]) & static_cast<uint64_t>(i.imm)) != 0) return;
    i.b = index.a;
    changed_ = true;
  }

  /// A known offset becomes part of the displacement.
  void shorten_pointer(Instruction& i) {
    const Instruction& pointer = definitions_[i.a];
    if (pointer.op != Op::kOffset || pointer.result == kNoValue || !numbers_[pointer.b]) return;
    const int64_t disp = i.disp + (*numbers_[pointer.b] & pointer.imm);
    if (disp > INT16_MAX - 8 || disp < INT16_MIN) return;
    i.a = pointer.a;
    i.disp = static_cast<int32_t>(disp);
    changed_ = true;
  }

  /// Bits that may be set.
  [[nodiscard]] uint64_t possible_bits(const Instruction& i) const {
    const uint64_t a = bits_[i.a];
    const uint64_t b = bits_[i.b];
    const auto width_a = static_cast<unsigned>(std::bit_width(a));
    const auto width_b = static_cast<unsigned>(std::bit_width(b));
    switch (i.op) {
      case Op::kConst:
        return static_cast<uint64_t>(i.imm);
      case Op::kAnd:
        return a & b;
      case Op::kOr:
      case Op::kXor:
        return a | b;
      case Op::kAdd:
        return below(std::max(width_a, width_b) + 1);
      case Op::kMul:
        return below(width_a + width_b);
      case Op::kUdiv:
      case Op::kUmod:
        return below(width_a);
      case Op::kShl:
        return numbers_[i.b] ? a << (*numbers_[i.b] & 63) : kAll;
      case Op::kLshr:
        return numbers_[i.b] ? a >> (*numbers_[i.b] & 63) : below(width_a);
      case Op::kSwap16:
        return below(16);
      case Op::kSwap32:
        return below(32);
      case Op::kLaunder:
        return a;
      case Op::kLoad8:
        return below(8);
      case Op::kLoad16:
        return below(16);
      case Op::kLoad32:
        return below(32);
      case Op::kMapLookup:
      case Op::kMapAdd:
      case Op::kMapStore:
        return 1;
      default:
        return kAll;
    }
  }

  // branches

  void decide(BlockId id) {
    Terminator& terminator = function_.blocks[id].terminator;
    if (terminator.kind != Terminator::Kind::kBranch) return;
    terminator.a = now(terminator.a);
    terminator.b = now(terminator.b);
    if (numbers_[terminator.a] && !numbers_[terminator.b]) {
      std::swap(terminator.a, terminator.b);
      terminator.condition = mirrored(terminator.condition);
    }
    std::optional<bool> outcome = by_values(terminator);
    if (!outcome) outcome = by_dominators(id, terminator);
    if (!outcome) return;
    if (!*outcome) std::swap(terminator.then, terminator.otherwise);
    terminator.kind = Terminator::Kind::kJump;
    terminator.otherwise = {};
    changed_ = true;
  }

  [[nodiscard]] std::optional<bool> by_values(const Terminator& t) const {
    if (t.a == t.b) return holds(t.condition, 0, 0);
    if (!numbers_[t.b]) return std::nullopt;
    if (numbers_[t.a]) return holds(t.condition, *numbers_[t.a], *numbers_[t.b]);
    const auto number = static_cast<uint64_t>(*numbers_[t.b]);
    const uint64_t most = bits_[t.a];
    const bool positive = most <= kAll / 2 && number <= kAll / 2;  // signed is as unsigned then
    switch (t.condition) {
      case Condition::kEq:
        if ((number & ~most) != 0) return false;
        break;
      case Condition::kNe:
        if ((number & ~most) != 0) return true;
        break;
      case Condition::kSlt:
        if (!positive) break;
        [[fallthrough]];
      case Condition::kUlt:
        if (most < number) return true;
        if (number == 0) return false;
        break;
      case Condition::kSle:
        if (!positive) break;
        [[fallthrough]];
      case Condition::kUle:
        if (most <= number) return true;
        break;
      case Condition::kSgt:
        if (!positive) break;
        [[fallthrough]];
      case Condition::kUgt:
        if (most <= number) return false;
        break;
      case Condition::kSge:
        if (!positive) break;
        [[fallthrough]];
      case Condition::kUge:
        if (most < number) return false;
        if (number == 0) return true;
        break;
    }
    return std::nullopt;
  }

  /// Was the same question answered on the way here?
  std::optional<bool> by_dominators(BlockId id, const Terminator& t) {
    BlockId below_it = id;
    for (int level = 0; level < kMostLevels && below_it != 0; ++level) {
      const BlockId above = graph_.dominator[below_it];
      const Terminator& earlier = function_.blocks[above].terminator;
      // The way from `above` leads over its child in the tree; if that has one way in, it is an edge.
      if (earlier.kind == Terminator::Kind::kBranch && now(earlier.a) == t.a && now(earlier.b) == t.b &&
          graph_.predecessors[below_it].size() == 1 && graph_.predecessors[below_it][0] == above &&
          earlier.then.target != earlier.otherwise.target) {
        const Condition held = earlier.then.target == below_it ? earlier.condition : inverse(earlier.condition);
        if (held == t.condition) return true;
        if (held == inverse(t.condition)) return false;
        if (held == Condition::kEq) return holds(t.condition, 0, 0);
      }
      below_it = above;
    }
    return std::nullopt;
  }

  Function& function_;
  const Graph graph_;
  std::vector<Value> replacements_;
  std::vector<std::optional<int64_t>> numbers_;
  std::vector<uint64_t> bits_;
  std::vector<int32_t> behind_;  // by pointer: what its uses add to their displacement, its address having been shared
  std::vector<Instruction> definitions_;
  std::vector<uint32_t> memory_at_end_;
  std::unordered_map<int64_t, Value> constants_;
  std::unordered_map<int64_t, Value> tables_;
  std::vector<Instruction> fresh_;
  struct Known {
    Value value = kNoValue;
    uint32_t position = 0;  // where it was computed or needed last
  };
  std::unordered_map<Key, Known, Hash> known_;
  std::vector<std::pair<Key, std::optional<Known>>> undo_;
  std::vector<uint32_t> position_at_end_;
  uint32_t position_ = 0;  // counts what may be merged
  uint32_t memory_ = 0;
  uint32_t memories_ = 0;
  bool changed_ = false;
};

}  // namespace

bool simplify_values(Function& function) {
  return Values(function).run();
}

}  // namespace perilune::ir
