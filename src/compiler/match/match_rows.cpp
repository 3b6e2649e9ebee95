#include "compiler/match/match_rows.h"

#include <algorithm>

namespace perilune::compiler {

ir::Value start_row(const MatchEmitter& emitter, const pattern::ByteClasses& classes, uint32_t start,
                    std::span<const uint32_t> start_after, uint32_t row_bytes, ir::Value from) {
  ir::Builder& b = emitter.builder();
  const ir::Value first = b.constant(int64_t{start} * row_bytes);
  const bool same = std::all_of(start_after.begin(), start_after.end(), [&](uint32_t s) { return s == start; });
  if (same || from == emitter.begin()) return first;
  std::vector<uint8_t> rows;
  for (unsigned c = 0; c < 256; ++c)
    append(rows, start_after[classes.of[c]] * row_bytes, 4);
  const ir::BlockId join = b.new_block(1);
  emitter.require(ir::Condition::kNe, from, emitter.begin(), ir::Edge{join, {first}});
  const ir::Value before = b.load(1, emitter.pointer(b.add(from, -1)), 0);
  const ir::Value index = b.binary(ir::Op::kShl, before, 2);
  b.jump(join, {b.load(4, b.offset(emitter.table(rows, 1024), index, 1023), 0)});
  b.switch_to(join);
  return b.parameters(join)[0];
}

}  // namespace perilune::compiler
