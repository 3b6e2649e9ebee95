#include "bpf/specialize.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

namespace perilune::bpf {
namespace {

using ir::Insn;

constexpr uint8_t kMove = BPF_ALU64 | BPF_MOV | BPF_K;
constexpr uint8_t kCopy = BPF_ALU64 | BPF_MOV | BPF_X;
constexpr uint8_t kAnd = BPF_ALU64 | BPF_AND | BPF_K;
constexpr uint8_t kIfZero = BPF_JMP | BPF_JEQ | BPF_K;
constexpr uint8_t kWide = BPF_LD | BPF_DW;
constexpr uint8_t kStore = BPF_STX | BPF_MEM | BPF_DW;
constexpr uint8_t kCallCode = BPF_JMP | BPF_CALL;
constexpr Insn kExit{BPF_JMP | BPF_EXIT, 0, 0, 0, 0};

/// if (flags & 2) *r1 = 7, by way of a call when there is one; return 1
RuntimeFunction function() {
  RuntimeFunction function;
  function.name = "f";
  function.insns = {{kWide, 3, 0, 0, 0},  // flags
                    {0, 0, 0, 0, 0},
                    {kAnd, 3, 0, 0, 2},
                    {kIfZero, 3, 0, 2, 0},
                    {kMove, 4, 0, 0, 7},
                    {kStore, 1, 4, 0, 0},
                    {kMove, 0, 0, 0, 1},
                    kExit};
  function.references = {{0, false, "flags"}};
  function.lines = {{0, "f.c", "flags", 1}, {4, "f.c", "store", 2}, {6, "f.c", "return", 3}};
  return function;
}

std::vector<uint8_t> codes(const RuntimeFunction& function) {
  std::vector<uint8_t> all;
  for (const Insn& insn : function.insns)
    all.push_back(insn.code);
  return all;
}

TEST(Specialize, WhatANumberSwitchesOffIsGone) {
  const RuntimeFunction off = specialize(function(), {}, {{"flags", 5}});
  EXPECT_EQ(codes(off), (std::vector<uint8_t>{kMove, kExit.code}));
  EXPECT_TRUE(off.references.empty());
  ASSERT_EQ(off.lines.size(), 1U);
  EXPECT_EQ(off.lines[0].insn, 0U);
  EXPECT_EQ(off.lines[0].text, "return");
}

TEST(Specialize, WhatItSwitchesOnStaysWithoutTheQuestion) {
  const RuntimeFunction on = specialize(function(), {}, {{"flags", 2}});
  EXPECT_EQ(codes(on), (std::vector<uint8_t>{kMove, kStore, kMove, kExit.code}));
  ASSERT_EQ(on.lines.size(), 2U);
  EXPECT_EQ(on.lines[0].text, "store");
  EXPECT_EQ(on.lines[1].insn, 2U);
}

TEST(Specialize, UnknownNamesStay) {
  const RuntimeFunction same = specialize(function(), {}, {{"others", 2}});
  EXPECT_EQ(codes(same), codes(function()));
  ASSERT_EQ(same.references.size(), 1U);
}

TEST(Specialize, NumbersThatDifferByTheWayAreNotKnown) {
  RuntimeFunction meeting = function();
  // r2 is 0 or 1 when the second question is asked.
  meeting.insns = {{kWide, 3, 0, 0, 0},   {0, 0, 0, 0, 0},     {kMove, 2, 0, 0, 0},
                   {kIfZero, 1, 0, 1, 0}, {kMove, 2, 0, 0, 1}, {kIfZero, 2, 0, 1, 0},
                   {kStore, 1, 3, 0, 0},  {kMove, 0, 0, 0, 1}, kExit};
  meeting.lines.clear();
  const RuntimeFunction result = specialize(meeting, {}, {{"flags", 2}});
  EXPECT_EQ(codes(result), codes(meeting));
}

TEST(Specialize, CallsKeepTheirArgumentsAndNoMore) {
  RuntimeObject runtime;
  runtime.functions.resize(1);
  runtime.functions[0].name = "two";
  runtime.functions[0].parameters.resize(2);
  RuntimeFunction calling;
  calling.insns = {{kMove, 2, 0, 0, 5},      {kMove, 3, 0, 0, 6},        {kCopy, 6, 1, 0, 0},
                   {kCallCode, 0, 1, 0, -1}, {kCopy, 1, 6, 0, 0},        {kMove, 2, 0, 0, 5},
                   {kMove, 3, 0, 0, 6},      {kCallCode, 0, 0, 0, 1000}, kExit};
  calling.references = {{3, true, "two"}};
  const RuntimeFunction result = specialize(calling, runtime, {});
  ASSERT_EQ(result.insns.size(), calling.insns.size() - 1) << "nobody takes the first r3";
  ASSERT_EQ(result.references.size(), 1U);
  EXPECT_EQ(result.references[0].insn, 2U);
}

}  // namespace
}  // namespace perilune::bpf
