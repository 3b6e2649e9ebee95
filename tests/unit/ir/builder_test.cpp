#include <gtest/gtest.h>

#include "ir/form/fold.h"
#include "ir/form/ir.h"
#include "ir/generate/passes.h"

namespace perilune::ir {
namespace {

class BuilderTest : public testing::Test {
 protected:
  BuilderTest() : builder_(function_) {
    builder_.switch_to(builder_.new_block());
    slot_ = builder_.slot();
    unknown_ = builder_.load(8, slot_, 0);
  }
  int64_t number(Value value) {
    int64_t result = 0;
    EXPECT_TRUE(builder_.is_constant(value, result));
    return result;
  }
  Function function_;
  Builder builder_;
  Value slot_ = kNoValue;
  Value unknown_ = kNoValue;
};

TEST_F(BuilderTest, FoldsAsBpfComputes) {
  const auto fold = [this](Op op, int64_t a, int64_t b) {
    return number(builder_.binary(op, builder_.constant(a), builder_.constant(b)));
  };
  EXPECT_EQ(fold(Op::kAdd, INT64_MAX, 1), INT64_MIN);
  EXPECT_EQ(fold(Op::kMul, INT64_MIN, -1), INT64_MIN);
  EXPECT_EQ(fold(Op::kUdiv, 7, 0), 0);
  EXPECT_EQ(fold(Op::kUmod, 7, 0), 7);
  EXPECT_EQ(fold(Op::kUdiv, -1, 2), INT64_MAX);
  EXPECT_EQ(fold(Op::kShl, 1, 64), 1);
  EXPECT_EQ(fold(Op::kShl, 1, 65), 2);
  EXPECT_EQ(fold(Op::kLshr, -1, 60), 15);
  EXPECT_EQ(fold(Op::kAshr, -16, 2), -4);
  EXPECT_EQ(number(builder_.swap(Op::kSwap16, builder_.constant(0x123456))), 0x5634);
  EXPECT_EQ(number(builder_.swap(Op::kSwap32, builder_.constant(0x1122334455667788))), 0x88776655);
}

TEST_F(BuilderTest, AppliesIdentities) {
  EXPECT_EQ(builder_.add(unknown_, 0), unknown_);
  EXPECT_EQ(builder_.binary(Op::kMul, builder_.constant(1), unknown_), unknown_);
  EXPECT_EQ(builder_.binary(Op::kAnd, unknown_, -1), unknown_);
  EXPECT_EQ(builder_.binary(Op::kShl, unknown_, 64), unknown_);
  EXPECT_EQ(builder_.binary(Op::kUmod, unknown_, 0), unknown_);
  EXPECT_EQ(number(builder_.binary(Op::kAnd, unknown_, 0)), 0);
  EXPECT_EQ(number(builder_.sub(unknown_, unknown_)), 0);
  EXPECT_EQ(number(builder_.binary(Op::kUdiv, unknown_, 0)), 0);
  EXPECT_EQ(number(builder_.binary(Op::kUmod, unknown_, unknown_)), 0);
  // x / x is not 1: 0 / 0 is 0
  int64_t none = 0;
  EXPECT_FALSE(builder_.is_constant(builder_.binary(Op::kUdiv, unknown_, unknown_), none));
}

TEST_F(BuilderTest, KeepsConstantsWithinABlock) {
  EXPECT_EQ(builder_.constant(77), builder_.constant(77));
  const Value before = builder_.constant(77);
  const BlockId next = builder_.new_block();
  builder_.jump(next);
  builder_.switch_to(next);
  EXPECT_NE(builder_.constant(77), before);
}

TEST_F(BuilderTest, ComparesInABlockOfItsOwnAndFoldsWhatIsKnown) {
  const BlockId before = builder_.current();
  EXPECT_EQ(number(builder_.compare(Condition::kSlt, builder_.constant(-1), builder_.constant(0))), 1);
  EXPECT_EQ(number(builder_.compare(Condition::kUlt, builder_.constant(-1), builder_.constant(0))), 0);
  EXPECT_EQ(builder_.current(), before);
  const Value result = builder_.compare(Condition::kEq, unknown_, builder_.constant(3));
  EXPECT_NE(builder_.current(), before);
  builder_.ret(result);
  EXPECT_EQ(verify(function_), "");
}

TEST_F(BuilderTest, StampsTheScriptsPlace) {
  builder_.at(2, 17);
  builder_.store(1, slot_, 4, unknown_);
  builder_.ret(builder_.constant(0));
  const Block& block = function_.blocks[0];
  EXPECT_EQ(block.instructions[2].line, 17u);
  EXPECT_EQ(block.instructions[2].file, 2u);
  EXPECT_EQ(block.terminator.line, 17u);
}

TEST(Conditions, InversesAndMirrorsAgree) {
  for (int i = 0; i < 10; ++i) {
    const auto condition = static_cast<Condition>(i);
    for (const int64_t a : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{5}}) {
      for (const int64_t b : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{5}}) {
        EXPECT_NE(holds(condition, a, b), holds(inverse(condition), a, b));
        EXPECT_EQ(holds(condition, a, b), holds(mirrored(condition), b, a));
      }
    }
  }
}

}  // namespace
}  // namespace perilune::ir
