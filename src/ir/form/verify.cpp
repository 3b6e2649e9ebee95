// Is a function well formed? See passes.h.
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "event/slot.h"
#include "ir/form/fold.h"
#include "ir/form/graph.h"
#include "ir/generate/passes.h"

namespace perilune::ir {
namespace {

class Verifier {
 public:
  explicit Verifier(const Function& function) : function_(function), defined_(function.values) {}

  std::string run() {
    if (function_.blocks.empty()) return "no entry block";
    if (!function_.blocks[0].parameters.empty()) return "b0: the entry has parameters";
    for (BlockId block = 0; block < function_.blocks.size() && problem_.empty(); ++block)
      check_shape(block);
    if (!problem_.empty()) return problem_;
    const Graph graph(function_);
    for (const BlockId block : graph.order) {
      check_uses(block, graph);
      if (!problem_.empty()) return problem_;
    }
    check_cycles(graph);
    return problem_;
  }

 private:
  struct Definition {
    BlockId block = Graph::kUnreachable;
    uint32_t place = 0;  // 0: a parameter, else 1 + the instruction's number
    bool pointer = false;
  };

  void complain(BlockId block, std::string what) {
    if (problem_.empty()) problem_ = fmt::format("b{}: {}", block, what);
  }

  void define(BlockId block, Value value, uint32_t place, bool pointer) {
    if (value == kNoValue || value >= function_.values) return complain(block, fmt::format("no such value v{}", value));
    if (defined_[value].block != Graph::kUnreachable) complain(block, fmt::format("v{} is defined twice", value));
    defined_[value] = {block, place, pointer};
  }

  void check_edge(BlockId block, const Edge& edge) {
    if (edge.target >= function_.blocks.size()) return complain(block, fmt::format("no such block b{}", edge.target));
    const size_t wanted = function_.blocks[edge.target].parameters.size();
    if (edge.arguments.size() != wanted) {
      complain(block,
               fmt::format("{} arguments for the {} parameters of b{}", edge.arguments.size(), wanted, edge.target));
    }
    if (edge.target == 0) complain(block, "the entry is no target");
  }

  void check_shape(BlockId id) {
    const Block& block = function_.blocks[id];
    for (const Value parameter : block.parameters)
      define(id, parameter, 0, false);
    for (uint32_t i = 0; i < block.instructions.size(); ++i) {
      const Instruction& instruction = block.instructions[i];
      const Op op = instruction.op;
      if (op == Op::kParam) complain(id, "a parameter among the instructions");
      if (has_result(op) != (instruction.result != kNoValue))
        complain(id, fmt::format("instruction {}: a result or none?", i));
      if (has_result(op)) define(id, instruction.result, i + 1, is_pointer(op));
      check_operands(id, instruction);
    }
    const Terminator& terminator = block.terminator;
    switch (terminator.kind) {
      case Terminator::Kind::kNone:
        return complain(id, "no terminator");
      case Terminator::Kind::kBranch:
        check_edge(id, terminator.otherwise);
        [[fallthrough]];
      case Terminator::Kind::kJump:
        check_edge(id, terminator.then);
        break;
      case Terminator::Kind::kReturn:
        break;
    }
    if (!block.loop_header) return;
    if (block.exhausted >= function_.blocks.size()) return complain(id, "exhausted is no block");
    if (!function_.blocks[block.exhausted].parameters.empty()) complain(id, "exhausted has parameters");
    if (block.exhausted == id) complain(id, "exhausted is the loop itself");
  }

  void check_operands(BlockId id, const Instruction& instruction) {
    const auto in_slot = [&](int32_t disp) {
      if (disp < 0 || disp >= 0x8000) complain(id, fmt::format("{:#x} is out of a displacement's reach", disp));
    };
    switch (instruction.op) {
      case Op::kOffset:
        if (instruction.imm < 0 || (instruction.imm & (instruction.imm + 1)) != 0 || instruction.imm > INT32_MAX) {
          complain(id, fmt::format("{:#x} is no mask of an offset", instruction.imm));
        }
        break;
      case Op::kTables:
        if (instruction.imm < 0 || instruction.imm > INT32_MAX) complain(id, "a place out of the tables");
        break;
      case Op::kMapLookup:
        if (instruction.imm < 0 || instruction.imm % 8 != 0) complain(id, "a map value is a multiple of 8 bytes");
        if (instruction.kept > kKeptPlaces) complain(id, "no place for an element");
        in_slot(instruction.disp2);
        in_slot(instruction.disp);
        break;
      case Op::kMapUpdate:
        in_slot(instruction.disp2);
        in_slot(instruction.disp);
        break;
      case Op::kMapAdd:
        if (instruction.imm != 4 && instruction.imm != 8) complain(id, "a counter has 4 or 8 bytes");
        in_slot(instruction.disp);
        break;
      case Op::kMapStore:
        if (instruction.imm != 1 && instruction.imm != 2 && instruction.imm != 4 && instruction.imm != 8)
          complain(id, "a number of a map has 1, 2, 4 or 8 bytes");
        if (instruction.kept == 0 || instruction.kept > kKeptPlaces) complain(id, "no place for an element");
        in_slot(instruction.disp2);
        break;
      case Op::kMapDelete:
      case Op::kEmit:
        in_slot(instruction.disp);
        break;
      default:
        break;
    }
  }

  void use(BlockId block, uint32_t place, Value value, bool pointer, const Graph& graph) {
    if (value == kNoValue || value >= function_.values || defined_[value].block == Graph::kUnreachable) {
      return complain(block, fmt::format("v{} is used but never defined", value));
    }
    const Definition& definition = defined_[value];
    const bool before = definition.block == block
                            ? definition.place < place
                            : graph.reachable(definition.block) && graph.dominates(definition.block, block);
    if (!before) complain(block, fmt::format("v{} is used where it may not be defined", value));
    if (definition.pointer != pointer) {
      complain(block, fmt::format("v{} is {} pointer", value, pointer ? "no" : "a"));
    }
  }

  void check_uses(BlockId id, const Graph& graph) {
    const Block& block = function_.blocks[id];
    uint32_t place = 1;
    for (const Instruction& instruction : block.instructions) {
      const Op op = instruction.op;
      const bool memory = is_load(op) || is_store(op) || op == Op::kOffset;
      if (memory || is_binary(op) || is_swap(op) || op == Op::kLaunder || takes_number(op) || op == Op::kMapAdd) {
        use(id, place, instruction.a, memory, graph);
      }
      if (is_store(op) || op == Op::kOffset || is_binary(op)) use(id, place, instruction.b, false, graph);
      ++place;
    }
    const Terminator& terminator = block.terminator;
    if (terminator.kind == Terminator::Kind::kBranch || terminator.kind == Terminator::Kind::kReturn) {
      use(id, place, terminator.a, false, graph);
    }
    if (terminator.kind == Terminator::Kind::kBranch) {
      use(id, place, terminator.b, false, graph);
      for (const Value argument : terminator.otherwise.arguments)
        use(id, place, argument, false, graph);
    }
    for (const Value argument : terminator.then.arguments)
      use(id, place, argument, false, graph);
  }

  /// Every back edge leads to a loop header: edges against the order that are not to one are refused.
  void check_cycles(const Graph& graph) {
    // Without the headers there must be no cycle: remove blocks without predecessors until nothing is left.
    std::vector<uint32_t> waiting(function_.blocks.size());
    std::vector<BlockId> work;
    size_t left = 0;
    for (const BlockId block : graph.order) {
      if (function_.blocks[block].loop_header) continue;
      ++left;
      for (const BlockId predecessor : graph.predecessors[block]) {
        if (!function_.blocks[predecessor].loop_header) ++waiting[block];
      }
      if (waiting[block] == 0) work.push_back(block);
    }
    while (!work.empty()) {
      const BlockId block = work.back();
      work.pop_back();
      --left;
      for_each_successor(function_.blocks[block], [&](BlockId target) {
        if (!function_.blocks[target].loop_header && --waiting[target] == 0) work.push_back(target);
      });
    }
    if (left == 0) return;
    for (const BlockId block : graph.order) {
      if (!function_.blocks[block].loop_header && waiting[block] != 0) {
        return complain(block, "a cycle without a loop header");
      }
    }
  }

  const Function& function_;
  std::vector<Definition> defined_;
  std::string problem_;
};

}  // namespace

std::string verify(const Function& function) {
  return Verifier(function).run();
}

}  // namespace perilune::ir
