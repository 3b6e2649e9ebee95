#include "ir/loop_values.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace perilune::ir {
namespace {

struct Definitions {
  explicit Definitions(const Function& function) : block(function.values, Graph::kUnreachable), fixed(function.values) {
    for (BlockId id = 0; id < function.blocks.size(); ++id) {
      for (const Value parameter : function.blocks[id].parameters)
        block[parameter] = id;
      for (const Instruction& instruction : function.blocks[id].instructions) {
        if (instruction.result == kNoValue) continue;
        block[instruction.result] = id;
        const Op op = instruction.op;
        fixed[instruction.result] = op == Op::kConst || op == Op::kSlot || op == Op::kTables || op == Op::kOffset;
      }
    }
  }
  std::vector<BlockId> block;
  std::vector<bool> fixed;  // constants and pointers
};

template <typename F>
void for_each_use(Block& block, F f) {
  for (Instruction& instruction : block.instructions) {
    if (instruction.a != kNoValue) f(instruction.a);
    if (instruction.b != kNoValue) f(instruction.b);
  }
  Terminator& terminator = block.terminator;
  if (terminator.a != kNoValue) f(terminator.a);
  if (terminator.b != kNoValue) f(terminator.b);
  for (Edge* edge : {&terminator.then, &terminator.otherwise}) {
    for (Value& argument : edge->arguments)
      f(argument);
  }
}

void expose(Function& function, const Graph& graph, Definitions& definitions, BlockId header) {
  std::vector<BlockId> below;
  for (const BlockId id : graph.order) {
    if (graph.dominates(header, id)) below.push_back(id);
  }
  std::unordered_map<Value, Value> renamed;
  std::vector<Value> values;
  for (const BlockId id : below) {
    for_each_use(function.blocks[id], [&](Value& value) {
      const BlockId home = definitions.block[value];
      if (definitions.fixed[value] || home == Graph::kUnreachable || graph.dominates(header, home)) return;
      if (renamed.emplace(value, kNoValue).second) values.push_back(value);
    });
  }
  if (values.empty()) return;
  for (const Value value : values) {
    const Value parameter = function.values++;
    renamed[value] = parameter;
    definitions.block.push_back(header);
    definitions.fixed.push_back(false);
    function.blocks[header].parameters.push_back(parameter);
  }
  for (const BlockId id : below) {
    for_each_use(function.blocks[id], [&](Value& value) {
      if (const auto found = renamed.find(value); found != renamed.end()) value = found->second;
    });
  }
  for (const BlockId id : graph.order) {
    const bool inside = graph.dominates(header, id);
    Terminator& terminator = function.blocks[id].terminator;
    const auto extend = [&](Edge& edge) {
      if (edge.target != header) return;
      for (const Value value : values)
        edge.arguments.push_back(inside ? renamed[value] : value);
    };
    if (terminator.kind == Terminator::Kind::kJump || terminator.kind == Terminator::Kind::kBranch)
      extend(terminator.then);
    if (terminator.kind == Terminator::Kind::kBranch) extend(terminator.otherwise);
  }
}

}  // namespace

void expose_loop_values(Function& function) {
  const Graph graph(function);
  Definitions definitions(function);
  for (const BlockId id : graph.order) {
    if (function.blocks[id].loop_header) expose(function, graph, definitions, id);
  }
}

}  // namespace perilune::ir
