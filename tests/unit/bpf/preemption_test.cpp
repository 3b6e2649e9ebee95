#include "bpf/preemption.h"

#include <gtest/gtest.h>

namespace perilune::bpf {
namespace {

constexpr std::string_view kVoluntary = "CONFIG_SMP=y\nCONFIG_PREEMPT_VOLUNTARY=y\n# CONFIG_PREEMPT is not set\n";
constexpr std::string_view kFull = "# CONFIG_PREEMPT_VOLUNTARY is not set\nCONFIG_PREEMPT=y\n";

TEST(Preemption, DebugfsKnowsTheModeInForce) {
  EXPECT_FALSE(preempts_kernel_code({"(none) voluntary full \n", " preempt=full", kFull}));
  EXPECT_FALSE(preempts_kernel_code({"none (voluntary) full \n", "", ""}));
  EXPECT_TRUE(preempts_kernel_code({"none voluntary (full) \n", " preempt=none", kVoluntary}));
  EXPECT_TRUE(preempts_kernel_code({"full (lazy) \n", "", ""}));
}

TEST(Preemption, TheLastWordOfTheCommandLineOverridesTheBuild) {
  EXPECT_TRUE(preempts_kernel_code({"", " root=/dev/vda preempt=full quiet\n", kVoluntary}));
  EXPECT_TRUE(preempts_kernel_code({"", " preempt=none preempt=full\n", kVoluntary}));
  EXPECT_FALSE(preempts_kernel_code({"", " preempt=none\n", kFull}));
  EXPECT_FALSE(preempts_kernel_code({"", " nopreempt=full\n", kVoluntary}));
}

TEST(Preemption, TheBuildDecidesWithoutEither) {
  EXPECT_FALSE(preempts_kernel_code({"", " quiet\n", kVoluntary}));
  EXPECT_FALSE(preempts_kernel_code({"", "", "CONFIG_PREEMPT_NONE=y"}));
  EXPECT_TRUE(preempts_kernel_code({"", " quiet\n", kFull}));
  EXPECT_TRUE(preempts_kernel_code({"", " preempt=none\n", "CONFIG_PREEMPT_RT=y\n"}));
}

TEST(Preemption, WhatIsNotKnownMayPreempt) {
  EXPECT_TRUE(preempts_kernel_code({"", " quiet\n", ""}));
  EXPECT_TRUE(preempts_kernel_code({}));
}

}  // namespace
}  // namespace perilune::bpf
