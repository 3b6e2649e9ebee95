// Registers for values, and memory for those that find none.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "function_test.h"
#include "interpret.h"
#include "ir/generate/low.h"
#include "ir/generate/passes.h"
#include "ir/generate/spill.h"

namespace perilune::ir {
namespace {

class AllocationTest : public test::FunctionTest {
 protected:
  /// So many values that are all needed at the end: (v0 * 1) ^ (v1 * 3) ^ ...
  void keep(size_t values) {
    std::vector<Value> kept;
    for (size_t i = 0; i < values; ++i)
      kept.push_back(builder_.load(8, slot_, static_cast<int32_t>(0x2000 + 8 * i)));
    Value mixed = builder_.constant(0);
    for (size_t i = 0; i < values; ++i)  // in another order than they came
      mixed = builder_.binary(Op::kXor, mixed, builder_.binary(Op::kMul, kept[(i * 7) % values], int64_t(2 * i + 1)));
    builder_.ret(mixed);
  }

  [[nodiscard]] uint64_t run() {
    test::World world;
    for (size_t i = 0; i < 8 * 64; ++i)
      world.memory[0x2000 + i] = static_cast<uint8_t>(i * 37 + 11);
    test::World same = world;
    const uint64_t wanted = test::interpret(function_, world).result;
    const Result<Code> code = generate(function_);
    EXPECT_TRUE(code) << code.error().message;
    if (!code) return 0;
    const test::Outcome got = test::interpret(*code, same);
    EXPECT_EQ(got.problem, "");
    EXPECT_EQ(got.result, wanted) << disassemble(*code);
    return got.result;
  }
};

TEST_F(AllocationTest, FewValuesNeedNoMemory) {
  keep(5);
  LowFunction low = lower(function_);
  const Result<Allocation> allocation = allocate(low);
  ASSERT_TRUE(allocation);
  EXPECT_EQ(allocation->cells, 0);
  EXPECT_EQ(allocation->stack_cells, 0);
  EXPECT_NE(run(), 0U);
}

TEST_F(AllocationTest, ManyValuesAreKeptInMemoryAndStayWhatTheyAre) {
  keep(41);
  LowFunction low = lower(function_);
  const Result<Allocation> allocation = allocate(low);
  ASSERT_TRUE(allocation);
  EXPECT_GE(allocation->cells, 41 - 9) << "there are ten registers, one of them is the slot's";
  EXPECT_NE(run(), 0U);
}

TEST_F(AllocationTest, NoRegisterHoldsTwoValuesAtOnce) {
  keep(6);
  LowFunction low = lower(function_);
  const Result<Allocation> allocation = allocate(low);
  ASSERT_TRUE(allocation);
  const std::vector<Low>& code = low.blocks[0].code;
  // Of straight code: from the definition to the last use.
  struct Range {
    size_t from = 0, to = 0;
    uint8_t real = Allocation::kNone;
  };
  std::vector<Range> ranges(low.registers);
  for (size_t i = 0; i < code.size(); ++i) {
    for (const Operand* operand : {&code[i].a, &code[i].b})
      if (!operand->is_number() && operand->reg != kSlotRegister) ranges[operand->reg].to = i;
    if (code[i].result != kNoRegister) ranges[code[i].result] = {i, i, allocation->real[code[i].result]};
  }
  for (Register a = 1; a < low.registers; ++a) {
    for (Register b = a + 1; b < low.registers; ++b) {
      const Range &x = ranges[a], &y = ranges[b];
      if (x.real == Allocation::kNone || x.real != y.real) continue;
      EXPECT_TRUE(x.to <= y.from || y.to <= x.from) << a << " and " << b << " are both in r" << int(x.real);
    }
  }
}

TEST_F(AllocationTest, AValueThatLivesAcrossACallIsWhatItWas) {
  const Value before = builder_.load(8, slot_, 0x2008);
  const Value time = builder_.ktime();
  builder_.ret(builder_.add(builder_.binary(Op::kMul, before, 3), time));
  EXPECT_NE(run(), 0U);
}

TEST_F(AllocationTest, WhatCanBeComputedAnewTakesNoCell) {
  const Value wide = builder_.constant(0x1234567890);
  const Value loaded = builder_.load(8, slot_, 0x2000);
  builder_.store(8, slot_, 0x3000, builder_.add(loaded, wide));
  builder_.ret(builder_.binary(Op::kXor, loaded, wide));
  LowFunction low = lower(function_);
  Register wide_register = kNoRegister, loaded_register = kNoRegister;
  for (const Low& one : low.blocks[0].code) {
    if (one.kind == Low::Kind::kWide) wide_register = one.result;
    if (one.kind == Low::Kind::kLoad) loaded_register = one.result;
  }
  ASSERT_NE(wide_register, kNoRegister);
  ASSERT_NE(loaded_register, kNoRegister);
  std::vector<Register> asked;
  const Spilling spilling = plan_spills(low, {wide_register, loaded_register}, [&](Register reg) {
    asked.push_back(reg);
    return 4;
  });
  EXPECT_EQ(asked, std::vector<Register>{loaded_register});
  EXPECT_TRUE(spilling.formulas[wide_register].has_value());
  EXPECT_EQ(spilling.cells[loaded_register], 4);

  apply_spills(low, spilling);
  const std::vector<Low>& code = low.blocks[0].code;
  const auto load = std::ranges::find(code, Low::Kind::kLoad, &Low::kind);
  ASSERT_NE(load, code.end());
  EXPECT_EQ((load + 1)->kind, Low::Kind::kSpill) << "stored right after it is defined";
  EXPECT_EQ((load + 1)->a.reg, load->result);
  EXPECT_EQ(std::ranges::count(code, Low::Kind::kReload, &Low::kind), 2) << "loaded before each of its uses";
  EXPECT_EQ(std::ranges::count(code, Low::Kind::kWide, &Low::kind), 2) << "computed before each of its uses";
}

}  // namespace
}  // namespace perilune::ir
