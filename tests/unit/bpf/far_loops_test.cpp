#include "bpf/far_loops.h"

#include <gtest/gtest.h>

#include "ir/opcodes.h"

namespace perilune::bpf {
namespace {

using namespace ir::bpf;  // NOLINT(google-build-using-namespace)

constexpr uint8_t kMoveNumber = kAlu64 | kMov | kImmediate;
constexpr uint8_t kGoto = kJmp | kJa;
constexpr uint8_t kIfZero = kJmp | kJeq | kImmediate;

TEST(FarLoops, JumpsBackGoByWayOfTheEnd) {
  ir::Code code;
  code.insns = {{kMoveNumber, 1, 0, 0, 5}, {kLoadImm64, 2, 0, 0, 7},
                {kIfZero, 0, 0, -3, -1},  // the number's other half, which looks like a jump
                {kIfZero, 1, 0, -3, 0},   // to 1
                {kIfZero, 2, 0, 1, 0},    // forward
                {kGoto, 0, 0, -6, 0},     // to 0
                {kIfZero, 3, 0, -6, 0},   // to 1
                {kReturn, 0, 0, 0, 0}};
  code.lines = {{0, 0, 1}, {3, 0, 2}};
  const ir::Code far = with_far_loops(code);
  ASSERT_EQ(far.insns.size(), 10U);
  const auto target = [&](size_t insn) { return static_cast<int64_t>(insn) + 1 + far.insns[insn].off; };
  EXPECT_EQ(far.insns[2].off, -3);
  EXPECT_EQ(target(3), 8);
  EXPECT_EQ(target(4), 6);
  EXPECT_EQ(target(5), 9);
  EXPECT_EQ(target(6), 8) << "one way round for all jumps to a place";
  EXPECT_EQ(far.insns[8].code, kGoto);
  EXPECT_EQ(target(8), 1);
  EXPECT_EQ(target(9), 0);
  EXPECT_EQ(far.lines.size(), 2U);
}

TEST(FarLoops, WhatDoesNotReachStaysAsItIs) {
  ir::Code code;
  code.insns.assign(INT16_MAX, {kMoveNumber, 0, 0, 0, 0});
  code.insns[1] = {kIfZero, 0, 0, -2, 0};
  code.insns.back() = {kReturn, 0, 0, 0, 0};
  EXPECT_EQ(with_far_loops(code).insns.size(), code.insns.size());
}

}  // namespace
}  // namespace perilune::bpf
