#include "bpf/inline_call.h"

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

RuntimeFunction filter() {
  RuntimeFunction function;
  function.name = "filter";
  function.insns = {
      {kStore, 10, 1, -8, 0}, {kIfZero, 1, 0, 2, 0}, {kMove, 0, 0, 0, 2}, kExit, {kMove, 0, 0, 0, 3}, kExit};
  function.references = {{2, false, "inside"}};
  function.lines = {{0, "g", "c", 3}, {4, "g", "d", 4}};
  return function;
}

bool same(const Insn& a, const Insn& b) {
  return a.code == b.code && a.dst == b.dst && a.src == b.src && a.off == b.off && a.imm == b.imm;
}

TEST(InlineCall, StandsInThePlaceOfTheCall) {
  const auto inlined = inline_call(entry(), kSite, filter());
  ASSERT_TRUE(inlined);
  const auto& insns = inlined->insns;
  ASSERT_EQ(insns.size(), 16U);
  EXPECT_TRUE(same(insns[4], {kStore, 10, 6, -16, 0})) << "r6 is kept below the caller's own stack";
  EXPECT_TRUE(same(insns[11], {kLoad, 6, 10, -16, 0}));
  EXPECT_EQ(insns[2].off, -8) << "the caller's stack stays";
  EXPECT_EQ(insns[5].off, -24) << "the callee's is below";
  EXPECT_TRUE(same(insns[8], {kGoto, 0, 0, 2, 0})) << "its exits go to what follows";
  EXPECT_TRUE(same(insns[10], {kGoto, 0, 0, 0, 0}));
  EXPECT_EQ(insns[6].off, 2) << "its own jumps stay";
  EXPECT_EQ(insns[3].off, 10) << "jumps across it reach as far as before";
  EXPECT_EQ(insns[13].off, 1);
}

TEST(InlineCall, ReferencesAndLinesMove) {
  const auto inlined = inline_call(entry(), kSite, filter());
  ASSERT_TRUE(inlined);
  const auto& references = inlined->references;
  ASSERT_EQ(references.size(), 3U);
  EXPECT_EQ(references[0].insn, 1U);
  EXPECT_EQ(references[1].insn, 14U);
  EXPECT_EQ(references[2].insn, 7U);
  EXPECT_EQ(references[2].symbol, "inside");
  const std::vector<std::pair<uint32_t, std::string>> wanted{{0, "a"}, {5, "c"}, {9, "d"}, {11, "a"}, {12, "b"}};
  std::vector<std::pair<uint32_t, std::string>> lines;
  for (const auto& line : inlined->lines)
    lines.emplace_back(line.insn, line.text);
  EXPECT_EQ(lines, wanted) << "behind it the line of the call goes on";
}

TEST(InlineCall, RegistersThatAreWrittenFirstAreNotSaved) {
  RuntimeFunction function = entry();
  function.insns[5] = {kCopy, 6, 0, 0, 0};
  const auto inlined = inline_call(function, kSite, filter());
  ASSERT_TRUE(inlined);
  EXPECT_EQ(inlined->insns.size(), 14U);
}

TEST(InlineCall, WhatIsLeftInRegistersDoesNotReachCallsWhereThereAreLoops) {
  RuntimeFunction function = entry();
  function.insns[5] = {kCopy, 1, 0, 0, 0};
  function.insns[6] = kCall;  // takes two arguments perhaps, or five
  RuntimeFunction looping = filter();
  const auto without = inline_call(function, kSite, looping);
  ASSERT_TRUE(without);
  looping.insns.insert(looping.insns.begin(), {ir::bpf::kMayGoto, 0, 0, 0, 0});
  const auto inlined = inline_call(function, kSite, looping);
  ASSERT_TRUE(inlined);
  const auto& insns = inlined->insns;
  const size_t end = kSite + looping.insns.size();
  ASSERT_EQ(insns.size(), without->insns.size() + 1 + 4);
  for (uint8_t reg = BPF_REG_2; reg <= BPF_REG_5; ++reg)
    EXPECT_TRUE(same(insns[end + reg - BPF_REG_2], {kMove, static_cast<uint8_t>(reg & 15U), 0, 0, 0}));
  EXPECT_EQ(insns[3].off, without->insns[3].off + 5) << "jumps across it reach as far as before";
}

TEST(InlineCall, NotWhereItCannotBe) {
  RuntimeFunction roaming = entry();
  roaming.insns[1] = {kCopy, 7, 10, 0, 0};
  EXPECT_FALSE(inline_call(roaming, kSite, filter())) << "nobody knows what stack it uses";
  RuntimeFunction falls_off = filter();
  falls_off.insns.pop_back();
  EXPECT_FALSE(inline_call(entry(), kSite, falls_off));
  RuntimeFunction deep = filter();
  deep.insns[0].off = -392;
  EXPECT_FALSE(inline_call(entry(), kSite, deep));
  RuntimeFunction large = filter();
  large.insns.insert(large.insns.begin(), 9000, {kMove, 0, 0, 0, 0});
  EXPECT_FALSE(inline_call(entry(), kSite, large));
}

}  // namespace
}  // namespace perilune::bpf
