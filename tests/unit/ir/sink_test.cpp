// Where computations end up when they go down to their uses.
#include <algorithm>

#include <gtest/gtest.h>

#include "function_test.h"
#include "ir/form/ir.h"
#include "ir/generate/passes.h"
#include "ir/simplify/simplify.h"

namespace perilune::ir {
namespace {

class SinkTest : public test::FunctionTest {
 protected:
  /// The block in which a value is computed.
  [[nodiscard]] BlockId home(Value value) const {
    for (BlockId id = 0; id < function_.blocks.size(); ++id) {
      if (std::ranges::any_of(function_.blocks[id].instructions,
                              [&](const Instruction& one) { return one.result == value; }))
        return id;
    }
    return static_cast<BlockId>(function_.blocks.size());
  }

  void sunk() {
    ASSERT_EQ(verify(function_), "") << to_text(function_);
    sink(function_);
    ASSERT_EQ(verify(function_), "") << to_text(function_);
  }

  /// Ends the current block with a branch on the first word of the slot.
  std::pair<BlockId, BlockId> fork() {
    const BlockId then = builder_.new_block();
    const BlockId otherwise = builder_.new_block();
    builder_.branch(Condition::kEq, builder_.load(4, slot_, 0x2000), 0, then, otherwise);
    return {then, otherwise};
  }
};

TEST_F(SinkTest, AChainGoesDownTogetherToTheOneWayThatNeedsIt) {
  function_.steady = {{0, 64}};
  const Value loaded = builder_.load(4, slot_, 8);
  const Value shifted = builder_.binary(Op::kShl, loaded, 2);
  const Value sum = builder_.add(shifted, 14);
  const auto [then, otherwise] = fork();
  builder_.switch_to(then);
  builder_.ret(sum);
  builder_.switch_to(otherwise);
  builder_.ret(builder_.constant(0));
  sunk();
  for (const Value value : {loaded, shifted, sum})
    EXPECT_EQ(home(value), then) << to_text(function_);
}

TEST_F(SinkTest, WhatBothWaysNeedStaysAboveThem) {
  const Value sum = builder_.add(builder_.load(4, slot_, 0x2004), 14);
  const auto [then, otherwise] = fork();
  builder_.switch_to(then);
  builder_.ret(sum);
  builder_.switch_to(otherwise);
  builder_.ret(builder_.add(sum, 1));
  sunk();
  EXPECT_EQ(home(sum), 0U) << to_text(function_);
}

TEST_F(SinkTest, ALoadOfWhatMayChangeStays) {
  function_.steady = {{0, 64}};
  const Value loaded = builder_.load(4, slot_, 64);
  const auto [then, otherwise] = fork();
  builder_.switch_to(then);
  builder_.store(4, slot_, 64, builder_.constant(1));
  builder_.ret(loaded);
  builder_.switch_to(otherwise);
  builder_.ret(builder_.constant(0));
  sunk();
  EXPECT_EQ(home(loaded), 0U) << to_text(function_);
}

TEST_F(SinkTest, NothingGoesIntoALoop) {
  const Value start = builder_.load(4, slot_, 0x2004);
  const Value limit = builder_.binary(Op::kAnd, start, 255);
  const BlockId head = enter_loop({builder_.constant(0)});
  const BlockId exit = builder_.new_block();
  const Value next = builder_.add(builder_.parameters(head)[0], 1);
  builder_.branch(Condition::kUlt, next, limit, Edge{head, {next}}, Edge{exit, {}});
  leave_loop(exit, next);
  sunk();
  EXPECT_EQ(home(limit), 0U) << "it would be computed in each iteration\n" << to_text(function_);
}

TEST_F(SinkTest, ASumStaysWhereOneValueIsKeptInsteadOfTwo) {
  const Value a = builder_.load(8, slot_, 0x2008);
  const Value b = builder_.load(8, slot_, 0x2010);
  const Value sum = builder_.add(a, b);
  const auto [then, otherwise] = fork();
  builder_.switch_to(then);
  builder_.ret(sum);
  builder_.switch_to(otherwise);
  builder_.ret(builder_.constant(0));
  sunk();
  EXPECT_EQ(home(sum), 0U) << to_text(function_);
}

}  // namespace
}  // namespace perilune::ir
