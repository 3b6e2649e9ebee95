#include "bpf/inline_filter.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "ir/opcodes.h"

namespace perilune::bpf {
namespace {

using ir::Insn;

constexpr uint8_t kMove = BPF_ALU64 | BPF_MOV | BPF_K;
constexpr uint8_t kCopy = BPF_ALU64 | BPF_MOV | BPF_X;
constexpr uint8_t kAddRegister = BPF_ALU64 | BPF_X;  // BPF_ADD is 0
constexpr uint8_t kStore = BPF_STX | BPF_MEM | BPF_DW;
constexpr uint8_t kLoad = BPF_LDX | BPF_MEM | BPF_DW;
constexpr uint8_t kIfZero = BPF_JMP | BPF_JEQ | BPF_K;
constexpr uint8_t kGoto = BPF_JMP | BPF_JA;
constexpr Insn kCall{BPF_JMP | BPF_CALL, 0, 0, 0, -1};
constexpr Insn kExit{BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
constexpr uint32_t kSite = 4;

/// Jumps across the call; r6 is needed behind it, r7 is not.
RuntimeFunction entry() {
  RuntimeFunction function;
  function.name = "entry";
  function.insns = {{kCopy, 6, 1, 0, 0},
                    {kMove, 7, 0, 0, 5},
                    {kStore, 10, 7, -8, 0},
                    {kIfZero, 6, 0, 3, 0},
                    kCall,
                    {kAddRegister, 0, 6, 0, 0},
                    {kGoto, 0, 0, 1, 0},
                    {kMove, 0, 0, 0, 1},
                    kExit};
  function.references = {{1, false, "before"}, {kSite, true, "filter"}, {7, false, "behind"}};
  function.lines = {{0, "f", "a", 1}, {5, "f", "b", 2}};
  return function;
}

ir::Code filter() {
  ir::Code code;
  code.insns = {{kStore, 10, 1, -8, 0}, {kIfZero, 1, 0, 2, 0}, {kMove, 0, 0, 0, 2}, kExit, {kMove, 0, 0, 0, 3}, kExit};
  return code;
}

bool same(const Insn& a, const Insn& b) {
  return a.code == b.code && a.dst == b.dst && a.src == b.src && a.off == b.off && a.imm == b.imm;
}

TEST(InlineFilter, StandsInThePlaceOfTheCall) {
  const auto inlined = inline_filter(entry(), "filter", filter());
  ASSERT_TRUE(inlined);
  const auto& insns = inlined->function.insns;
  ASSERT_EQ(insns.size(), 16U);
  EXPECT_EQ(inlined->begin, 5U);
  EXPECT_EQ(inlined->end, 11U);
  EXPECT_TRUE(same(insns[4], {kStore, 10, 6, -16, 0})) << "r6 is kept below the entry's own stack";
  EXPECT_TRUE(same(insns[11], {kLoad, 6, 10, -16, 0}));
  EXPECT_EQ(insns[2].off, -8) << "the entry's stack stays";
  EXPECT_EQ(insns[5].off, -24) << "the filter's is below";
  EXPECT_TRUE(same(insns[8], {kGoto, 0, 0, 2, 0})) << "its exits go to what follows";
  EXPECT_TRUE(same(insns[10], {kGoto, 0, 0, 0, 0}));
  EXPECT_EQ(insns[6].off, 2) << "its own jumps stay";
  EXPECT_EQ(insns[3].off, 10) << "jumps across it reach as far as before";
  EXPECT_EQ(insns[13].off, 1);
}

TEST(InlineFilter, ReferencesAndLinesMove) {
  const auto inlined = inline_filter(entry(), "filter", filter());
  ASSERT_TRUE(inlined);
  ASSERT_EQ(inlined->function.references.size(), 2U);
  EXPECT_EQ(inlined->function.references[0].insn, 1U);
  EXPECT_EQ(inlined->function.references[1].insn, 14U);
  ASSERT_EQ(inlined->function.lines.size(), 2U);
  EXPECT_EQ(inlined->function.lines[1].insn, 12U);
}

TEST(InlineFilter, RegistersThatAreWrittenFirstAreNotSaved) {
  RuntimeFunction function = entry();
  function.insns[5] = {kCopy, 6, 0, 0, 0};
  const auto inlined = inline_filter(function, "filter", filter());
  ASSERT_TRUE(inlined);
  EXPECT_EQ(inlined->function.insns.size(), 14U);
}

TEST(InlineFilter, WhatALoopLeavesInRegistersDoesNotReachCalls) {
  RuntimeFunction function = entry();
  function.insns[5] = {kCopy, 1, 0, 0, 0};
  function.insns[6] = kCall;  // takes two arguments perhaps, or five
  ir::Code looping = filter();
  const auto without = inline_filter(function, "filter", looping);
  ASSERT_TRUE(without);
  looping.insns.insert(looping.insns.begin(), {ir::bpf::kMayGoto, 0, 0, 0, 0});
  const auto inlined = inline_filter(function, "filter", looping);
  ASSERT_TRUE(inlined);
  const auto& insns = inlined->function.insns;
  ASSERT_EQ(insns.size(), without->function.insns.size() + 1 + 4);
  for (uint8_t reg = BPF_REG_2; reg <= BPF_REG_5; ++reg)
    EXPECT_TRUE(same(insns[inlined->end + reg - BPF_REG_2], {kMove, static_cast<uint8_t>(reg & 15U), 0, 0, 0}));
  EXPECT_EQ(insns[3].off, without->function.insns[3].off + 5) << "jumps across it reach as far as before";
}

TEST(InlineFilter, NotWhereItCannotBe) {
  RuntimeFunction twice = entry();
  twice.insns[7] = kCall;
  twice.references[2] = {7, true, "filter"};
  EXPECT_FALSE(inline_filter(twice, "filter", filter()));
  EXPECT_FALSE(inline_filter(entry(), "another", filter()));
  RuntimeFunction roaming = entry();
  roaming.insns[1] = {kCopy, 7, 10, 0, 0};
  EXPECT_FALSE(inline_filter(roaming, "filter", filter())) << "nobody knows what stack it uses";
  ir::Code falls_off = filter();
  falls_off.insns.pop_back();
  EXPECT_FALSE(inline_filter(entry(), "filter", falls_off));
  ir::Code deep = filter();
  deep.insns[0].off = -392;
  EXPECT_FALSE(inline_filter(entry(), "filter", deep));
  ir::Code large = filter();
  large.insns.insert(large.insns.begin(), 9000, {kMove, 0, 0, 0, 0});
  EXPECT_FALSE(inline_filter(entry(), "filter", large));
}

}  // namespace
}  // namespace perilune::bpf
