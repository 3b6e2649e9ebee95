// A function under construction, for tests of what is made of it.
#pragma once

#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "ir/form/ir.h"

namespace perilune::ir::test {

class FunctionTest : public testing::Test {
 protected:
  FunctionTest() : builder_(function_) {
    builder_.switch_to(builder_.new_block());
    slot_ = builder_.slot();
  }

  /// The header of a loop that is entered with `start`. Building goes on in it.
  BlockId enter_loop(std::vector<Value> start) {
    const BlockId head = builder_.new_block(start.size());
    exhausted_ = builder_.new_block();
    builder_.jump(head, std::move(start));
    function_.blocks[head].loop_header = true;
    function_.blocks[head].exhausted = exhausted_;
    builder_.switch_to(head);
    return head;
  }

  /// Where the loop entered last ends: with `result` when by itself, with 5 when by the kernel's patience.
  void leave_loop(BlockId exit, Value result) {
    builder_.switch_to(exit);
    builder_.ret(result);
    builder_.switch_to(exhausted_);
    builder_.ret(builder_.constant(5));
  }

  /// while true do if n == byte then n = byte - 1 else n = n - 1 end; if n == 7 then break end; count = count + 1 end
  /// return count. What one path through the body says of n, the other moves; n is eight bytes at 0x2000 of the slot at
  /// first, the byte stands at 0x2008. Gives n and count.
  std::pair<Value, Value> wandering_loop() {
    const BlockId head = enter_loop({builder_.load(8, slot_, 0x2000), builder_.constant(0)});
    const Value n = builder_.parameters(head)[0];
    const Value count = builder_.parameters(head)[1];
    const BlockId met = builder_.new_block();
    const BlockId latch = builder_.new_block(1);
    const BlockId again = builder_.new_block();
    const BlockId exit = builder_.new_block();
    const Value byte = builder_.load(1, slot_, 0x2008);
    builder_.branch(Condition::kEq, n, byte, Edge{met, {}}, Edge{latch, {builder_.sub(n, builder_.constant(1))}});
    builder_.switch_to(met);
    builder_.jump(latch, {builder_.sub(byte, builder_.constant(1))});
    builder_.switch_to(latch);
    const Value next = builder_.parameters(latch)[0];
    builder_.branch(Condition::kEq, next, 7, exit, again);
    builder_.switch_to(again);
    builder_.jump(head, {next, builder_.add(count, 1)});
    leave_loop(exit, count);
    return {n, count};
  }

  Function function_;
  Builder builder_;
  Value slot_ = kNoValue;
  BlockId exhausted_ = 0;  // of the loop entered last
};

}  // namespace perilune::ir::test
