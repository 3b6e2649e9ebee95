#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks/divert/owner.h"

namespace perilune::hooks::divert {
namespace {

TEST(DivertOwner, StartTimeOfStat) {
  const std::string tail = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21\n";
  EXPECT_EQ(start_time_of_stat("7 (cat)" + tail), 4242U);
  EXPECT_EQ(start_time_of_stat("7 (a b) c) (d)" + tail), 4242U);  // a program may call itself anything
  EXPECT_FALSE(start_time_of_stat(""));
  EXPECT_FALSE(start_time_of_stat("7 cat S 1 2 3"));
  EXPECT_FALSE(start_time_of_stat("7 (cat) S 1 2 3"));
  EXPECT_FALSE(start_time_of_stat("7 (cat) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x"));
}

TEST(DivertOwner, ThisProcessRuns) {
  const Owner self = this_process();
  EXPECT_EQ(self.pid, getpid());
  EXPECT_GT(self.start_time, 0U);
  EXPECT_GT(self.pid_namespace, 0U);
  EXPECT_TRUE(may_be_running(self));
}

TEST(DivertOwner, PidInUseAgainIsNotTheOwner) {
  Owner other = this_process();
  other.start_time += 1;
  EXPECT_FALSE(may_be_running(other));
}

TEST(DivertOwner, EndedProcess) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const Owner parent = this_process();
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(may_be_running({child, parent.start_time, parent.pid_namespace}));
}

TEST(DivertOwner, OtherPidNamespaceCannotBeJudged) {
  EXPECT_TRUE(may_be_running({999'999'999, 1, this_process().pid_namespace + 1}));
}

TEST(DivertOwner, TextRoundTrip) {
  const Owner owner{2147483647, UINT64_MAX, 4026531836};
  EXPECT_EQ(parse_owner(to_text(owner, ':'), ':'), owner);
  EXPECT_EQ(parse_owner(to_text(owner, '_'), '_'), owner);
  EXPECT_FALSE(parse_owner(to_text(owner, ':'), '_'));
  for (const char* text : {"", ":", "::", "1:2", "1:2:3:", "1:2:3:4", " 1:2:3", "1:-2:3", "2147483648:1:1", "0:1:1"}) {
    EXPECT_FALSE(parse_owner(text, ':')) << text;
  }
}

}  // namespace
}  // namespace perilune::hooks::divert
