// IR to instructions near BPF's: numbers become immediates where they fit, critical edges get blocks, memory beyond a
// displacement's reach gets an address of its own.
#include <bit>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "ir/form/comparisons.h"
#include "ir/form/fold.h"
#include "ir/form/graph.h"
#include "ir/generate/layout.h"
#include "ir/generate/low.h"
#include "ir/verifier/loop_bounds.h"
#include "ir/verifier/opacity.h"

namespace perilune::ir {
namespace {

constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

bool fits_signed(int64_t number) {
  return number >= INT32_MIN && number <= INT32_MAX;
}
bool fits_unsigned(int64_t number) {
  return number >= 0 && number <= UINT32_MAX;
}

class Lowering {
 public:
  explicit Lowering(const Function& function)
      : function_(function),
        graph_(function),
        layout_(function, graph_),
        in_memory_(values_compared_often(function, graph_)),
        opacity_(function, graph_, in_memory_),
        wandering_(wandering_parameters(function, graph_, opacity_)),
        numbers_(function.values),
        alias_(function.values),
        repeatable_(function.values),
        at_end_(function.blocks.size()),
        limit_(function.values, kAll),
        place_(function.blocks.size(), LowBlock::kNone) {}

  LowFunction run() {
    low_.registers = function_.values;
    for (Value value = 0; value < function_.values; ++value)
      alias_[value] = value;
    low_.pointers.assign(function_.values, false);
    for (const BlockId block : graph_.order)
      look_at(block);
    low_.in_memory = in_memory_;
    low_.bytes.resize(function_.values, 8);
    for (Value value = 0; value < function_.values; ++value)
      low_.bytes[value] = bytes_of(limit_[value]);
    calls_divisions_ = has_many_divisions();
    for (const BlockId block : layout_.order)
      lower(block);
    for (LowBlock& block : low_.blocks) {
      for (uint32_t* target : {&block.then, &block.otherwise, &block.exhausted}) {
        if (*target != LowBlock::kNone && (*target & kIsPlace) == 0) *target = place_[*target];
        if (*target != LowBlock::kNone) *target &= ~kIsPlace;
      }
    }
    for (const BlockId block : graph_.order) {
      std::vector<Low>& code = low_.blocks[place_[block] & ~kIsPlace].code;
      code.insert(code.end(), at_end_[block].begin(), at_end_[block].end());
    }
    return std::move(low_);
  }

 private:
  static constexpr uint32_t kIsPlace = 0x80000000u;  // a target is a place already, not yet a BlockId

  static uint8_t bytes_of(uint64_t limit) {
    const auto bits = static_cast<unsigned>(std::bit_width(limit));
    return bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8;
  }
  static uint64_t rounded(uint64_t limit) {
    const unsigned bytes = bytes_of(limit);
    return bytes == 8 ? kAll : (uint64_t{1} << (8 * bytes)) - 1;
  }

  /// First pass: what is a number, what is another name, what has how many bytes.
  void look_at(BlockId id) {
    for (const Instruction& instruction : function_.blocks[id].instructions) {
      const Value result = instruction.result;
      if (result == kNoValue) continue;
      low_.pointers[result] = is_pointer(instruction.op);
      switch (instruction.op) {
        case Op::kConst:
          repeatable_[result] = &instruction;
          numbers_[result] = instruction.imm;
          limit_[result] = rounded(static_cast<uint64_t>(instruction.imm));
          break;
        case Op::kSlot:
          alias_[result] = kSlotRegister;
          break;
        case Op::kTables:
          repeatable_[result] = &instruction;
          break;
        case Op::kOffset:
          if (!numbers_[instruction.b]) break;
          if ((*numbers_[instruction.b] & instruction.imm) == 0) {
            alias_[result] = alias_[instruction.a];
          } else if (alias_[instruction.a] == kSlotRegister) {
            repeatable_[result] = &instruction;
          }
          break;
        case Op::kLoad8:
        case Op::kLoad16:
        case Op::kLoad32:
          limit_[result] = (uint64_t{1} << (8 * access_bytes(instruction.op))) - 1;
          break;
        default:
          if (is_binary(instruction.op)) limit_[result] = rounded(limit_of(instruction));
          break;
      }
    }
  }

  /// The largest value that the verifier, too, sees possible; nothing finer than whole bytes of the operands is used,
  /// since they may be reloaded from memory.
  [[nodiscard]] uint64_t limit_of(const Instruction& instruction) const {
    const uint64_t a = limit_[instruction.a];
    const auto number = numbers_[instruction.b];
    switch (instruction.op) {
      case Op::kAnd:
        if (number && (fits_unsigned(*number))) return std::min(a, static_cast<uint64_t>(*number));
        return kAll;
      case Op::kShl:
        if (number && a <= (kAll >> 1 >> (*number & 63))) return a << (*number & 63);
        return kAll;
      case Op::kLshr:
        return number ? a >> (*number & 63) : a;
      case Op::kAdd: {
        const uint64_t b = limit_[instruction.b];
        return a <= kAll / 4 && b <= kAll / 4 ? a + b : kAll;
      }
      default:
        return kAll;
    }
  }

  [[nodiscard]] Operand operand(Value value) {
    const auto number = numbers_[value];
    if (number && fits_signed(*number)) return {kNoRegister, *number};
    return {reg(value), 0};
  }

  /// The register that holds a value in the current block. What can be computed anywhere at no cost is computed in the
  /// block that uses it, or in front of the outermost loop around that.
  Register reg(Value value) {
    const Register known = alias_[value];
    if (known == kSlotRegister || repeatable_[known] == nullptr) return known;
    BlockId home = id_;
    if (graph_.depth[home] != 0) {
      while (graph_.depth[home] != 0)
        home = graph_.dominator[home];
    }
    const auto [found, fresh] = copies_.try_emplace({known, home}, kNoRegister);
    if (!fresh) return found->second;
    const Instruction& instruction = *repeatable_[known];
    Low low;
    low.kind = instruction.op == Op::kConst    ? Low::Kind::kWide
               : instruction.op == Op::kTables ? Low::Kind::kTables
                                               : Low::Kind::kShift;
    low.imm = instruction.imm;
    if (low.kind == Low::Kind::kShift) {
      low.a.reg = kSlotRegister;
      low.imm = *numbers_[instruction.b] & instruction.imm;
    }
    low.file = file_;
    low.line = line_;
    low.result = found->second = new_register(is_pointer(instruction.op));
    (home == id_ ? block_->code : at_end_[home]).push_back(low);
    return low.result;
  }

  Low& append(Low::Kind kind) {
    Low low;
    low.kind = kind;
    low.file = file_;
    low.line = line_;
    block_->code.push_back(low);
    return block_->code.back();
  }

  Register new_register(bool pointer) {
    low_.pointers.push_back(pointer);
    low_.bytes.push_back(8);
    return low_.registers++;
  }

  void lower_binary(const Instruction& instruction) {
    Operand a = operand(instruction.a);
    Operand b = operand(instruction.b);
    Op op = instruction.op;
    if (a.is_number() && is_commutative(op)) std::swap(a, b);
    if (op == Op::kAnd) {
      for (const Value value : {instruction.a, instruction.b}) {
        const auto number = numbers_[value];
        const Value other = value == instruction.a ? instruction.b : instruction.a;
        if (number && fits_unsigned(*number) && !numbers_[other]) {
          a = operand(other);
          b = {kNoRegister, *number};
        }
      }
    }
    if (a.is_number() && b.is_number()) {
      a = {materialised(evaluate(op, a.imm, b.imm)), 0};
      b = {};
      op = Op::kOr;  // with 0
    } else if (b.is_number()) {
      if (op == Op::kShl || op == Op::kLshr || op == Op::kAshr) b.imm &= 63;
      if (b.imm == 0 && op == Op::kUdiv) {
        op = Op::kAnd;
      } else if (b.imm == 0 && op == Op::kUmod) {
        op = Op::kOr;
      } else if (op == Op::kSub && b.imm != INT32_MIN) {
        op = Op::kAdd;
        b.imm = -b.imm;
      }
    }
    const bool calls = calls_divisions_ && !b.is_number() && is_division(op);
    Low& low = append(calls ? Low::Kind::kCall : Low::Kind::kBinary);
    low.op = op;
    low.a = a;
    low.b = b;
    low.result = instruction.result;
  }

  static bool is_division(Op op) { return op == Op::kUdiv || op == Op::kUmod; }

  /// Is it better to have one function for all divisions by variables?
  [[nodiscard]] bool has_many_divisions() const {
    size_t insns = 0;
    size_t divisions = 0;
    for (const BlockId block : layout_.order) {
      insns += function_.blocks[block].instructions.size() + 1;
      for (const Instruction& instruction : function_.blocks[block].instructions)
        if (is_division(instruction.op) && !numbers_[instruction.b]) ++divisions;
    }
    return is_costly_to_write_out(divisions, insns);
  }

  Register materialised(int64_t number) {
    const Register reg = new_register(false);
    Low& low = append(Low::Kind::kWide);
    low.imm = number;
    low.result = reg;
    return reg;
  }

  /// The register and displacement that stand for pointer + disp.
  std::pair<Register, int32_t> address(Value pointer, int32_t disp) {
    const Register base = reg(pointer);
    if (disp >= INT16_MIN && disp <= INT16_MAX) return {base, disp};
    const Register reg = new_register(true);
    Low& low = append(Low::Kind::kShift);
    low.a.reg = base;
    low.imm = disp;
    low.result = reg;
    return {reg, 0};
  }

  void lower(const Instruction& instruction) {
    file_ = instruction.file;
    line_ = instruction.line;
    const Op op = instruction.op;
    if (is_binary(op)) return lower_binary(instruction);
    switch (op) {
      case Op::kConst:
      case Op::kTables:
      case Op::kSlot:
      case Op::kParam:
        return;
      case Op::kSwap16:
      case Op::kSwap32:
      case Op::kSwap64:
      case Op::kLaunder: {
        Operand a = operand(instruction.a);
        if (a.is_number() && op != Op::kLaunder) a = {materialised(a.imm), 0};
        Low& low = append(op == Op::kLaunder ? Low::Kind::kLaunder : Low::Kind::kSwap);
        low.op = op;
        low.a = a;
        low.result = instruction.result;
        return;
      }
      case Op::kOffset: {
        if (alias_[instruction.result] != instruction.result || repeatable_[instruction.result] != nullptr) return;
        const auto number = numbers_[instruction.b];
        const Register base = reg(instruction.a);
        const Register index = number ? kNoRegister : reg(instruction.b);
        Low& low = append(number ? Low::Kind::kShift : Low::Kind::kOffset);
        low.a.reg = base;
        low.b.reg = index;
        low.imm = number ? *number & instruction.imm : instruction.imm;
        low.launder = !number && opacity_.offsets[instruction.result];
        low.result = instruction.result;
        return;
      }
      default:
        break;
    }
    if (is_load(op) || is_store(op)) {
      const auto [base, disp] = address(instruction.a, instruction.disp);
      Operand value = is_store(op) ? operand(instruction.b) : Operand{};
      if (is_store(op) && op != Op::kStore64 && numbers_[instruction.b]) {
        value = {kNoRegister, static_cast<int32_t>(*numbers_[instruction.b])};
      }
      Low& low = append(is_load(op) ? Low::Kind::kLoad : Low::Kind::kStore);
      low.op = op;
      low.a.reg = base;
      low.disp = disp;
      low.b = value;
      low.result = instruction.result;
      return;
    }
    low_.pulls |= op == Op::kPull || op == Op::kReplace;
    const Operand a = instruction.a == kNoValue ? Operand{} : operand(instruction.a);
    Low& low = append(Low::Kind::kCall);
    low.op = op;
    low.a = a;
    low.disp = instruction.disp;
    low.disp2 = instruction.disp2;
    low.kept = instruction.kept;
    low.index = instruction.index;
    low.imm = instruction.imm;
    low.result = instruction.result;
  }

  void lower_arguments(LowBlock& block, BlockId from, const Edge& edge) {
    const Block& target = function_.blocks[edge.target];
    for (size_t i = 0; i < edge.arguments.size(); ++i) {
      const Value value = edge.arguments[i];
      Argument argument;
      argument.value = numbers_[value] ? Operand{kNoRegister, *numbers_[value]} : Operand{alias_[value], 0};
      const bool back = target.loop_header && graph_.dominates(edge.target, from);
      const Value parameter = target.parameters[i];
      switch (back ? wandering_[parameter] : opacity_.parameters[parameter]) {
        case Opacity::Parameter::kPlain:
          break;
        case Opacity::Parameter::kConstants:
          argument.launder = numbers_[value].has_value();
          break;
        case Opacity::Parameter::kAll:
          argument.launder = value != parameter && !opacity_.unknown[value];
          break;
      }
      block.arguments.push_back(argument);
    }
  }

  /// A block for an edge of a branch that has arguments; its place.
  uint32_t edge_block(BlockId from, const Edge& edge, const Terminator& terminator) {
    LowBlock block;
    block.kind = Terminator::Kind::kJump;
    block.then = edge.target;
    block.file = terminator.file;
    block.line = terminator.line;
    block.frequency = std::min(layout_.frequencies[from], layout_.frequencies[edge.target]);
    lower_arguments(block, from, edge);
    low_.blocks.push_back(std::move(block));
    return static_cast<uint32_t>(low_.blocks.size() - 1) | kIsPlace;
  }

  void lower(BlockId id) {
    const Block& source = function_.blocks[id];
    const Terminator& terminator = source.terminator;
    LowBlock block;
    block_ = &block;
    id_ = id;
    place_[id] = static_cast<uint32_t>(low_.blocks.size()) | kIsPlace;
    block.frequency = layout_.frequencies[id];
    for (const Value parameter : source.parameters)
      block.parameters.push_back({parameter, kNoCell});
    if (source.loop_header) block.exhausted = source.exhausted;
    for (const Instruction& instruction : source.instructions)
      lower(instruction);
    block.kind = terminator.kind;
    block.condition = terminator.condition;
    block.file = file_ = terminator.file;
    block.line = line_ = terminator.line;
    switch (terminator.kind) {
      case Terminator::Kind::kReturn:
        block.a = operand(terminator.a);
        break;
      case Terminator::Kind::kJump:
        block.then = terminator.then.target;
        lower_arguments(block, id, terminator.then);
        break;
      case Terminator::Kind::kBranch:
        lower_branch(block, terminator);
        break;
      case Terminator::Kind::kNone:
        break;
    }
    low_.blocks.push_back(std::move(block));
    if (terminator.kind != Terminator::Kind::kBranch) return;
    const size_t place = low_.blocks.size() - 1;
    if (!terminator.then.arguments.empty()) {
      const uint32_t target = edge_block(id, terminator.then, terminator);
      low_.blocks[place].then = target;
    }
    if (!terminator.otherwise.arguments.empty()) {
      const uint32_t target = edge_block(id, terminator.otherwise, terminator);
      low_.blocks[place].otherwise = target;
    }
  }

  void lower_branch(LowBlock& block, const Terminator& terminator) {
    block.a = operand(terminator.a);
    block.b = operand(terminator.b);
    block.then = terminator.then.target;
    block.otherwise = terminator.otherwise.target;
    if (!block.a.is_number()) return;
    if (block.b.is_number()) {
      block.a = {materialised(block.a.imm), 0};
    } else {
      std::swap(block.a, block.b);
      block.condition = mirrored(block.condition);
    }
  }

  const Function& function_;
  const Graph graph_;
  const Layout layout_;
  const std::vector<bool> in_memory_;
  const Opacity opacity_;
  const std::vector<Opacity::Parameter> wandering_;  // of loop headers' parameters: for the back edges
  std::vector<std::optional<int64_t>> numbers_;
  std::vector<Register> alias_;
  std::vector<const Instruction*> repeatable_;  // what is computed near its uses
  std::map<std::pair<Value, BlockId>, Register> copies_;
  std::vector<std::vector<Low>> at_end_;  // by block: computed there for loops after it
  std::vector<uint64_t> limit_;
  std::vector<uint32_t> place_;
  LowFunction low_;
  bool calls_divisions_ = false;  // by variables
  LowBlock* block_ = nullptr;
  BlockId id_ = 0;
  uint32_t file_ = 0;
  uint32_t line_ = 0;
};

}  // namespace

LowFunction lower(const Function& function) {
  return Lowering(function).run();
}

}  // namespace perilune::ir
