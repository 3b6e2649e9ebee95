// The kernel's verifier accepts random functions, and they do there what they do here.
#include "kernel.h"

#include <algorithm>
#include <cstdio>

#include <gtest/gtest.h>

#include "interpret.h"
#include "ir/form/ir.h"
#include "ir/generate/passes.h"
#include "random_function.h"

namespace perilune::ir::test {
namespace {

struct Totals {
  uint64_t functions = 0;
  uint64_t instructions = 0;
  uint64_t verified = 0;
  double worst = 0;  // verified per instruction
};

void check(uint64_t seed, const Shape& shape, bool simplified, Totals& totals) {
  Function function = random_function(seed, shape);
  if (simplified) simplify(function);
  World expected = random_world(seed);
  World world = expected;
  const Outcome outcome = interpret(function, expected);
  ASSERT_EQ(outcome.problem, "");
  const Result<Code> code = generate(function);
  ASSERT_TRUE(code) << code.error().message;
  const KernelRun run = run_in_kernel(*code, world);
  if (run.unsupported) GTEST_SKIP() << "no right to load BPF programs";
  ASSERT_EQ(run.problem, "") << "seed " << seed << "\n" << to_text(function) << disassemble(*code);
  world.events = expected.events;  // not read
  world.pulls = expected.pulls;
  // random() and time are the kernel's own
  const std::string text = to_text(function);
  const bool depends = text.find("random") != std::string::npos || text.find("ktime") != std::string::npos;
  if (!depends) {
    ASSERT_EQ(run.result, outcome.result) << "seed " << seed << "\n" << text << disassemble(*code);
    ASSERT_TRUE(world.same(expected)) << "seed " << seed << "\n" << text << disassemble(*code);
  }
  ++totals.functions;
  totals.instructions += run.instructions;
  totals.verified += run.verified;
  const double ratio = static_cast<double>(run.verified) / run.instructions;
  if (ratio > totals.worst) totals.worst = ratio;
}

void check_many(uint64_t first, uint64_t last, Shape shape, bool simplified, double most) {
  Totals totals;
  for (uint64_t seed = first; seed <= last; ++seed) {
    shape.calls = seed % 2 == 0;
    check(seed, shape, simplified, totals);
    if (testing::Test::HasFatalFailure() || testing::Test::IsSkipped()) return;
  }
  printf("%lu functions, %lu instructions, %lu verified, worst %.1f times\n", totals.functions, totals.instructions,
         totals.verified, totals.worst);
  EXPECT_LT(static_cast<double>(totals.verified) / static_cast<double>(totals.instructions), most);
}

TEST(Kernel, SmallFunctions) {
  check_many(1, 60, {.variables = 3, .statements = 12, .depth = 2}, true, 4);
}
TEST(Kernel, MiddleFunctions) {
  check_many(1, 40, {.variables = 8, .statements = 60, .depth = 3}, true, 4);
}
TEST(Kernel, LongFunctions) {
  check_many(1, 10, {.variables = 12, .statements = 400, .depth = 3}, true, 4);
}
TEST(Kernel, FunctionsNotSimplified) {
  check_many(100, 120, {.variables = 6, .statements = 30, .depth = 3}, false, 6);
}

/// `if a == I and b > J then return 1 end`, many times.
Function comparisons(int count) {
  Function function;
  Builder builder(function);
  builder.switch_to(builder.new_block());
  const Value slot = builder.slot();
  const Value a = builder.load(2, slot, 64);
  const Value b = builder.load(2, slot, 66);
  for (int i = 0; i < count; ++i) {
    const BlockId equal = builder.new_block();
    const BlockId found = builder.new_block();
    const BlockId next = builder.new_block();
    builder.branch(Condition::kEq, a, i * 31 % 65536, equal, next);
    builder.switch_to(equal);
    builder.branch(Condition::kUgt, b, i * 77 % 65536, found, next);
    builder.switch_to(found);
    builder.ret(builder.constant(1));
    builder.switch_to(next);
  }
  builder.ret(builder.constant(0));
  return function;
}

TEST(Kernel, ComparisonsInSequenceCostWhatTheyAre) {
  double before = 0;
  for (const int count : {100, 500, 2000}) {
    Function function = comparisons(count);
    simplify(function);
    const Result<Code> code = generate(function);
    ASSERT_TRUE(code) << code.error().message;
    World world = random_world(1);
    const KernelRun run = run_in_kernel(*code, world);
    if (run.unsupported) GTEST_SKIP() << "no right to load BPF programs";
    ASSERT_EQ(run.problem, "");
    const double each = static_cast<double>(run.verified) / count;
    EXPECT_LT(each, 16) << count << " comparisons";
    if (before != 0) {
      EXPECT_LT(each, 1.2 * before) << count << " comparisons";
    }
    before = each;
  }
}

}  // namespace
}  // namespace perilune::ir::test
