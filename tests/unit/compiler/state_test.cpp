// Captured variables and tables of a state: what is kept, and under which number.
#include "compiler/lowering/state.h"

#include <gtest/gtest.h>

namespace perilune::compiler {
namespace {

using Kind = AbstractValue::Kind;

AbstractValue with_index(Kind kind, uint32_t index) {
  AbstractValue value = AbstractValue::of(kind);
  value.index = index;
  return value;
}

/// A state at the first instruction of a function with some registers, all of which are read later, or none.
class Compact : public testing::Test {
 protected:
  State state_of(size_t registers, bool live, std::vector<Instruction> code = {}) {
    prototype_.stack_size = static_cast<uint8_t>(registers);
    prototype_.code = std::move(code);
    code_.prototype = &prototype_;
    code_.info.live.assign(1, live ? RegisterSet().set() : RegisterSet());
    code_.info.assigns_upvalue = {true};
    auto callee = std::make_shared<Callee>();
    callee->code = &code_;
    State state;
    state.frames.emplace_back();
    state.top().callee = std::move(callee);
    state.top().registers.resize(registers);
    return state;
  }
  AbstractValue closure_of(uint32_t box) {
    auto callee = std::make_shared<Callee>();
    callee->code = &code_;
    callee->bindings.push_back({true, box});
    AbstractValue value = AbstractValue::of(Kind::kClosure);
    value.callee = std::move(callee);
    return value;
  }

 private:
  Prototype prototype_;
  FunctionCode code_;
};

TEST_F(Compact, AVariableWithoutClosuresIsARegister) {
  State state = state_of(1, true);
  state.boxes.push_back(AbstractValue::integer_constant(7));
  state.top().registers[0] = with_index(Kind::kBox, 0);
  compact(state);
  EXPECT_TRUE(state.boxes.empty());
  EXPECT_EQ(state.top().registers[0].kind, Kind::kInteger);
  EXPECT_EQ(state.top().registers[0].integer, 7);
}

TEST_F(Compact, AClosureKeepsAVariableWhoseRegisterIsDead) {
  State state = state_of(2, false);
  state.boxes = {AbstractValue::nil(), AbstractValue::integer_constant(7)};
  state.top().registers[0] = with_index(Kind::kBox, 1);
  state.top().registers[1] = closure_of(1);
  compact(state);
  ASSERT_EQ(state.boxes.size(), 1U);
  EXPECT_EQ(state.boxes[0].integer, 7);
  EXPECT_EQ(state.top().registers[0].kind, Kind::kBox) << "an assignment to it would be one to the variable";
  EXPECT_EQ(state.top().registers[0].index, 0U);
  EXPECT_EQ(state.top().registers[1].callee->bindings[0].index, 0U);
}

TEST_F(Compact, ADeadRegisterKeepsNothingAlive) {
  State state = state_of(1, false);
  state.boxes = {closure_of(0)};  // a local function that refers to itself
  state.top().registers[0] = with_index(Kind::kBox, 0);
  compact(state);
  EXPECT_TRUE(state.boxes.empty());
  EXPECT_EQ(state.top().registers[0].kind, Kind::kNone);
}

TEST_F(Compact, NumbersDependOnTheWayThereAlone) {
  const auto build = [this](uint32_t first, uint32_t second) {
    State state = state_of(2, true);
    state.boxes.resize(3);
    state.boxes[first] = AbstractValue::integer_constant(1);
    state.boxes[second] = with_index(Kind::kTable, 1);
    state.tables.resize(2);
    state.tables[1].entries.push_back({AbstractValue::integer_constant(1), closure_of(first)});
    state.top().registers[0] = closure_of(second);
    state.top().registers[1] = closure_of(first);
    compact(state);
    return shape_of(state);
  };
  EXPECT_EQ(build(0, 1), build(2, 0));
}

TEST_F(Compact, DeepStructuresNeedNoDeepStack) {
  constexpr uint32_t kDeep = 300'000;
  State state = state_of(1, true);
  for (uint32_t n = 0; n < kDeep; ++n) {
    state.tables.emplace_back();
    state.tables[n].entries.push_back({AbstractValue::integer_constant(1), with_index(Kind::kTable, (n + 1) % kDeep)});
  }
  state.top().registers[0] = with_index(Kind::kTable, 5);
  compact(state);
  EXPECT_EQ(state.tables.size(), kDeep);
  EXPECT_EQ(state.top().registers[0].index, 0U);
}

TEST_F(Compact, AnOpenListTellsStatesApartOnlyUntilItIsTaken) {
  const auto call_with = [](uint32_t b) { return Instruction{static_cast<uint32_t>(Opcode::kCall) | b << 16}; };
  for (const uint32_t arguments : {0U, 3U}) {
    SCOPED_TRACE(arguments == 0 ? "the next call takes all results" : "the next call takes two");
    State few = state_of(9, false, {call_with(arguments)});
    State many = few;
    few.top().top = 3;
    many.top().top = 8;
    forget_dead(few);
    forget_dead(many);
    EXPECT_EQ(shape_of(few) == shape_of(many), arguments != 0);
  }
}

TEST_F(Compact, WhatClosuresAssignIsKnown) {
  State state = state_of(2, true);
  state.boxes = {AbstractValue::integer_constant(1), AbstractValue::integer_constant(2)};
  state.top().registers[0] = closure_of(1);
  state.top().registers[1] = with_index(Kind::kBox, 0);
  EXPECT_EQ(boxes_written_by_closures(state), (std::vector<bool>{false, true}));
}

}  // namespace
}  // namespace perilune::compiler
