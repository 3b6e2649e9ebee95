// Appending to a function, with constants folded on the way.
#include <cassert>
#include <optional>

#include "ir/form/fold.h"
#include "ir/form/ir.h"

namespace perilune::ir {

BlockId Builder::new_block(size_t parameters) {
  const auto id = static_cast<BlockId>(function_->blocks.size());
  function_->blocks.emplace_back();
  for (size_t i = 0; i < parameters; ++i)
    add_parameter(id);
  return id;
}

Value Builder::add_parameter(BlockId block) {
  const Value value = function_->values++;
  function_->blocks[block].parameters.push_back(value);
  return value;
}

void Builder::switch_to(BlockId block) {
  block_ = block;
  constants_.clear();
}

bool Builder::terminated() const {
  return function_->blocks[block_].terminator.kind != Terminator::Kind::kNone;
}

Value Builder::append(Instruction instruction, bool has_result) {
  assert(!terminated() || instruction.op == Op::kConst);  // those may come to the entry later
  if (has_result) instruction.result = function_->values++;
  instruction.file = file_;
  instruction.line = line_;
  function_->blocks[block_].instructions.push_back(instruction);
  return instruction.result;
}

Value Builder::constant(int64_t number) {
  // Only the latest are looked through: a block may have thousands.
  const size_t first = constants_.size() > 64 ? constants_.size() - 64 : 0;
  for (size_t i = constants_.size(); i > first; --i) {
    if (constants_[i - 1].second == number) return constants_[i - 1].first;
  }
  Instruction instruction;
  instruction.op = Op::kConst;
  instruction.imm = number;
  const Value value = append(instruction, true);
  constants_.emplace_back(value, number);
  numbers_.emplace(value, number);
  return value;
}

bool Builder::is_constant(Value value, int64_t& number) const {
  const auto found = numbers_.find(value);
  if (found == numbers_.end()) return false;
  number = found->second;
  return true;
}

Value Builder::binary(Op op, Value a, Value b) {
  assert(is_binary(op));
  const auto number_of = [this](Value value) -> std::optional<int64_t> {
    int64_t number = 0;
    if (is_constant(value, number)) return number;
    return std::nullopt;
  };
  const auto a_number = number_of(a);
  const auto b_number = number_of(b);
  const Folded folded = fold_binary(op, a, a_number, b, b_number);
  if (folded.kind == Folded::Kind::kValue) return folded.value;
  if (folded.kind == Folded::Kind::kNumber) return constant(folded.number);
  if (a_number && is_commutative(op)) std::swap(a, b);
  Instruction instruction;
  instruction.op = op;
  instruction.a = a;
  instruction.b = b;
  return append(instruction, true);
}

Value Builder::swap(Op op, Value a) {
  assert(is_swap(op));
  int64_t number = 0;
  if (is_constant(a, number)) return constant(evaluate_swap(op, number));
  Instruction instruction;
  instruction.op = op;
  instruction.a = a;
  return append(instruction, true);
}

Value Builder::launder(Value a) {
  Instruction instruction;
  instruction.op = Op::kLaunder;
  instruction.a = a;
  return append(instruction, true);
}

Value Builder::slot() {
  Instruction instruction;
  instruction.op = Op::kSlot;
  return append(instruction, true);
}

Value Builder::tables(uint32_t offset) {
  Instruction instruction;
  instruction.op = Op::kTables;
  instruction.imm = offset;
  return append(instruction, true);
}

Value Builder::offset(Value pointer, Value index, int64_t mask) {
  assert((mask & (mask + 1)) == 0 && mask >= 0);
  int64_t number = 0;
  if (is_constant(index, number) && (number & mask) == 0) return pointer;
  Instruction instruction;
  instruction.op = Op::kOffset;
  instruction.a = pointer;
  instruction.b = index;
  instruction.imm = mask;
  return append(instruction, true);
}

namespace {

Op sized(Op of_one_byte, unsigned bytes) {
  assert(bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
  const unsigned log2 = bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
  return static_cast<Op>(static_cast<unsigned>(of_one_byte) + log2);
}

}  // namespace

Value Builder::load(unsigned bytes, Value pointer, int32_t disp) {
  Instruction instruction;
  instruction.op = sized(Op::kLoad8, bytes);
  instruction.a = pointer;
  instruction.disp = disp;
  return append(instruction, true);
}

void Builder::store(unsigned bytes, Value pointer, int32_t disp, Value value) {
  Instruction instruction;
  instruction.op = sized(Op::kStore8, bytes);
  instruction.a = pointer;
  instruction.b = value;
  instruction.disp = disp;
  append(instruction, false);
}

Value Builder::compare(Condition condition, Value a, Value b) {
  int64_t a_number = 0;
  int64_t b_number = 0;
  if (is_constant(a, a_number) && is_constant(b, b_number))
    return constant(holds(condition, a_number, b_number) ? 1 : 0);
  const Value one = constant(1);
  const Value zero = constant(0);
  const BlockId join = new_block(1);
  branch(condition, a, b, Edge{join, {one}}, Edge{join, {zero}});
  switch_to(join);
  return function_->blocks[join].parameters[0];
}

void Builder::pull(Value upto) {
  Instruction instruction;
  instruction.op = Op::kPull;
  instruction.a = upto;
  append(instruction, false);
}

void Builder::replace(Value length) {
  append({.op = Op::kReplace, .a = length}, false);
}

Value Builder::map_lookup(uint32_t map, int32_t key, int32_t value, int64_t bytes, uint8_t kept) {
  return append({.op = Op::kMapLookup, .index = map, .disp = key, .disp2 = value, .kept = kept, .imm = bytes}, true);
}

Value Builder::map_update(uint32_t map, int32_t key, int32_t value, int64_t flags) {
  return append({.op = Op::kMapUpdate, .index = map, .disp = key, .disp2 = value, .imm = flags}, true);
}

Value Builder::map_delete(uint32_t map, int32_t key) {
  return append({.op = Op::kMapDelete, .index = map, .disp = key}, true);
}

Value Builder::map_add(uint32_t map, int32_t key, Value amount, int64_t bytes, int32_t offset_in_value) {
  return append({.op = Op::kMapAdd, .index = map, .disp = key, .disp2 = offset_in_value, .imm = bytes, .a = amount},
                true);
}

Value Builder::map_store(uint32_t map, int32_t value, int64_t bytes, uint8_t kept) {
  return append({.op = Op::kMapStore, .index = map, .disp2 = value, .kept = kept, .imm = bytes}, true);
}

Value Builder::ktime() {
  Instruction instruction;
  instruction.op = Op::kKtime;
  return append(instruction, true);
}

Value Builder::random() {
  Instruction instruction;
  instruction.op = Op::kRandom;
  return append(instruction, true);
}

Value Builder::emit(int32_t disp, Value length) {
  Instruction instruction;
  instruction.op = Op::kEmit;
  instruction.disp = disp;
  instruction.a = length;
  return append(instruction, true);
}

void Builder::jump(BlockId target, std::vector<Value> arguments) {
  assert(!terminated());
  Terminator& terminator = function_->blocks[block_].terminator;
  terminator.kind = Terminator::Kind::kJump;
  terminator.then = Edge{target, std::move(arguments)};
  terminator.file = file_;
  terminator.line = line_;
}

void Builder::branch(Condition condition, Value a, Value b, BlockId then, BlockId otherwise) {
  branch(condition, a, b, Edge{then, {}}, Edge{otherwise, {}});
}

void Builder::branch(Condition condition, Value a, Value b, Edge then, Edge otherwise) {
  assert(!terminated());
  int64_t a_number = 0;
  int64_t b_number = 0;
  if (is_constant(a, a_number) && is_constant(b, b_number)) {
    Edge& taken = holds(condition, a_number, b_number) ? then : otherwise;
    jump(taken.target, std::move(taken.arguments));
    return;
  }
  Terminator& terminator = function_->blocks[block_].terminator;
  terminator.kind = Terminator::Kind::kBranch;
  terminator.condition = condition;
  terminator.a = a;
  terminator.b = b;
  terminator.then = std::move(then);
  terminator.otherwise = std::move(otherwise);
  terminator.file = file_;
  terminator.line = line_;
}

void Builder::ret(Value result) {
  assert(!terminated());
  Terminator& terminator = function_->blocks[block_].terminator;
  terminator.kind = Terminator::Kind::kReturn;
  terminator.a = result;
  terminator.file = file_;
  terminator.line = line_;
}

}  // namespace perilune::ir
