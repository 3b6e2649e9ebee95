#include <set>
#include <vector>

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
  const Owner self = this_process(7).value();
  EXPECT_EQ(self.pid, getpid());
  EXPECT_GT(self.start_time, 0U);
  EXPECT_GT(self.pid_namespace, 0U);
  EXPECT_EQ(self.filter, 7U);
  EXPECT_TRUE(may_be_running(self).value());
}

TEST(DivertOwner, PidInUseAgainIsNotTheOwner) {
  Owner other = this_process(7).value();
  other.start_time += 1;
  EXPECT_FALSE(may_be_running(other).value());
}

TEST(DivertOwner, EndedProcess) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const Owner parent = this_process(7).value();
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(may_be_running({child, parent.start_time, parent.pid_namespace, parent.filter}).value());
}

TEST(DivertOwner, OtherPidNamespaceCannotBeJudged) {
  EXPECT_TRUE(may_be_running({999'999'999, 1, this_process(7).value().pid_namespace + 1, 7}).value());
}

TEST(DivertOwner, TextRoundTrip) {
  const Owner owner{2147483647, UINT64_MAX, 4026531836, 0xfedcba9876543210};
  EXPECT_EQ(parse_owner(to_text(owner, ':'), ':'), owner);
  EXPECT_EQ(parse_owner(to_text(owner, '_'), '_'), owner);
  EXPECT_FALSE(parse_owner(to_text(owner, ':'), '_'));
  EXPECT_EQ(parse_owner("12:345:678", ':'), (Owner{12, 345, 678, 0}));  // of an older version
  for (const char* text : {"", ":", "::", "1:2", "1:2:3:", "1:2:3:4", " 1:2:3", "1:-2:3", "2147483648:1:1", "0:1:1",
                           "1:2:3:fedcba987654321g", "1:2:3:fedcba9876543210:", "1:2:3:fedcba98765432100"}) {
    EXPECT_FALSE(parse_owner(text, ':')) << text;
  }
}

TEST(DivertOwner, AnotherFilterIsKnownByItsScriptAndItsWords) {
  const auto identity = [](const char* filter, const char* words) {
    DivertSpec spec = parse_divert(words).value();
    spec.filter = filter;
    return identity_of(spec);
  };
  const std::vector<uint64_t> all{
      identity("/a.lua", "in tcp dport 22"),      identity("/b.lua", "in tcp dport 22"),
      identity("/a.lua", "out tcp dport 22"),     identity("/a.lua", "in udp dport 22"),
      identity("/a.lua", "in tcp sport 22"),      identity("/a.lua", "in tcp dport 23"),
      identity("/a.lua", "in tcp dport 22-23"),   identity("/a.lua", "in tcp dport 22 on eth0"),
      identity("/a.lua", "in tcp dport 22 inet"), identity("/a.lua", "in tcp dport 22 inet6"),
      identity("/a.luain", " in tcp dport 22"),   identity("/a.lua", "in")};
  EXPECT_EQ(std::set<uint64_t>(all.begin(), all.end()).size(), all.size());
  EXPECT_EQ(all[0], identity("/a.lua", "in  dport ssh  6"));  // the same in other words
  EXPECT_TRUE(is_same_filter({1, 2, 3, all[0]}, {4, 5, 6, all[0]}));
  EXPECT_FALSE(is_same_filter({1, 2, 3, all[0]}, {1, 2, 3, all[1]}));
  EXPECT_FALSE(is_same_filter({1, 2, 3, 0}, {1, 2, 3, 0}));  // unknown is no filter
}

}  // namespace
}  // namespace perilune::hooks::divert
