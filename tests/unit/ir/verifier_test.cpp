// What the passes for the verifier decide, each by itself: which values go through memory, and which become parameters.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "function_test.h"
#include "interpret.h"
#include "ir/form/graph.h"
#include "ir/generate/passes.h"
#include "ir/verifier/loop_bounds.h"
#include "ir/verifier/loop_values.h"
#include "ir/verifier/opacity.h"

namespace perilune::ir {
namespace {

using Level = Opacity::Parameter;

class VerifierPasses : public test::FunctionTest {
 protected:
  Opacity opacity() {
    EXPECT_EQ(verify(function_), "") << to_text(function_);
    return {function_, Graph(function_), std::vector<bool>(function_.values)};
  }

  /// A block with one parameter, which is 100 or 200 by a comparison of `x`.
  Value choice(Value x) {
    const BlockId join = builder_.new_block(1);
    builder_.branch(Condition::kEq, x, 0, Edge{join, {builder_.constant(100)}}, Edge{join, {builder_.constant(200)}});
    builder_.switch_to(join);
    return builder_.parameters(join)[0];
  }
};

TEST_F(VerifierPasses, AChoiceThatIsOnlyReturnedStaysInItsRegister) {
  const Value chosen = choice(builder_.load(4, slot_, 0));
  builder_.ret(chosen);
  EXPECT_EQ(opacity().parameters[chosen], Level::kPlain);
}

TEST_F(VerifierPasses, AChoiceThatBecomesAnIndexOrIsComparedHidesItsConstants) {
  const Value chosen = choice(builder_.load(4, slot_, 0));
  const Value compared = choice(builder_.load(1, builder_.offset(slot_, builder_.add(chosen, 4), 0xffff), 0));
  const BlockId yes = builder_.new_block();
  const BlockId no = builder_.new_block();
  builder_.branch(Condition::kUlt, compared, 150, yes, no);
  for (const BlockId end : {yes, no}) {
    builder_.switch_to(end);
    builder_.ret(builder_.constant(end));
  }
  const Opacity found = opacity();
  EXPECT_EQ(found.parameters[chosen], Level::kConstants) << "by way of the addition";
  EXPECT_EQ(found.parameters[compared], Level::kConstants);
}

TEST_F(VerifierPasses, OfAHeadersParametersNothingIsKnown) {
  const BlockId head = enter_loop({builder_.constant(0)});
  const Value i = builder_.parameters(head)[0];
  const BlockId join = builder_.new_block(1);
  const BlockId exit = builder_.new_block();
  const Value byte = builder_.load(1, slot_, 0x2000);
  builder_.branch(Condition::kEq, byte, 0, Edge{join, {builder_.constant(1)}}, Edge{join, {builder_.constant(2)}});
  builder_.switch_to(join);
  const Value step = builder_.parameters(join)[0];
  const Value next = builder_.add(i, step);
  builder_.branch(Condition::kUlt, next, 1000, Edge{head, {next}}, Edge{exit, {}});
  leave_loop(exit, next);
  const Opacity found = opacity();
  EXPECT_EQ(found.parameters[i], Level::kAll);
  EXPECT_NE(found.parameters[step], Level::kPlain) << "in a loop, known constants would set its iterations apart";
}

TEST_F(VerifierPasses, UnknownIsWhatCameWholeFromMemoryAndWasNeverCompared) {
  const Value free = builder_.load(8, slot_, 0);
  const Value compared = builder_.load(8, slot_, 8);
  const Value narrow = builder_.load(4, slot_, 16);
  const BlockId yes = builder_.new_block();
  const BlockId no = builder_.new_block();
  builder_.branch(Condition::kUlt, builder_.add(compared, 1), 10, yes, no);
  for (const BlockId end : {yes, no}) {
    builder_.switch_to(end);
    builder_.ret(builder_.add(builder_.add(free, compared), narrow));
  }
  const Opacity found = opacity();
  EXPECT_TRUE(found.unknown[free]);
  EXPECT_FALSE(found.unknown[compared]) << "what is found out of compared + 1 says something of it";
  EXPECT_FALSE(found.unknown[narrow]) << "four bytes have bounds";
}

TEST_F(VerifierPasses, AnIndexThatWasComparedOnBothWaysIsHiddenAndOneThatWasCheckedIsNot) {
  const auto index_after = [&](bool both_ways) {
    const Value index = builder_.load(4, slot_, both_ways ? 0 : 4);
    const BlockId use = builder_.new_block();
    const BlockId other = builder_.new_block();
    builder_.branch(Condition::kUlt, index, 64, use, other);
    builder_.switch_to(other);
    if (both_ways) {
      builder_.store(4, slot_, 0x2000, index);
      builder_.jump(use);
    } else {
      builder_.ret(builder_.constant(1));
    }
    builder_.switch_to(use);
    return builder_.offset(slot_, index, 0xffff);
  };
  const Value hidden = index_after(true);
  const Value checked = index_after(false);
  builder_.ret(builder_.add(builder_.load(1, hidden, 0), builder_.load(1, checked, 0)));
  const Opacity found = opacity();
  EXPECT_TRUE(found.offsets[hidden]);
  EXPECT_FALSE(found.offsets[checked]) << "its bounds are the same on all paths that lead here";
}

TEST_F(VerifierPasses, BoundsWanderWhereOnePathBoundsAndAnotherMoves) {
  const auto [n, count] = wandering_loop();
  const Opacity found = opacity();
  const std::vector<Level> wandering = wandering_parameters(function_, Graph(function_), found);
  EXPECT_EQ(wandering[n], Level::kAll);
  EXPECT_NE(wandering[count], Level::kAll) << "it is compared with nothing";
}

TEST_F(VerifierPasses, BoundsOfACounterAndOfWhatIsOnlyMovedDoNotWander) {
  // for i = 0, 99 do last = i end: one comparison, on every path
  const BlockId head = enter_loop({builder_.constant(0), builder_.constant(0)});
  const Value i = builder_.parameters(head)[0];
  const Value last = builder_.parameters(head)[1];
  const BlockId exit = builder_.new_block();
  const Value next = builder_.add(i, 1);
  builder_.branch(Condition::kUlt, next, 100, Edge{head, {next, i}}, Edge{exit, {}});
  leave_loop(exit, last);
  const Opacity found = opacity();
  const std::vector<Level> wandering = wandering_parameters(function_, Graph(function_), found);
  EXPECT_NE(wandering[i], Level::kAll);
  EXPECT_NE(wandering[last], Level::kAll);
}

TEST_F(VerifierPasses, WhatALoopReadsFromOutsideBecomesAParameter) {
  const Value limit = builder_.load(4, slot_, 0x2000);
  const Value later = builder_.load(4, slot_, 0x2004);
  const Value constant = builder_.constant(3);
  const BlockId head = enter_loop({builder_.constant(0)});
  const Value i = builder_.parameters(head)[0];
  const BlockId exit = builder_.new_block();
  const Value next = builder_.add(builder_.add(i, 1), constant);
  builder_.branch(Condition::kUlt, next, limit, Edge{head, {next}}, Edge{exit, {}});
  leave_loop(exit, builder_.parameters(head)[0]);
  function_.blocks[exit].terminator.a = later;
  ASSERT_EQ(verify(function_), "") << to_text(function_);
  test::World before;
  before.memory[0x2000] = 50;
  before.memory[0x2004] = 77;
  test::World after = before;
  const test::Outcome wanted = test::interpret(function_, before);
  expose_loop_values(function_);
  ASSERT_EQ(verify(function_), "") << to_text(function_);
  const Block& header = function_.blocks[head];
  ASSERT_EQ(header.parameters.size(), 2U) << "the limit; not the constant, nor what is only needed after the loop\n"
                                          << to_text(function_);
  EXPECT_EQ(header.terminator.b, header.parameters[1]);
  EXPECT_EQ(header.terminator.then.arguments[1], header.parameters[1]) << "each iteration hands it to the next";
  EXPECT_EQ(test::interpret(function_, after).result, wanted.result);
  EXPECT_EQ(wanted.result, 77U);
}

TEST_F(VerifierPasses, NestedLoopsHandTheirValuesThroughBothHeaders) {
  const Value limit = builder_.load(4, slot_, 0x2000);
  const BlockId outer = enter_loop({builder_.constant(0)});
  const BlockId outer_exhausted = exhausted_;
  const Value i = builder_.parameters(outer)[0];
  const BlockId inner = enter_loop({builder_.constant(0)});
  const BlockId after_inner = builder_.new_block();
  const BlockId exit = builder_.new_block();
  const Value j = builder_.add(builder_.parameters(inner)[0], 1);
  builder_.branch(Condition::kUlt, j, limit, Edge{inner, {j}}, Edge{after_inner, {}});
  builder_.switch_to(after_inner);
  const Value next = builder_.add(i, j);
  builder_.branch(Condition::kUlt, next, 40, Edge{outer, {next}}, Edge{exit, {}});
  leave_loop(exit, next);
  builder_.switch_to(outer_exhausted);
  builder_.ret(builder_.constant(6));
  ASSERT_EQ(verify(function_), "") << to_text(function_);
  test::World before;
  before.memory[0x2000] = 9;
  test::World after = before;
  const test::Outcome wanted = test::interpret(function_, before);
  expose_loop_values(function_);
  ASSERT_EQ(verify(function_), "") << to_text(function_);
  EXPECT_EQ(function_.blocks[outer].parameters.size(), 2U) << to_text(function_);
  EXPECT_EQ(function_.blocks[inner].parameters.size(), 2U) << "i is needed only after the inner loop\n"
                                                           << to_text(function_);
  EXPECT_EQ(test::interpret(function_, after).result, wanted.result);
  EXPECT_EQ(wanted.result, 45U);
}

}  // namespace
}  // namespace perilune::ir
