#include "base/spelling.h"

#include <gtest/gtest.h>

namespace perilune {
namespace {

TEST(Nearest, FindsSlipsOnly) {
  constexpr std::string_view kWords[] = {"pass", "block", "direction"};
  EXPECT_EQ(nearest("pas", kWords), "pass");
  EXPECT_EQ(nearest("psas", kWords), "pass");
  EXPECT_EQ(nearest("directoin", kWords), "direction");
  EXPECT_EQ(nearest("drection", kWords), "direction");
  EXPECT_EQ(nearest("accept", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest(std::string(1000, 'x'), kWords), "");
  EXPECT_EQ(nearest("x", {}), "");
}

TEST(DidYouMean, AsksOnlyWhenThereIsSomethingNear) {
  const std::vector<std::string> commands = {"run", "check", "test"};
  EXPECT_EQ(did_you_mean("rnu", commands), "did you mean 'run'?");
  EXPECT_EQ(did_you_mean("chekc", commands), "did you mean 'check'?");
  EXPECT_EQ(did_you_mean("explain", commands), "");
  EXPECT_EQ(did_you_mean("", commands), "");
  EXPECT_EQ(aside(did_you_mean("tets", commands)), " (did you mean 'test'?)");
  EXPECT_EQ(aside(did_you_mean("explain", commands)), "");
}

}  // namespace
}  // namespace perilune
