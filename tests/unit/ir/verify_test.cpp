// Malformed functions are found.
#include <gtest/gtest.h>

#include "ir/form/ir.h"
#include "ir/generate/passes.h"

namespace perilune::ir {
namespace {

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() : builder_(function_) { builder_.switch_to(builder_.new_block()); }
  void expect(const std::string& part) {
    EXPECT_NE(verify(function_).find(part), std::string::npos) << verify(function_);
  }
  Function function_;
  Builder builder_;
};

TEST_F(VerifyTest, AcceptsALoop) {
  const BlockId head = builder_.new_block(1);
  const BlockId exit = builder_.new_block();
  const BlockId exhausted = builder_.new_block();
  builder_.jump(head, {builder_.constant(0)});
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = exhausted;
  builder_.switch_to(head);
  const Value next = builder_.add(builder_.parameters(head)[0], 1);
  builder_.branch(Condition::kUlt, next, 10, Edge{head, {next}}, Edge{exit, {}});
  builder_.switch_to(exit);
  builder_.ret(next);
  builder_.switch_to(exhausted);
  builder_.ret(builder_.constant(5));
  EXPECT_EQ(verify(function_), "");
  function_.blocks[head].loop_header = false;
  expect("a cycle without a loop header");
}

TEST_F(VerifyTest, FindsAMissingTerminator) {
  expect("no terminator");
}

TEST_F(VerifyTest, FindsArgumentsThatDoNotMatch) {
  const BlockId next = builder_.new_block(2);
  builder_.jump(next, {builder_.constant(0)});
  builder_.switch_to(next);
  builder_.ret(builder_.constant(0));
  expect("1 arguments for the 2 parameters");
}

TEST_F(VerifyTest, FindsAValueOfAnotherPath) {
  const Value x = builder_.load(8, builder_.slot(), 0);
  const BlockId then = builder_.new_block();
  const BlockId otherwise = builder_.new_block();
  builder_.branch(Condition::kEq, x, 0, then, otherwise);
  builder_.switch_to(then);
  const Value only_here = builder_.add(x, 1);
  builder_.ret(only_here);
  builder_.switch_to(otherwise);
  builder_.ret(only_here);
  expect("used where it may not be defined");
}

TEST_F(VerifyTest, FindsUseBeforeDefinition) {
  const Value x = builder_.load(8, builder_.slot(), 0);
  builder_.ret(builder_.add(x, 1));
  std::swap(function_.blocks[0].instructions[1], function_.blocks[0].instructions.back());
  expect("used where it may not be defined");
}

TEST_F(VerifyTest, FindsPointersOutOfPlace) {
  const Value slot = builder_.slot();
  builder_.store(8, slot, 0, slot);
  builder_.ret(builder_.constant(0));
  expect("is a pointer");
}

TEST_F(VerifyTest, FindsNumbersAsPointers) {
  const Value x = builder_.load(8, builder_.slot(), 0);
  builder_.ret(builder_.load(8, x, 0));
  expect("is no pointer");
}

TEST_F(VerifyTest, FindsDoubleDefinitions) {
  builder_.ret(builder_.constant(1));
  function_.blocks[0].instructions.push_back(function_.blocks[0].instructions[0]);
  expect("defined twice");
}

TEST_F(VerifyTest, AnExhaustedLoopKnowsNothingOfItsHeader) {
  const BlockId head = builder_.new_block(1);
  const BlockId exit = builder_.new_block();
  const BlockId exhausted = builder_.new_block();
  builder_.jump(head, {builder_.constant(0)});
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = exhausted;
  builder_.switch_to(head);
  const Value next = builder_.add(builder_.parameters(head)[0], 1);
  builder_.branch(Condition::kUlt, next, 10, Edge{head, {next}}, Edge{exit, {}});
  builder_.switch_to(exit);
  builder_.ret(next);
  builder_.switch_to(exhausted);
  builder_.ret(next);
  expect("used where it may not be defined");
}

}  // namespace
}  // namespace perilune::ir
