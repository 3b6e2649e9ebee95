// Random functions mean the same before and after each step.
#include <gtest/gtest.h>

#include "interpret.h"
#include "ir/generate/passes.h"
#include "random_function.h"

namespace perilune::ir::test {
namespace {

void check(uint64_t seed, const Shape& shape) {
  Function function = random_function(seed, shape);
  ASSERT_EQ(verify(function), "") << to_text(function);
  const World before = random_world(seed);
  World expected = before;
  const Outcome outcome = interpret(function, expected);
  ASSERT_EQ(outcome.problem, "") << to_text(function);

  const auto check_code = [&](const char* when) {
    const Result<Code> code = generate(function);
    ASSERT_TRUE(code) << code.error().message;
    World world = before;
    const Outcome run = interpret(*code, world);
    ASSERT_EQ(run.problem, "") << when << " seed " << seed << "\n" << to_text(function) << disassemble(*code);
    ASSERT_EQ(run.result, outcome.result) << when << " seed " << seed << "\n"
                                          << to_text(function) << disassemble(*code);
    ASSERT_TRUE(world.same(expected)) << when << " seed " << seed << "\n" << to_text(function) << disassemble(*code);
  };
  check_code("not simplified");
  if (testing::Test::HasFatalFailure()) return;

  simplify(function);
  ASSERT_EQ(verify(function), "") << "seed " << seed << "\n" << to_text(function);
  World simplified = before;
  const Outcome again = interpret(function, simplified);
  ASSERT_EQ(again.problem, "") << "seed " << seed << "\n" << to_text(function);
  ASSERT_EQ(again.result, outcome.result) << "seed " << seed << "\n" << to_text(function);
  ASSERT_TRUE(simplified.same(expected)) << "seed " << seed << "\n" << to_text(function);
  check_code("simplified");
}

TEST(Random, SmallFunctions) {
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    check(seed, {.variables = 3, .statements = 12, .depth = 2, .calls = seed % 2 == 0});
    if (HasFatalFailure()) return;
  }
}

TEST(Random, MiddleFunctions) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    check(seed, {.variables = 8, .statements = 60, .depth = 3, .calls = seed % 2 == 0});
    if (HasFatalFailure()) return;
  }
}

TEST(Random, FunctionsWithManyVariables) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    check(seed, {.variables = 24, .statements = 120, .depth = 3, .calls = seed % 3 != 0});
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace perilune::ir::test
