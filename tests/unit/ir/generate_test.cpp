// The shape of generated code, where it matters.
#include <algorithm>
#include <optional>
#include <span>

#include <gtest/gtest.h>

#include "event/slot.h"
#include "function_test.h"
#include "interpret.h"
#include "ir/generate/passes.h"
#include "ir/opcodes.h"
#include "random_function.h"

namespace perilune::ir {
namespace {

class GenerateTest : public test::FunctionTest {
 protected:
  std::string text() {
    const Result<Code> code = generate(function_);
    EXPECT_TRUE(code);
    return code ? disassemble(*code) : "";
  }
  static size_t count(const std::string& text, const std::string& part) {
    size_t result = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++result;
    return result;
  }
};

TEST_F(GenerateTest, LineRecordsBeginAtTheFirstInstruction) {
  builder_.at(0, 3);
  builder_.store(8, slot_, 0x1000, builder_.constant(1));
  builder_.at(1, 9);
  builder_.store(8, slot_, 0x1008, builder_.constant(2));
  builder_.ret(builder_.constant(0));
  const Result<Code> code = generate(function_);
  ASSERT_TRUE(code);
  ASSERT_EQ(code->lines.size(), 2u);
  EXPECT_EQ(code->lines[0].insn, 0u);
  EXPECT_EQ(code->lines[0].line, 3u);
  EXPECT_EQ(code->lines[1].file, 1u);
  EXPECT_EQ(code->lines[1].line, 9u);
}

TEST_F(GenerateTest, BoundsTheVerifierKnowsNeedNoMask) {
  const Value byte = builder_.load(1, slot_, 0);
  builder_.ret(builder_.load(1, builder_.offset(builder_.tables(0), byte, 0xff), 0));
  EXPECT_EQ(count(text(), "&= 255"), 0u) << text();
}

TEST_F(GenerateTest, UnknownIndicesAreMaskedRightBeforeTheirUse) {
  const Value index = builder_.load(4, slot_, 0);
  builder_.ret(builder_.load(1, builder_.offset(slot_, index, 0xffff), 0));
  EXPECT_EQ(count(text(), "&= 65535"), 1u) << text();
}

TEST_F(GenerateTest, AChosenConstantGoesThroughMemoryWhenItBecomesAnIndex) {
  const Value x = builder_.load(4, slot_, 0);
  const BlockId then = builder_.new_block();
  const BlockId join = builder_.new_block(1);
  builder_.branch(Condition::kEq, x, 0, Edge{then, {}}, Edge{join, {builder_.constant(100)}});
  builder_.switch_to(then);
  builder_.jump(join, {builder_.constant(200)});
  builder_.switch_to(join);
  builder_.ret(builder_.load(1, builder_.offset(slot_, builder_.parameters(join)[0], 0xffff), 0));
  const std::string code = text();
  EXPECT_EQ(count(code, ") = 100"), 1u) << code;
  EXPECT_EQ(count(code, ") = 200"), 1u) << code;
}

TEST_F(GenerateTest, ALoopTestsMayGotoFirstAndIsEnteredWithUnknownValues) {
  const BlockId head = builder_.new_block(1);
  const BlockId exit = builder_.new_block();
  const BlockId exhausted = builder_.new_block();
  builder_.jump(head, {builder_.constant(0)});
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = exhausted;
  builder_.switch_to(head);
  const Value next = builder_.add(builder_.parameters(head)[0], 1);
  builder_.branch(Condition::kUlt, next, 1000, Edge{head, {next}}, Edge{exit, {}});
  builder_.switch_to(exit);
  builder_.ret(next);
  builder_.switch_to(exhausted);
  builder_.ret(builder_.constant(5));
  const Result<Code> code = generate(function_);
  ASSERT_TRUE(code);
  const auto loop = std::find_if(code->insns.begin(), code->insns.end(), [](const Insn& i) { return i.code == 0xe5; });
  ASSERT_NE(loop, code->insns.end());
  EXPECT_EQ((loop - 1)->code, 0x79) << disassemble(*code);  // from memory
  // may_goto, +1, jump back: nothing else goes round
  const auto back = std::find_if(loop, code->insns.end(), [](const Insn& i) { return i.off < 0 && (i.code & 7) == 5; });
  ASSERT_NE(back, code->insns.end());
  EXPECT_EQ(back - loop, 2) << disassemble(*code);
  test::World world;
  EXPECT_EQ(test::interpret(*code, world).result, 1000u);
}

TEST_F(GenerateTest, TheMayGotoStandsWhereTheLoopReallyComesBackTo) {
  // The mark is on the second block of the loop.
  const BlockId head = builder_.new_block(1);
  const BlockId marked = builder_.new_block();
  const BlockId exit = builder_.new_block();
  const BlockId exhausted = builder_.new_block();
  builder_.jump(head, {builder_.constant(0)});
  builder_.switch_to(head);
  const Value next = builder_.add(builder_.parameters(head)[0], 1);
  builder_.branch(Condition::kUlt, next, 50, marked, exit);
  function_.blocks[marked].loop_header = true;
  function_.blocks[marked].exhausted = exhausted;
  builder_.switch_to(marked);
  builder_.store(8, slot_, 0x2000, next);
  builder_.jump(head, {next});
  builder_.switch_to(exit);
  builder_.ret(next);
  builder_.switch_to(exhausted);
  builder_.ret(builder_.constant(5));
  ASSERT_EQ(verify(function_), "");
  const Result<Code> code = generate(function_);
  ASSERT_TRUE(code);
  const auto& insns = code->insns;
  const auto back =
      std::find_if(insns.begin(), insns.end(), [](const Insn& i) { return i.off < 0 && (i.code & 7) == 5; });
  ASSERT_NE(back, insns.end()) << disassemble(*code);
  EXPECT_EQ((back + 1 + back->off)->code, 0xe5) << disassemble(*code);
  EXPECT_EQ(std::count_if(insns.begin(), insns.end(), [](const Insn& i) { return i.code == 0xe5; }), 1);
  test::World world;
  EXPECT_EQ(test::interpret(*code, world).result, 50u);
}

TEST_F(GenerateTest, ACallOffTheHotPathDoesNotDisturbALoop) {
  // Six values go round a loop in which a call is unlikely.
  const BlockId head = builder_.new_block(6);
  const BlockId cold = builder_.new_block();
  const BlockId latch = builder_.new_block();
  const BlockId exit = builder_.new_block();
  const BlockId exhausted = builder_.new_block();
  std::vector<Value> start;
  for (int i = 0; i < 6; ++i)
    start.push_back(builder_.load(8, slot_, 0x2000 + 8 * i));
  builder_.jump(head, start);
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = exhausted;
  function_.blocks[cold].unlikely = true;
  const std::vector<Value> p(builder_.parameters(head).begin(), builder_.parameters(head).end());
  builder_.switch_to(head);
  builder_.branch(Condition::kEq, p[0], 0x1234, cold, latch);
  builder_.switch_to(cold);
  builder_.pull(p[1]);
  builder_.jump(latch);
  builder_.switch_to(latch);
  std::vector<Value> next;
  next.push_back(builder_.add(p[0], 1));
  for (size_t i = 1; i < 6; ++i)
    next.push_back(builder_.add(p[i], p[i - 1]));
  builder_.branch(Condition::kUlt, next[0], 1000000, Edge{head, next}, Edge{exit, {}});
  builder_.switch_to(exit);
  builder_.ret(next[5]);
  builder_.switch_to(exhausted);
  builder_.ret(builder_.constant(5));
  const Result<Code> code = generate(function_);
  ASSERT_TRUE(code);
  const auto loop = std::find_if(code->insns.begin(), code->insns.end(), [](const Insn& i) { return i.code == 0xe5; });
  const auto back = std::find_if(loop, code->insns.end(), [](const Insn& i) { return i.off < 0 && (i.code & 7) == 5; });
  ASSERT_NE(back, code->insns.end());
  // Memory is there for one value alone, which is compared in two places (see loop_bounds.h).
  const auto touches = [](const Insn& i) { return (i.code & 7) >= 1 && (i.code & 7) <= 3; };
  EXPECT_EQ(std::count_if(loop, back, touches), 2) << disassemble(*code);
}

/// Instructions from a loop's may_goto to its way back.
std::span<const Insn> round_of(const Code& code) {
  const auto loop = std::find_if(code.insns.begin(), code.insns.end(), [](const Insn& i) { return i.code == 0xe5; });
  const auto back = std::find_if(loop, code.insns.end(), [](const Insn& i) { return i.off < 0 && (i.code & 7) == 5; });
  return {loop, back};
}

bool loads(const Insn& insn) {
  return (insn.code & 7) == 1;
}

TEST_F(GenerateTest, WhatWandersGoesThroughMemoryOnTheWayBack) {
  (void)wandering_loop();
  ASSERT_EQ(verify(function_), "");
  const Result<Code> code = generate(function_);
  ASSERT_TRUE(code);
  const auto round = round_of(*code);
  EXPECT_EQ(std::count_if(round.begin(), round.end(), loads), 2) << "the byte and n, not the count\n"
                                                                 << disassemble(*code);
  test::World world;
  world.memory[0x2000] = 27;
  world.memory[0x2008] = 9;
  EXPECT_EQ(test::interpret(*code, world).result, 19u);
}

TEST_F(GenerateTest, ACounterStaysInItsRegister) {
  // for i = 0, 99 do if memory[i] == limit then count = count + 1 end end: bounded in one place on every way round
  const BlockId head = builder_.new_block(2);
  const BlockId latch = builder_.new_block(1);
  const BlockId exit = builder_.new_block();
  const BlockId exhausted = builder_.new_block();
  const Value limit = builder_.load(8, slot_, 0x2000);
  builder_.jump(head, {builder_.constant(0), builder_.constant(0)});
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = exhausted;
  const Value i = builder_.parameters(head)[0];
  const Value count = builder_.parameters(head)[1];
  builder_.switch_to(head);
  const Value byte = builder_.load(1, builder_.offset(slot_, i, 0xff), 0x2000);
  builder_.branch(Condition::kEq, byte, limit, Edge{latch, {builder_.add(count, 1)}}, Edge{latch, {count}});
  builder_.switch_to(latch);
  const Value next = builder_.add(i, 1);
  builder_.branch(Condition::kUlt, next, 100, Edge{head, {next, builder_.parameters(latch)[0]}}, Edge{exit, {}});
  builder_.switch_to(exit);
  builder_.ret(builder_.parameters(latch)[0]);
  builder_.switch_to(exhausted);
  builder_.ret(builder_.constant(5));
  ASSERT_EQ(verify(function_), "");
  const Result<Code> code = generate(function_);
  ASSERT_TRUE(code);
  const auto round = round_of(*code);
  EXPECT_EQ(std::count_if(round.begin(), round.end(), loads), 1) << "the byte\n" << disassemble(*code);
}

TEST_F(GenerateTest, ACallHasAllFiveArguments) {
  // The verifier takes a function of ours to read them all.
  builder_.pull(builder_.load(8, slot_, 0x2000));
  builder_.ret(builder_.constant(1));
  const Result<Code> code = generate(function_);
  ASSERT_TRUE(code);
  const auto call = std::find_if(code->insns.begin(), code->insns.end(), [](const Insn& i) { return i.code == 0x85; });
  ASSERT_NE(call, code->insns.end());
  for (uint8_t reg = 1; reg <= 5; ++reg) {
    EXPECT_TRUE(std::any_of(code->insns.begin(), call, [reg](const Insn& i) { return i.dst == reg; }))
        << int{reg} << "\n"
        << disassemble(*code);
  }
}

/// Where a jump of 32 bits leads that stands behind a jump over it.
std::optional<size_t> far_target(const Code& code) {
  for (size_t i = 1; i < code.insns.size(); ++i) {
    if (code.insns[i].code != bpf::kLongJump || code.insns[i - 1].off != 1) continue;
    return i + 1 + static_cast<size_t>(code.insns[i].imm);
  }
  return std::nullopt;
}

TEST_F(GenerateTest, FarJumpsHave32Bits) {
  const Value x = builder_.load(4, slot_, 0);
  const BlockId far = builder_.new_block();
  const BlockId near = builder_.new_block();
  builder_.branch(Condition::kEq, x, 0, far, near);
  builder_.switch_to(near);
  for (int i = 0; i < 40000; ++i)
    builder_.store(1, slot_, 0x1000, x);
  builder_.jump(far);
  builder_.switch_to(far);
  builder_.store(2, slot_, 0x1100, x);
  builder_.ret(builder_.constant(1));
  const Result<Code> code = generate(function_);
  ASSERT_TRUE(code);
  const auto target = far_target(*code);
  ASSERT_TRUE(target);
  EXPECT_EQ(code->insns[*target].code, bpf::kStx | bpf::kMem | bpf::kHalf) << disassemble(*code);
}

TEST_F(GenerateTest, JumpsReachOverWhatTheKernelWritesOut) {
  Value x = builder_.load(4, slot_, 0);
  const BlockId far = builder_.new_block();
  const BlockId near = builder_.new_block();
  builder_.branch(Condition::kEq, x, 0, far, near);
  builder_.switch_to(near);
  for (int i = 0; i < 2000; ++i)
    x = builder_.add(x, builder_.random());  // calls, instead of which the kernel may put in several instructions
  builder_.store(1, slot_, 0x1000, x);
  builder_.jump(far);
  builder_.switch_to(far);
  builder_.ret(builder_.constant(1));
  const Result<Code> code = generate(function_);
  ASSERT_TRUE(code);
  EXPECT_LT(code->insns.size(), 32000u);
  EXPECT_TRUE(far_target(*code)) << disassemble(*code);
}

// A pointer on the stack that nothing reads still tells the verifier's states apart in loops.
TEST_F(GenerateTest, OnlyElementsThatAreStoredToAreKept) {
  for (const bool stores : {false, true}) {
    function_ = {};
    builder_ = Builder(function_);
    builder_.switch_to(builder_.new_block());
    const Value found = builder_.map_lookup(0, 0x2000, 0x2040, 8, 1);
    builder_.ret(stores ? builder_.map_store(0, 0x2050, 8, 1) : found);
    EXPECT_EQ(count(text(), "(r10 -"), stores ? 2U : 0U) << text();
  }
}

// Look-ups and divisions by variables are written out by the kernel, each at the price of moving all that follows:
// where there are many, functions do them.
TEST_F(GenerateTest, ManyLookupsAndDivisionsAreCallsOfFunctions) {
  for (const int count : {10, 2000}) {
    function_ = {};
    builder_ = Builder(function_);
    builder_.switch_to(builder_.new_block());
    slot_ = builder_.slot();
    Value x = builder_.load(8, slot_, 0x2000);
    Value y = builder_.load(8, slot_, 0x2008);
    for (int i = 0; i < count; ++i) {
      const Value found = builder_.map_lookup(i % 2, 0x2000 + 8 * (i % 3), 0x2040, 16);
      builder_.store(8, slot_, 0x2050, x);
      const Value added = builder_.map_add(1, 0x2000 + 8 * (i % 3), y, 8, 8);
      const Value quotient = builder_.binary(Op::kUdiv, y, x);
      const Value rest = builder_.binary(Op::kUmod, builder_.add(x, i), builder_.add(y, 3));
      x = builder_.binary(Op::kXor, builder_.add(builder_.binary(Op::kMul, x, 31), found), quotient);
      y = builder_.add(builder_.add(y, added), builder_.add(rest, builder_.load(8, slot_, 0x2048)));
      builder_.store(8, slot_, 0x2008, builder_.binary(Op::kAnd, x, 7));
    }
    builder_.ret(builder_.add(x, y));
    const Result<Code> code = generate(function_);
    ASSERT_TRUE(code) << code.error().message;
    const auto calls = [&](Relocation::Kind kind) {
      return std::ranges::count(code->relocations, kind, &Relocation::kind);
    };
    const bool many = count == 2000;
    EXPECT_EQ(calls(Relocation::Kind::kLookup), many ? 2 * count : 0);
    EXPECT_EQ(calls(Relocation::Kind::kDivide), many ? count : 0);
    EXPECT_EQ(calls(Relocation::Kind::kModulo), many ? count : 0);
    test::World wanted = test::random_world(7);
    test::World world = wanted;
    const test::Outcome expected = test::interpret(function_, wanted);
    const test::Outcome outcome = test::interpret(*code, world);
    ASSERT_EQ(expected.problem, "");
    ASSERT_EQ(outcome.problem, "");
    EXPECT_EQ(outcome.result, expected.result);
    EXPECT_TRUE(world.same(wanted));
  }
}

TEST_F(GenerateTest, ValuesComparedOftenAreLoadedForEachComparison) {
  for (const int comparisons : {3, 100}) {
    function_ = {};
    builder_ = Builder(function_);
    builder_.switch_to(builder_.new_block());
    slot_ = builder_.slot();
    const Value x = builder_.binary(Op::kMul, builder_.load(4, slot_, 0), builder_.load(4, slot_, 4));
    for (int i = 0; i < comparisons; ++i) {
      const BlockId then = builder_.new_block();
      const BlockId behind = builder_.new_block();
      builder_.branch(Condition::kEq, x, 1000 + i, then, behind);
      builder_.switch_to(then);
      builder_.store(4, slot_, 0x1000 + 4 * i, builder_.constant(1));
      builder_.jump(behind);
      builder_.switch_to(behind);
    }
    builder_.ret(builder_.constant(1));
    const Result<Code> code = generate(function_);
    ASSERT_TRUE(code);
    const auto loads = std::ranges::count_if(
        code->insns, [](const Insn& i) { return i.code == (bpf::kLdx | bpf::kMem | bpf::kDouble) && i.src == 6; });
    EXPECT_EQ(loads >= comparisons, comparisons == 100) << loads << "\n" << disassemble(*code);
  }
}

/// A row of conditions, each of which leads on to the next whatever it is.
Code long_row(Builder& builder, Value slot, int conditions) {
  for (int i = 0; i < conditions; ++i) {
    const BlockId then = builder.new_block();
    const BlockId behind = builder.new_block();
    builder.branch(Condition::kEq, builder.load(4, slot, 0x1000 + 4 * (i % 100)), i, then, behind);
    builder.switch_to(then);
    builder.store(4, slot, 0x1800 + 4 * (i % 100), builder.constant(1));
    builder.jump(behind);
    builder.switch_to(behind);
  }
  builder.ret(builder.constant(1));
  return generate(builder.function()).value();
}

TEST_F(GenerateTest, LongFunctionsAreCut) {
  const auto rounds = [](const Code& code) {
    return std::ranges::count_if(code.insns, [](const Insn& i) { return i.code == bpf::kMayGoto; });
  };
  EXPECT_EQ(rounds(long_row(builder_, slot_, 500)), 0);
  function_ = {};
  builder_ = Builder(function_);
  builder_.switch_to(builder_.new_block());
  slot_ = builder_.slot();
  const Code code = long_row(builder_, slot_, 9000);
  ASSERT_EQ(rounds(code), 1);
  const auto head = std::ranges::find(code.insns, bpf::kMayGoto, &Insn::code) - code.insns.begin();
  const auto back = std::ranges::count_if(code.insns, [&](const Insn& i) {
    return i.code == (bpf::kJmp | bpf::kJa) && &i - code.insns.data() + 1 + i.off == head;
  });
  EXPECT_GE(back, 3);  // a piece has 2,000 or a few more
}

TEST_F(GenerateTest, DisassemblyNamesWhatTheLoaderFillsIn) {
  builder_.at(0, 4);
  builder_.pull(builder_.load(4, slot_, 0));
  builder_.ret(builder_.map_lookup(1, 0x1000, 0x1010, 8));
  const std::string code = text();
  for (const char* part :
       {"; file 0 line 4", "; memory + 0", "; whole slots", "; pull", "; map 1", "call map_lookup_elem#1", "exit"}) {
    EXPECT_NE(code.find(part), std::string::npos) << part << "\n" << code;
  }
}

}  // namespace
}  // namespace perilune::ir
