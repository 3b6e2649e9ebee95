#include "ir/verifier/opacity.h"

#include <algorithm>
#include <utility>

#include "ir/form/fold.h"

namespace perilune::ir {
namespace {

constexpr size_t kMostNodes = 32;       // of an index's computation that are looked at
constexpr size_t kManySelections = 64;  // in a function

class Analysis {
 public:
  Analysis(const Function& function, const Graph& graph, const std::vector<bool>& in_memory, Opacity& opacity)
      : function_(function),
        graph_(graph),
        in_memory_(in_memory),
        opacity_(opacity),
        definitions_(function.values),
        arguments_(function.values),
        compared_(function.values) {}

  void run() {
    collect();
    mark_parameters();
    mark_unknown();
    for (const BlockId block : graph_.order) {
      if (graph_.depth[block] != 0) continue;
      for (const Instruction& instruction : function_.blocks[block].instructions) {
        if (instruction.op == Op::kOffset) opacity_.offsets[instruction.result] = needs_memory(instruction.b, block);
      }
    }
  }

 private:
  struct Definition {
    const Instruction* instruction = nullptr;  // none: a parameter
    BlockId block = Graph::kUnreachable;
  };

  void collect_edge(const Edge& edge) {
    const Block& target = function_.blocks[edge.target];
    for (size_t i = 0; i < edge.arguments.size(); ++i)
      arguments_[target.parameters[i]].push_back(edge.arguments[i]);
  }

  void collect() {
    for (const BlockId id : graph_.order) {
      const Block& block = function_.blocks[id];
      for (const Value parameter : block.parameters)
        definitions_[parameter] = {nullptr, id};
      for (const Instruction& instruction : block.instructions) {
        if (instruction.result != kNoValue) definitions_[instruction.result] = {&instruction, id};
      }
      const Terminator& terminator = block.terminator;
      if (terminator.kind == Terminator::Kind::kJump) collect_edge(terminator.then);
      if (terminator.kind != Terminator::Kind::kBranch) continue;
      collect_edge(terminator.then);
      collect_edge(terminator.otherwise);
      compared_[terminator.a].push_back(id);
      compared_[terminator.b].push_back(id);
    }
  }

  [[nodiscard]] bool is_parameter(Value value) const { return definitions_[value].instruction == nullptr; }
  [[nodiscard]] bool is_of_header(Value parameter) const {
    return function_.blocks[definitions_[parameter].block].loop_header;
  }

  void raise(Value value, Opacity::Parameter level) {
    if (level_[value] >= level) return;
    level_[value] = level;
    work_.push_back(value);
  }

  void mark_parameters() {
    level_.assign(function_.values, Opacity::Parameter::kPlain);
    for (const BlockId id : graph_.order) {
      const Block& block = function_.blocks[id];
      const bool in_loop = graph_.depth[id] != 0;
      for (const Value parameter : block.parameters) {
        if (block.loop_header) {
          opacity_.parameters[parameter] = Opacity::Parameter::kAll;
        } else if (in_loop) {
          raise(parameter, Opacity::Parameter::kConstants);
        }
      }
      for (const Instruction& instruction : block.instructions) {
        if (instruction.op == Op::kOffset) {
          raise(instruction.b, in_loop ? Opacity::Parameter::kAll : Opacity::Parameter::kConstants);
        } else if (takes_number(instruction.op)) {
          raise(instruction.a, Opacity::Parameter::kConstants);
        }
      }
      if (block.terminator.kind == Terminator::Kind::kBranch) {
        raise(block.terminator.a, Opacity::Parameter::kConstants);
        raise(block.terminator.b, Opacity::Parameter::kConstants);
      }
    }
    while (!work_.empty()) {
      const Value value = work_.back();
      work_.pop_back();
      const Opacity::Parameter level = level_[value];
      if (const Instruction* instruction = definitions_[value].instruction) {
        if (is_binary(instruction->op) || is_swap(instruction->op)) raise(instruction->a, level);
        if (is_binary(instruction->op)) raise(instruction->b, level);
      } else if (!is_of_header(value)) {
        opacity_.parameters[value] = level;
        for (const Value argument : arguments_[value])
          raise(argument, level);
      }
    }
    mark_selections();
  }

  // Of `n = math.min(n + 5, x)` the verifier learns other bounds on each way, as of `if c then n = (n & 255) + 5 end`,
  // and in a row of such lines it walks on with ever more of them.
  void mark_selections() {
    const std::vector<bool> has_bounds = values_with_bounds();
    std::vector<Value> selections;
    for (const BlockId id : graph_.order) {
      if (function_.blocks[id].loop_header) continue;
      for (const Value parameter : function_.blocks[id].parameters) {
        if (level_[parameter] == Opacity::Parameter::kPlain) continue;
        if (std::ranges::any_of(arguments_[parameter], [&](Value a) { return has_bounds[a] || !compared_[a].empty(); }))
          selections.push_back(parameter);
      }
    }
    if (selections.size() < kManySelections) return;
    for (const Value parameter : selections)
      opacity_.parameters[parameter] = Opacity::Parameter::kAll;
  }

  /// By value: does the verifier know bounds or bits of what is computed, if it knows nothing of parameters?
  [[nodiscard]] std::vector<bool> values_with_bounds() const {
    std::vector<bool> bounds(function_.values);
    for (const BlockId id : graph_.order) {
      for (const Instruction& one : function_.blocks[id].instructions) {
        const auto is_constant = [&](Value value) {
          return definitions_[value].instruction != nullptr && definitions_[value].instruction->op == Op::kConst;
        };
        switch (one.op) {
          case Op::kLoad8:
          case Op::kLoad16:
          case Op::kLoad32:
          case Op::kSwap16:
          case Op::kSwap32:
          case Op::kUdiv:
          case Op::kUmod:
          case Op::kLshr:
          case Op::kAshr:
          case Op::kShl:
            bounds[one.result] = true;
            break;
          case Op::kAnd:
          case Op::kOr:
          case Op::kMul:  // by an even number
            bounds[one.result] = bounds[one.a] || bounds[one.b] || is_constant(one.a) || is_constant(one.b);
            break;
          case Op::kAdd:
          case Op::kSub:
          case Op::kXor:
            bounds[one.result] = (bounds[one.a] || is_constant(one.a)) && (bounds[one.b] || is_constant(one.b));
            break;
          default:
            break;
        }
      }
    }
    return bounds;
  }

  /// What comes whole from memory and was never compared, itself or a number added to it (the verifier remembers that
  /// relation).
  void mark_unknown() {
    std::vector<bool> compared(function_.values);
    for (Value value = 1; value < function_.values; ++value) {
      if (compared_[value].empty()) continue;
      compared[value] = true;
      const Instruction* instruction = definitions_[value].instruction;
      while (instruction != nullptr && (instruction->op == Op::kAdd || instruction->op == Op::kSub)) {
        compared[instruction->a] = true;
        instruction = definitions_[instruction->a].instruction;
      }
    }
    for (const BlockId id : graph_.order) {
      const Block& block = function_.blocks[id];
      for (const Value parameter : block.parameters) {
        opacity_.unknown[parameter] =
            opacity_.parameters[parameter] == Opacity::Parameter::kAll && !block.loop_header && !compared[parameter];
      }
      for (const Instruction& instruction : block.instructions) {
        const Op op = instruction.op;
        const bool whole = op == Op::kLoad64 || op == Op::kLaunder || op == Op::kKtime || op == Op::kRandom;
        if (whole) opacity_.unknown[instruction.result] = !compared[instruction.result];
      }
    }
  }

  /// Can the verifier know bounds of an argument (constants go through memory)?
  [[nodiscard]] bool bounded(Value argument) const {
    if (is_parameter(argument)) return !is_of_header(argument);
    const Op op = definitions_[argument].instruction->op;
    return op != Op::kConst && op != Op::kLaunder && op != Op::kLoad64 && !is_call(op);
  }

  /// Was a value compared at a place of which both ways lead to `use`, without a way around?
  [[nodiscard]] bool compared_on_two_ways(Value value, BlockId use) const {
    return std::any_of(compared_[value].begin(), compared_[value].end(), [&](BlockId block) {
      if (block == use || graph_.number[block] > graph_.number[use]) return false;
      const Terminator& terminator = function_.blocks[block].terminator;
      const auto only_way = [&](BlockId target) {
        return graph_.predecessors[target].size() == 1 && graph_.dominates(target, use);
      };
      return !only_way(terminator.then.target) && !only_way(terminator.otherwise.target);
    });
  }

  [[nodiscard]] bool needs_memory(Value index, BlockId use) {
    std::vector<Value> nodes{index};
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (i >= kMostNodes) return true;
      const Value value = nodes[i];
      if (in_memory_[value]) continue;
      if (compared_on_two_ways(value, use)) return true;
      if (is_parameter(value)) {
        if (is_of_header(value) || opacity_.parameters[value] == Opacity::Parameter::kAll) continue;
        const std::vector<Value>& arguments = arguments_[value];
        if (arguments.size() == 1) {
          nodes.push_back(arguments[0]);
        } else if (std::any_of(arguments.begin(), arguments.end(), [this](Value a) { return bounded(a); })) {
          return true;
        }
        continue;
      }
      const Instruction& instruction = *definitions_[value].instruction;
      if (is_binary(instruction.op) || is_swap(instruction.op)) nodes.push_back(instruction.a);
      if (is_binary(instruction.op)) nodes.push_back(instruction.b);
    }
    return false;
  }

  const Function& function_;
  const Graph& graph_;
  const std::vector<bool>& in_memory_;
  Opacity& opacity_;
  std::vector<Definition> definitions_;
  std::vector<std::vector<Value>> arguments_;   // of parameters
  std::vector<std::vector<BlockId>> compared_;  // where a value is an operand of a branch
  std::vector<Opacity::Parameter> level_;
  std::vector<Value> work_;
};

}  // namespace

Opacity::Opacity(const Function& function, const Graph& graph, const std::vector<bool>& in_memory)
    : parameters(function.values, Parameter::kPlain), offsets(function.values), unknown(function.values) {
  Analysis(function, graph, in_memory, *this).run();
}

}  // namespace perilune::ir
