#include "ir/verifier/loop_bounds.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "ir/form/fold.h"

namespace perilune::ir {
namespace {

using Edges = std::vector<std::vector<Value>>;

/// The strongly connected components of `edges` between the nodes that `takes_part` lets in (Tarjan): their numbers by
/// node.
template <typename Takes>
class Components {
 public:
  Components(const Edges& edges, Takes takes_part)
      : edges_(edges), takes_part_(takes_part), number(edges.size()), index_(edges.size()), lowest_(edges.size()) {
    for (Value value = 1; value < edges.size(); ++value) {
      if (index_[value] == 0 && takes_part_(value)) walk(value);
    }
  }

 private:
  struct Frame {
    Value value = kNoValue;
    size_t next = 0;
  };

  void enter(Value value) {
    index_[value] = lowest_[value] = ++clock_;
    open_.push_back(value);
    frames_.push_back({value, 0});
  }

  void walk(Value root) {
    enter(root);
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      const Value value = frame.value;
      if (frame.next < edges_[value].size()) {
        const Value next = edges_[value][frame.next++];
        if (!takes_part_(next)) continue;
        if (index_[next] == 0) {
          enter(next);
        } else if (number[next] == 0) {
          lowest_[value] = std::min(lowest_[value], index_[next]);
        }
        continue;
      }
      frames_.pop_back();
      if (!frames_.empty()) {
        uint32_t& above = lowest_[frames_.back().value];
        above = std::min(above, lowest_[value]);
      }
      if (lowest_[value] == index_[value]) close(value);
    }
  }

  void close(Value root) {
    ++count;
    Value value = kNoValue;
    do {
      value = open_.back();
      open_.pop_back();
      number[value] = count;
    } while (value != root);
  }

  const Edges& edges_;
  Takes takes_part_;

 public:
  std::vector<uint32_t> number;  // 0: takes no part
  uint32_t count = 0;

 private:
  std::vector<uint32_t> index_;
  std::vector<uint32_t> lowest_;
  std::vector<Value> open_;
  std::vector<Frame> frames_;
  uint32_t clock_ = 0;
};

class Analysis {
 public:
  Analysis(const Function& function, const Graph& graph, const Opacity& opacity)
      : function_(function),
        graph_(graph),
        opacity_(opacity),
        definitions_(function.values),
        numbers_(function.values),
        homes_(function.values, Graph::kUnreachable),
        arguments_(function.values),
        users_(function.values),
        compared_(function.values),
        matters_(function.values),
        bounded_(function.values),
        compared_with_bounds_(function.values) {}

  std::vector<Opacity::Parameter> run() {
    std::vector<Opacity::Parameter> result(function_.values, Opacity::Parameter::kPlain);
    collect();
    if (parameters_.empty()) return result;
    find_what_matters();
    find_cyclic();
    find_bounds();
    Edges edges = depends_;
    for (Value value = 1; value < function_.values; ++value) {
      for (const Comparison& comparison : compared_[value]) {
        if (!numbers_[comparison.other]) edges[value].push_back(comparison.other);
      }
      for_each_linked(value, [&](Value linked) { edges[linked].push_back(value); });
    }
    const std::vector<uint32_t> component = computed_cycles(edges, [this](Value value) { return bounded_[value]; });
    for (const Value parameter : parameters_) {
      if (!matters_[parameter]) continue;
      if (cyclic_[parameter]) result[parameter] = Opacity::Parameter::kConstants;
      const bool moves = component[parameter] != 0 &&
                         std::any_of(arguments_[parameter].begin(), arguments_[parameter].end(),
                                     [&](Value argument) { return component[argument] == component[parameter]; });
      if (moves && !is_counter(parameter)) result[parameter] = Opacity::Parameter::kAll;
    }
    return result;
  }

 private:
  struct Comparison {
    Value other = kNoValue;
    BlockId block = 0;
  };

  void collect() {
    for (const BlockId id : graph_.order) {
      const Block& block = function_.blocks[id];
      for (const Value parameter : block.parameters)
        homes_[parameter] = id;
      for (const Instruction& instruction : block.instructions) {
        if (instruction.result == kNoValue) continue;
        homes_[instruction.result] = id;
        definitions_[instruction.result] = &instruction;
        if (instruction.op == Op::kConst) numbers_[instruction.result] = instruction.imm;
      }
    }
    depends_.resize(function_.values);
    for (const BlockId id : graph_.order) {
      const Block& block = function_.blocks[id];
      for (const Instruction& instruction : block.instructions) {
        if (is_binary(instruction.op) || is_swap(instruction.op)) depend(instruction.result, instruction.a);
        if (is_binary(instruction.op)) depend(instruction.result, instruction.b);
      }
      const Terminator& terminator = block.terminator;
      if (terminator.kind == Terminator::Kind::kJump) collect_edge(id, terminator.then);
      if (terminator.kind != Terminator::Kind::kBranch) continue;
      collect_edge(id, terminator.then);
      collect_edge(id, terminator.otherwise);
      if (comes_again(terminator.a, id)) compared_[terminator.a].push_back({terminator.b, id});
      if (comes_again(terminator.b, id)) compared_[terminator.b].push_back({terminator.a, id});
    }
  }

  /// Can a value be in a next iteration when something was found out about it in a block?
  [[nodiscard]] bool comes_again(Value value, BlockId block) const {
    BlockId loop = graph_.loop[homes_[value]];
    if (loop == Graph::kUnreachable) return false;
    while (graph_.outer[loop] != Graph::kUnreachable)
      loop = graph_.outer[loop];
    return graph_.in_loop(block, loop);
  }

  void collect_edge(BlockId from, const Edge& edge) {
    const Block& target = function_.blocks[edge.target];
    if (target.loop_header && !graph_.dominates(edge.target, from)) return;  // a way in
    for (size_t i = 0; i < edge.arguments.size(); ++i) {
      const Value parameter = target.parameters[i];
      const Value argument = edge.arguments[i];
      if (argument == parameter) continue;
      if (target.loop_header) {
        parameters_.push_back(parameter);
      } else if (opacity_.parameters[parameter] == Opacity::Parameter::kAll) {
        continue;
      }
      arguments_[parameter].push_back(argument);
      depend(parameter, argument);
    }
  }

  void depend(Value value, Value on) {
    if (numbers_[on]) return;
    depends_[value].push_back(on);
    users_[on].push_back(value);
  }

  /// Of a parameter, or a value that is nowhere any more.
  [[nodiscard]] bool is_of_header(Value parameter) const {
    const BlockId home = homes_[parameter];
    return definitions_[parameter] == nullptr && home != Graph::kUnreachable && function_.blocks[home].loop_header;
  }

  /// What reaches a comparison, an index or a length.
  void find_what_matters() {
    std::vector<Value> work;
    const auto mark = [&](Value value) {
      if (matters_[value]) return;
      matters_[value] = true;
      work.push_back(value);
    };
    for (const BlockId id : graph_.order) {
      const Block& block = function_.blocks[id];
      for (const Instruction& instruction : block.instructions) {
        if (instruction.op == Op::kOffset) mark(instruction.b);
        if (takes_number(instruction.op)) mark(instruction.a);
      }
      if (block.terminator.kind != Terminator::Kind::kBranch) continue;
      mark(block.terminator.a);
      mark(block.terminator.b);
    }
    while (!work.empty()) {
      const Value value = work.back();
      work.pop_back();
      for (const Value on : depends_[value])
        mark(on);
    }
  }

  /// By value: the number of its component in which something is computed and comes round; 0: none.
  template <typename Takes>
  [[nodiscard]] std::vector<uint32_t> computed_cycles(const Edges& edges, Takes takes_part) const {
    Components<Takes> components(edges, takes_part);
    std::vector<bool> computes(components.count + 1);
    std::vector<uint32_t> size(components.count + 1);
    for (Value value = 1; value < function_.values; ++value) {
      const uint32_t number = components.number[value];
      ++size[number];
      const Instruction* instruction = definitions_[value];
      if (instruction != nullptr && (is_binary(instruction->op) || is_swap(instruction->op))) computes[number] = true;
    }
    for (uint32_t& number : components.number) {
      if (!computes[number] || size[number] == 1) number = 0;
    }
    return std::move(components.number);
  }

  void find_cyclic() {
    const std::vector<uint32_t> component = computed_cycles(depends_, [](Value) { return true; });
    cyclic_.resize(function_.values);
    for (Value value = 1; value < function_.values; ++value)
      cyclic_[value] = component[value] != 0;
  }

  [[nodiscard]] bool has_bounds(Value value) const { return numbers_[value].has_value() || bounded_[value]; }

  /// Does the verifier know bounds of a result, seen what it knows of the operands?
  [[nodiscard]] bool result_has_bounds(const Instruction& instruction) const {
    const bool a = has_bounds(instruction.a);
    const bool b = has_bounds(instruction.b);
    switch (instruction.op) {
      case Op::kAdd:
      case Op::kSub:
      case Op::kXor:
        return a && b;
      case Op::kMul: {
        // by an even number: the lowest bits are known
        const auto odd = [this](Value value) { return numbers_[value] && (*numbers_[value] & 1) != 0; };
        return (a || b) && !(odd(instruction.a) && !b) && !(odd(instruction.b) && !a);
      }
      case Op::kUdiv:
      case Op::kUmod:
        return true;
      default:
        return a || b;
    }
  }

  [[nodiscard]] bool starts_with_bounds(const Instruction& instruction) const {
    switch (instruction.op) {
      case Op::kLoad8:
      case Op::kLoad16:
      case Op::kLoad32:
      case Op::kSwap16:
      case Op::kSwap32:
        return true;
      case Op::kKtime:
      case Op::kRandom:
        return false;
      default:
        return is_call(instruction.op);
    }
  }

  [[nodiscard]] bool has_bounds_now(Value value) const {
    if (const Instruction* instruction = definitions_[value]) {
      if (is_binary(instruction->op)) return result_has_bounds(*instruction);
      if (instruction->op == Op::kSwap64) return has_bounds(instruction->a);
      return starts_with_bounds(*instruction);
    }
    // Numbers go through memory on the way to parameters other than these.
    const bool numbers_too = is_of_header(value) && !cyclic_[value];
    return std::any_of(arguments_[value].begin(), arguments_[value].end(), [&](Value argument) {
      return numbers_[argument] ? numbers_too : static_cast<bool>(bounded_[argument]);
    });
  }

  /// Values that a comparison of `value` says something of, too: what it is a copy of, or a number more than.
  template <typename F>
  void for_each_linked(Value value, F f) const {
    if (const Instruction* instruction = definitions_[value]) {
      if (instruction->op != Op::kAdd && instruction->op != Op::kSub) return;
      if (numbers_[instruction->b] && !numbers_[instruction->a]) f(instruction->a);
      if (numbers_[instruction->a] && !numbers_[instruction->b] && instruction->op == Op::kAdd) f(instruction->b);
    } else if (!is_of_header(value)) {
      for (const Value argument : arguments_[value]) {
        if (!numbers_[argument]) f(argument);
      }
    }
  }

  void find_bounds() {
    std::vector<Value> work;
    const auto bound = [&](Value value) {
      if (bounded_[value] || numbers_[value]) return;
      bounded_[value] = true;
      work.push_back(value);
    };
    const auto compare = [&](Value value) {
      if (compared_with_bounds_[value] || numbers_[value]) return;
      compared_with_bounds_[value] = true;
      bounded_[value] = true;
      work.push_back(value);
    };
    for (Value value = 1; value < function_.values; ++value) {
      if (numbers_[value]) continue;
      if (has_bounds_now(value)) bound(value);
      for (const Comparison& comparison : compared_[value]) {
        if (numbers_[comparison.other]) compare(value);
      }
    }
    while (!work.empty()) {
      const Value value = work.back();
      work.pop_back();
      for (const Value user : users_[value]) {
        if (has_bounds_now(user)) bound(user);
      }
      for (const Comparison& comparison : compared_[value])
        compare(comparison.other);
      if (compared_with_bounds_[value]) for_each_linked(value, compare);
    }
  }

  /// Is only a number ever added to a parameter, and is there but one comparison of it, with a number, on every way
  /// iteration?
  [[nodiscard]] bool is_counter(Value parameter) const {
    const BlockId header = homes_[parameter];
    std::vector<Value> values{parameter};
    const auto has = [&](Value value) { return std::find(values.begin(), values.end(), value) != values.end(); };
    BlockId place = Graph::kUnreachable;
    for (size_t i = 0; i < values.size(); ++i) {
      if (i >= kMostSteps) return false;
      const Value value = values[i];
      for (const Comparison& comparison : compared_[value]) {
        if (!graph_.in_loop(comparison.block, header)) continue;
        if (!numbers_[comparison.other] || place != Graph::kUnreachable) return false;
        place = comparison.block;
      }
      for (const Value user : users_[value]) {
        const Instruction* instruction = definitions_[user];
        if (instruction == nullptr) {
          if (!is_of_header(user) && graph_.in_loop(homes_[user], header)) return false;  // a copy
          continue;
        }
        if (instruction->op != Op::kAdd && instruction->op != Op::kSub) continue;
        for_each_linked(user, [&](Value linked) {
          if (linked == value && !has(user)) values.push_back(user);
        });
      }
    }
    if (place == Graph::kUnreachable) return false;
    for (const BlockId predecessor : graph_.predecessors[header]) {
      if (graph_.dominates(header, predecessor) && !graph_.dominates(place, predecessor)) return false;
    }
    return std::all_of(arguments_[parameter].begin(), arguments_[parameter].end(),
                       [&](Value argument) { return numbers_[argument] || has(argument); });
  }

  static constexpr size_t kMostSteps = 16;  // values that are looked at for one counter

  const Function& function_;
  const Graph& graph_;
  const Opacity& opacity_;
  std::vector<const Instruction*> definitions_;  // none: a parameter
  std::vector<std::optional<int64_t>> numbers_;
  std::vector<BlockId> homes_;     // of parameters
  std::vector<Value> parameters_;  // of headers, with another argument than themselves on a back edge
  Edges arguments_;                // of parameters; of headers': on the back edges
  Edges depends_;                  // what a value is computed from
  Edges users_;                    // the other way round
  std::vector<std::vector<Comparison>> compared_;
  std::vector<bool> matters_;
  std::vector<bool> cyclic_;  // computed from itself, by way of the next iteration
  std::vector<bool> bounded_;
  std::vector<bool> compared_with_bounds_;
};

}  // namespace

std::vector<Opacity::Parameter> wandering_parameters(const Function& function, const Graph& graph,
                                                     const Opacity& opacity) {
  return Analysis(function, graph, opacity).run();
}

}  // namespace perilune::ir
