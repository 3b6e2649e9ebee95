// Rules in a network namespace of their own.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/command.h"
#include "hooks/divert.h"
#include "hooks/divert/owner.h"
#include "hooks/divert/rule.h"
#include "queue_namespace.h"

namespace perilune::hooks {
namespace {

std::string listing(const std::string& program) {
  const auto done = run_command({program, "-t", "mangle", "-S"});
  return done ? done->output : std::string();
}

size_t count(const std::string& text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

class DivertInstall : public testing::Test {
 protected:
  void SetUp() override {
    if (find_program("iptables-nft").empty() || find_program("ip6tables-nft").empty()) {
      GTEST_SKIP() << "iptables-nft is not installed";
    }
  }
  static size_t rules() {
    return count(listing("iptables-nft"), "NFQUEUE") + count(listing("ip6tables-nft"), "NFQUEUE");
  }
  static void place(const std::string& comment, const std::string& chain = "INPUT") {
    const auto done = run_command({"iptables-nft", "-t", "mangle", "-A", chain, "-p", "tcp", "-m", "comment",
                                   "--comment", comment, "-j", "NFQUEUE", "--queue-num", "9"});
    ASSERT_TRUE(done && done->status == 0);
  }
};

TEST_F(DivertInstall, BothFamiliesInAndOut) {
  PERILUNE_IN_NAMESPACE([] {
    auto divert = install_divert(parse_divert("in tcp dport 22").value(), {{3, 3}, {}}, false);
    ASSERT_TRUE(divert) << divert.error().message;
    EXPECT_EQ((*divert)->description().size(), 2U);
    EXPECT_TRUE((*divert)->notes().empty());
    EXPECT_EQ(count(listing("iptables-nft"), "--dport 22"), 1U);
    EXPECT_EQ(count(listing("ip6tables-nft"), "--dport 22"), 1U);
    EXPECT_TRUE((*divert)->remove());
    EXPECT_EQ(rules(), 0U);
    EXPECT_TRUE((*divert)->remove());  // again: nothing to do
  });
}

TEST_F(DivertInstall, OnlyRemovingRemoves) {
  PERILUNE_IN_NAMESPACE([] {
    for (const char* text : {"out udp", "forward icmp", "in sctp dport 5 inet6", "in on lo inet"}) {
      {
        auto divert = install_divert(parse_divert(text).value(), {{3, 6}, {}}, true);
        ASSERT_TRUE(divert) << divert.error().message;
        EXPECT_GT(rules(), 0U);
      }
      EXPECT_GT(rules(), 0U) << text << ": a rule must outlive a run that ends in disorder";
      ASSERT_TRUE(remove_diverts(true));
      EXPECT_EQ(rules(), 0U) << text;
    }
  });
}

TEST_F(DivertInstall, ThereIsNoSuchInterface) {
  PERILUNE_IN_NAMESPACE([] {
    DivertSpec spec = parse_divert("in udp on nosuch0").value();
    const auto refused = install_divert(spec, {{3, 3}, {}}, false);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::kInput);
    EXPECT_NE(refused.error().message.find("nosuch0"), std::string::npos);
    EXPECT_NE(refused.error().hint.find("--wait-interface"), std::string::npos);
    EXPECT_EQ(rules(), 0U);
    spec.wait_for_interface = true;
    const auto waiting = install_divert(spec, {{3, 3}, {}}, false);
    ASSERT_TRUE(waiting) << waiting.error().message;
    EXPECT_EQ(count(listing("iptables-nft"), "-i nosuch0"), 1U);
  });
}

TEST_F(DivertInstall, TcpFirstThenTheRest) {
  PERILUNE_IN_NAMESPACE([] {
    auto divert = install_divert(parse_divert("in").value(), {{3, 3}, QueueRange{4, 4}}, false);
    ASSERT_TRUE(divert) << divert.error().message;
    for (const char* program : {"iptables-nft", "ip6tables-nft"}) {
      const std::string text = listing(program);
      EXPECT_EQ(count(text, "NFQUEUE"), 2U);
      EXPECT_LT(text.find("queue-num 3"), text.find("queue-num 4"));
    }
  });
}

TEST_F(DivertInstall, GoesToTheTopAndTellsOfOtherRules) {
  PERILUNE_IN_NAMESPACE([] {
    place("somebody else's");
    auto divert = install_divert(parse_divert("in tcp inet").value(), {{3, 3}, {}}, false);
    ASSERT_TRUE(divert) << divert.error().message;
    const std::string text = listing("iptables-nft");
    EXPECT_LT(text.find("perilune:"), text.find("somebody"));
    ASSERT_EQ((*divert)->notes().size(), 1U);
    EXPECT_NE((*divert)->notes()[0].find("INPUT has other rules (1)"), std::string::npos);
    ASSERT_TRUE((*divert)->remove());
    EXPECT_EQ(count(listing("iptables-nft"), "perilune:"), 0U);
    EXPECT_EQ(count(listing("iptables-nft"), "somebody"), 1U);
  });
}

TEST_F(DivertInstall, LeftoversGoRunningOnesStay) {
  PERILUNE_IN_NAMESPACE([] {
    divert::Owner ended = divert::this_process(7).value();
    ended.start_time += 5;
    divert::Owner elsewhere = ended;
    elsewhere.pid_namespace += 1;
    place("perilune:" + to_text(ended, ':'));
    place("perilune:" + to_text(ended, ':'), "FORWARD");
    place("perilune:" + to_text(elsewhere, ':'), "OUTPUT");
    place("perilune:" + to_text(divert::this_process(7).value(), ':'));
    place("perilune: of a user");

    const auto removed = remove_diverts(false);
    ASSERT_TRUE(removed) << removed.error().message;
    EXPECT_EQ(removed->size(), 2U);
    EXPECT_EQ(count(listing("iptables-nft"), "NFQUEUE"), 3U);

    const auto all = remove_diverts(true);
    ASSERT_TRUE(all) << all.error().message;
    EXPECT_EQ(all->size(), 2U);
    EXPECT_EQ(count(listing("iptables-nft"), "NFQUEUE"), 1U);  // what only looks like ours
  });
}

TEST_F(DivertInstall, OnlyTheSameFiltersLeftoverIsReplaced) {
  PERILUNE_IN_NAMESPACE([] {
    DivertSpec spec = parse_divert("in tcp inet").value();
    spec.filter = "/a.lua";
    divert::Owner ended = divert::this_process(divert::identity_of(spec)).value();
    ended.start_time += 5;
    divert::Owner other = ended;
    other.filter += 1;
    place("perilune:" + to_text(ended, ':'), "OUTPUT");
    place("perilune:" + to_text(other, ':'), "FORWARD");
    const std::string older = to_text(other, ':').substr(0, to_text(other, ':').rfind(':'));
    place("perilune:" + older);
    auto divert = install_divert(spec, {{3, 3}, {}}, false);
    ASSERT_TRUE(divert) << divert.error().message;
    const std::string text = listing("iptables-nft");
    EXPECT_EQ(count(text, "NFQUEUE"), 3U) << text;
    EXPECT_EQ(count(text, "-A OUTPUT"), 0U) << text;
    EXPECT_EQ(count(text, "-A FORWARD"), 1U) << text;
    EXPECT_EQ(count(text, "perilune:" + older), 2U) << text;
    // Each that stays is named with the command that removes it.
    size_t named = 0;
    for (const std::string& note : (*divert)->notes()) {
      const size_t command = note.find("iptables-nft -w 5 -t mangle -D ");
      if (command == std::string::npos) continue;
      ++named;
      std::vector<std::string> words = divert::iptables_words(note.substr(command));
      const auto removed = run_command(words);
      EXPECT_TRUE(removed && removed->status == 0) << note;
    }
    EXPECT_EQ(named, 2U);
    EXPECT_EQ(count(listing("iptables-nft"), "NFQUEUE"), 1U);
  });
}

TEST_F(DivertInstall, NothingToRemove) {
  PERILUNE_IN_NAMESPACE([] {
    const auto removed = remove_diverts(true);
    ASSERT_TRUE(removed) << removed.error().message;
    EXPECT_TRUE(removed->empty());
  });
}

TEST(DivertNft, RulesetsAreUnderstood) {
  if (find_program("nft").empty()) GTEST_SKIP() << "nft is not installed";
  PERILUNE_IN_NAMESPACE([] {
    for (const char* text : {"in tcp dport 22", "out udp sport 1-9 dport 53 on eth0 inet6", "forward icmp on lo", "in",
                             "out icmpv6", "in sctp sport 7", "in 47 inet"}) {
      for (const bool fail_open : {false, true}) {
        for (const uint16_t last : {uint16_t{3}, uint16_t{6}}) {
          const std::vector<divert::Rule> rule{
              {parse_divert(text).value(), {3, last}, fail_open, divert::this_process(7).value()}};
          const auto checked = run_command({"nft", "-c", "-f", "-"}, nft_ruleset(rule));
          ASSERT_TRUE(checked);
          // A kernel that cannot queue from nft refuses the rule, but nft has understood it.
          EXPECT_TRUE(checked->status == 0 || checked->errors.find("Could not process rule") != std::string::npos)
              << nft_ruleset(rule) << checked->errors;
          EXPECT_EQ(checked->errors.find("syntax error"), std::string::npos) << nft_ruleset(rule) << checked->errors;
        }
      }
    }
  });
}

TEST(DivertCommand, OutputErrorsAndStatus) {
  const auto done = run_command({"sh", "-c", "cat; echo problem >&2; exit 3"}, "hello");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, 3);
  EXPECT_EQ(done->output, "hello");
  EXPECT_EQ(done->errors, "problem\n");
  const auto killed = run_command({"sh", "-c", "kill -9 $$"});
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->status, 128 + 9);
  const auto missing = run_command({"no-such-program-anywhere"});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("no-such-program-anywhere is not installed"), std::string::npos);
}

TEST(DivertCommand, LongOutputDoesNotBlock) {
  const auto done = run_command({"sh", "-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->output.size(), 300000U);
  EXPECT_EQ(done->errors.size(), 300000U);
}

}  // namespace
}  // namespace perilune::hooks
