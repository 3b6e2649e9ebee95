// What the optimiser must achieve.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "function_test.h"
#include "ir/code.h"
#include "ir/form/fold.h"
#include "ir/form/ir.h"
#include "ir/generate/passes.h"

namespace perilune::ir {
namespace {

class SimplifyTest : public test::FunctionTest {
 protected:
  void simplified() {
    ASSERT_EQ(verify(function_), "") << to_text(function_);
    simplify(function_);
    ASSERT_EQ(verify(function_), "") << to_text(function_);
  }
  [[nodiscard]] size_t count(Op op) const {
    size_t result = 0;
    for (const Block& block : function_.blocks) {
      for (const Instruction& instruction : block.instructions)
        result += instruction.op == op ? 1 : 0;
    }
    return result;
  }
};

TEST_F(SimplifyTest, AComparisonBecomesTheBranch) {
  const Value x = builder_.load(4, slot_, 0);
  const Value small = builder_.compare(Condition::kUlt, x, builder_.constant(10));
  const BlockId then = builder_.new_block();
  const BlockId otherwise = builder_.new_block();
  builder_.branch(Condition::kNe, small, 0, then, otherwise);
  builder_.switch_to(then);
  builder_.ret(builder_.constant(1));
  builder_.switch_to(otherwise);
  builder_.ret(builder_.constant(2));
  simplified();
  EXPECT_EQ(function_.blocks.size(), 3u) << to_text(function_);
  EXPECT_EQ(function_.blocks[0].terminator.condition, Condition::kUlt);
}

TEST_F(SimplifyTest, WhatOneWayNeedsIsComputedThere) {
  constexpr int32_t kPayload = 8;  // what is said of the event does not change
  constexpr int32_t kCopied = 24;  // how much is copied does
  function_.steady = {{0, 16}, {32, 40}};
  const Value protocol = builder_.load(4, slot_, 36);
  const Value payload = builder_.add(builder_.load(4, slot_, kPayload), 100);
  const Value copied = builder_.load(4, slot_, kCopied);
  const BlockId then = builder_.new_block();
  const BlockId otherwise = builder_.new_block();
  builder_.branch(Condition::kEq, protocol, builder_.constant(6), then, otherwise);
  builder_.switch_to(then);
  builder_.ret(builder_.add(payload, copied));
  builder_.switch_to(otherwise);
  builder_.ret(builder_.constant(4));
  simplified();
  std::vector<int32_t> loaded;
  for (const Instruction& instruction : function_.blocks[0].instructions)
    if (instruction.op == Op::kLoad32) loaded.push_back(instruction.disp);
  EXPECT_EQ(loaded, (std::vector<int32_t>{36, kCopied})) << to_text(function_);
  EXPECT_EQ(count(Op::kLoad32), 3u);
}

TEST_F(SimplifyTest, SumsOfManyTermsAreAddedUpAsTheTermsCome) {
  Value sum = builder_.constant(0);
  for (int i = 0; i < 400; ++i) {
    const BlockId next = builder_.new_block(1);
    const BlockId other = builder_.new_block();
    const Value term = builder_.load(1, slot_, 4096 + i);
    builder_.branch(Condition::kEq, term, builder_.constant(7), Edge{other, {}}, Edge{next, {term}});
    builder_.switch_to(other);
    builder_.jump(next, {builder_.constant(i)});
    builder_.switch_to(next);
    sum = builder_.add(sum, builder_.parameters(next)[0]);
  }
  builder_.ret(sum);
  simplified();
  const Result<Code> code = generate(function_);  // would run out of places for values if the terms were kept
  EXPECT_TRUE(code) << code.error().message;
}

TEST_F(SimplifyTest, ParametersThatAreAlwaysTheSameAreOne) {
  const BlockId head = builder_.new_block(2);
  const BlockId body = builder_.new_block();
  const BlockId end = builder_.new_block();
  const BlockId spent = builder_.new_block();
  const Value start = builder_.load(4, slot_, 32);
  builder_.jump(head, {start, start});
  builder_.switch_to(head);
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = spent;
  const std::vector<Value> parameters(builder_.parameters(head).begin(), builder_.parameters(head).end());
  builder_.branch(Condition::kUlt, parameters[0], builder_.constant(9), body, end);
  builder_.switch_to(body);
  builder_.store(8, slot_, 0x1000, parameters[1]);
  const Value next = builder_.add(parameters[0], 1);
  builder_.jump(head, {next, next});
  for (const BlockId block : {end, spent}) {
    builder_.switch_to(block);
    builder_.ret(builder_.constant(4));
  }
  simplified();
  size_t left = 0;
  for (const Block& block : function_.blocks)
    left += block.parameters.size();
  EXPECT_EQ(left, 1u) << to_text(function_);
}

TEST_F(SimplifyTest, NothingIsComputedAgainInEachRoundOfALoop) {
  const Value fixed = builder_.add(builder_.load(4, slot_, 8), 100);
  const BlockId head = builder_.new_block(1);
  const BlockId body = builder_.new_block();
  const BlockId end = builder_.new_block();
  const BlockId spent = builder_.new_block();
  builder_.jump(head, {builder_.constant(0)});
  builder_.switch_to(head);
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = spent;
  const Value round = builder_.parameters(head)[0];
  builder_.branch(Condition::kUlt, round, builder_.constant(9), body, end);
  builder_.switch_to(body);
  builder_.store(8, slot_, 0x1000, builder_.add(round, fixed));
  builder_.jump(head, {builder_.add(round, 1)});
  for (const BlockId block : {end, spent}) {
    builder_.switch_to(block);
    builder_.ret(builder_.constant(4));
  }
  simplified();
  EXPECT_TRUE(std::ranges::any_of(function_.blocks[0].instructions, [](const Instruction& one) {
    return one.op == Op::kLoad32;
  })) << to_text(function_);
}

TEST_F(SimplifyTest, ChainsOfDecisionsAreThreaded) {
  // a and b: two comparisons, each with a join, then the branch
  const Value x = builder_.load(4, slot_, 0);
  const BlockId second = builder_.new_block();
  const BlockId join = builder_.new_block(1);
  builder_.branch(Condition::kNe, builder_.compare(Condition::kUgt, x, builder_.constant(3)), 0, Edge{second, {}},
                  Edge{join, {builder_.constant(0)}});
  builder_.switch_to(second);
  const Value other = builder_.compare(Condition::kUlt, x, builder_.constant(9));
  builder_.jump(join, {other});
  builder_.switch_to(join);
  const BlockId then = builder_.new_block();
  const BlockId otherwise = builder_.new_block();
  builder_.branch(Condition::kEq, builder_.parameters(join)[0], 0, otherwise, then);
  builder_.switch_to(then);
  builder_.ret(builder_.constant(1));
  builder_.switch_to(otherwise);
  builder_.ret(builder_.constant(2));
  simplified();
  EXPECT_EQ(function_.blocks.size(), 4u) << to_text(function_);
  for (const Block& block : function_.blocks)
    EXPECT_TRUE(block.parameters.empty()) << to_text(function_);
}

TEST_F(SimplifyTest, EqualOffsetsAndLoadsAreMerged) {
  const Value i = builder_.load(4, slot_, 0);
  const Value first = builder_.load(1, builder_.offset(slot_, i, 0xffff), 4);
  const Value again = builder_.load(1, builder_.offset(slot_, i, 0xffff), 4);
  const Value other = builder_.load(1, builder_.offset(slot_, i, 0xffff), 5);
  builder_.ret(builder_.add(builder_.add(first, again), other));
  simplified();
  EXPECT_EQ(count(Op::kOffset), 1u) << to_text(function_);
  EXPECT_EQ(count(Op::kLoad8), 2u) << to_text(function_);
}

TEST_F(SimplifyTest, LoadsAreNotMergedAcrossStoresAndPulls) {
  const Value first = builder_.load(4, slot_, 0);
  builder_.store(4, slot_, 0, builder_.constant(7));
  const Value second = builder_.load(4, slot_, 0);
  builder_.pull(builder_.constant(100));
  const Value third = builder_.load(4, slot_, 0);
  builder_.ret(builder_.add(builder_.add(first, second), third));
  simplified();
  EXPECT_EQ(count(Op::kLoad32), 3u) << to_text(function_);
}

TEST_F(SimplifyTest, MasksOfNarrowLoadsGo) {
  const Value x = builder_.load(1, slot_, 0);
  builder_.ret(builder_.binary(Op::kAnd, builder_.binary(Op::kAnd, x, 0xff), 0xffff));
  simplified();
  EXPECT_EQ(count(Op::kAnd), 0u) << to_text(function_);
}

TEST_F(SimplifyTest, BranchesThatBytesDecideGo) {
  const Value x = builder_.load(1, slot_, 0);
  const BlockId then = builder_.new_block();
  const BlockId otherwise = builder_.new_block();
  builder_.branch(Condition::kUgt, x, 255, then, otherwise);
  builder_.switch_to(then);
  builder_.ret(builder_.constant(1));
  builder_.switch_to(otherwise);
  builder_.ret(builder_.constant(2));
  simplified();
  EXPECT_EQ(function_.blocks.size(), 1u) << to_text(function_);
}

TEST_F(SimplifyTest, TheSameQuestionIsAskedOnce) {
  const Value x = builder_.load(4, slot_, 0);
  const Value y = builder_.load(4, slot_, 4);
  const BlockId in = builder_.new_block();
  const BlockId out = builder_.new_block();
  const BlockId deeper = builder_.new_block();
  builder_.branch(Condition::kUlt, x, y, in, out);
  builder_.switch_to(in);
  builder_.store(1, slot_, 0x1000, x);
  builder_.branch(Condition::kUge, x, y, out, deeper);
  builder_.switch_to(deeper);
  builder_.ret(builder_.constant(1));
  builder_.switch_to(out);
  builder_.ret(builder_.constant(2));
  simplified();
  EXPECT_EQ(function_.blocks.size(), 3u) << to_text(function_);
}

TEST_F(SimplifyTest, DeadCodeGoesButNotWhatHasEffects) {
  const Value x = builder_.load(4, slot_, 0);
  builder_.binary(Op::kMul, x, 3);
  builder_.ktime();
  builder_.map_delete(0, 0x1000);
  builder_.ret(builder_.constant(0));
  simplified();
  EXPECT_EQ(count(Op::kMul) + count(Op::kLoad32) + count(Op::kKtime), 0u) << to_text(function_);
  EXPECT_EQ(count(Op::kMapDelete), 1u);
}

TEST_F(SimplifyTest, ParametersThatNeverChangeGo) {
  const Value x = builder_.load(4, slot_, 0);
  const BlockId head = builder_.new_block(2);
  const BlockId exit = builder_.new_block();
  const BlockId exhausted = builder_.new_block();
  builder_.jump(head, {builder_.constant(0), x});
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = exhausted;
  builder_.switch_to(head);
  const Value next = builder_.add(builder_.parameters(head)[0], 1);
  const Value same = builder_.parameters(head)[1];
  builder_.branch(Condition::kUlt, next, same, Edge{head, {next, same}}, Edge{exit, {}});
  builder_.switch_to(exit);
  builder_.ret(same);
  builder_.switch_to(exhausted);
  builder_.ret(builder_.constant(5));
  simplified();
  size_t parameters = 0;
  for (const Block& block : function_.blocks)
    parameters += block.parameters.size();
  EXPECT_EQ(parameters, 1u) << to_text(function_);
}

TEST_F(SimplifyTest, ALoopThatNeverComesBackIsNone) {
  const BlockId head = builder_.new_block(1);
  const BlockId exhausted = builder_.new_block();
  builder_.jump(head, {builder_.load(4, slot_, 0)});
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = exhausted;
  builder_.switch_to(head);
  builder_.ret(builder_.parameters(head)[0]);
  builder_.switch_to(exhausted);
  builder_.ret(builder_.constant(5));
  simplified();
  EXPECT_EQ(function_.blocks.size(), 1u) << to_text(function_);
}

}  // namespace
}  // namespace perilune::ir
