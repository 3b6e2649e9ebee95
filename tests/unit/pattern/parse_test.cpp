// What is taken for a pattern, what is malformed and how it is said, what no automaton can do, and what is known of all
// matches.
#include <gtest/gtest.h>

#include "pattern/facts.h"
#include "pattern/pattern.h"
#include "real_lua.h"

namespace perilune::pattern {
namespace {

TEST(Parse, MalformedPatternsAreReportedInLuasWords) {
  // The subject makes Lua reach the bad item.
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"a%", "a"},  {"[a", "a"},    {"[^", "a"},     {"[]", "a"},   {"[%", "a"},   {"[a%", "a"},     {"%b", "a"},
      {"%bx", "a"}, {"%f", "a"},    {"%fa", "a"},    {"%f[a", "a"}, {"a.)", "ab"}, {"(a", "a"},      {"(a))", "a"},
      {"%1", "a"},  {"(a)%2", "a"}, {"(a%1)", "aa"}, {"%0", "a"},   {"()%2", "a"}, {"(a)(%2)", "a"},
  };
  RealLua lua;
  for (const auto& [text, subject] : cases) {
    const auto pattern = parse(text);
    ASSERT_FALSE(pattern) << text;
    std::string error;
    EXPECT_FALSE(lua.find(subject, text, 0, error)) << text;
    EXPECT_EQ(pattern.error(), error) << text;
  }
  std::string many;
  for (int i = 0; i < 33; ++i)
    many += "()";
  std::string error;
  EXPECT_FALSE(lua.find("a", many, 0, error));
  ASSERT_FALSE(parse(many));
  EXPECT_EQ(parse(many).error(), error);
  EXPECT_TRUE(parse(many.substr(2)));
}

TEST(Parse, WhatIsNotRegularIsNamed) {
  EXPECT_EQ(parse("x%b()y")->not_regular, "a balanced match, %b()");
  EXPECT_EQ(parse("(.)x%1")->not_regular, "a back-reference, %1");
  std::string deep;
  for (int i = 0; i < 200; ++i)
    deep += "a?";
  EXPECT_EQ(parse(deep)->not_regular, "200 repetitions and captures");
  EXPECT_EQ(parse("[%b][%1]")->not_regular, "");
}

TEST(Parse, AnchorsAndPlainText) {
  EXPECT_TRUE(parse("^a$")->anchored);
  EXPECT_TRUE(parse("^a$")->to_end);
  EXPECT_FALSE(parse("a^$b")->anchored);
  EXPECT_FALSE(parse("a%$")->to_end);
  EXPECT_FALSE(parse("^a", Anchors::kNone)->anchored);
  EXPECT_EQ(parse("^a", Anchors::kNone)->items.size(), 2U);
  EXPECT_TRUE(is_plain("abc]{}"));
  EXPECT_TRUE(is_plain("a)"));
  EXPECT_FALSE(is_plain("a.c"));
  RealLua lua;
  std::string error;
  EXPECT_TRUE(lua.find("xa)", "a)", 0, error));
}

std::string text_of(const std::vector<MaskedByte>& bytes) {
  std::string text;
  for (const MaskedByte& byte : bytes)
    text += byte.mask == 0xff ? std::string(1, static_cast<char>(byte.value))
                              : std::string("~") + static_cast<char>(byte.value);
  return text;
}

TEST(Facts, OfPatternsAsPeopleWriteThem) {
  const auto of = [](std::string_view text) { return facts_of(make_chain(*parse(text), {})); };
  const Facts ssh = of("SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n");
  EXPECT_EQ(ssh.least, 9U);
  EXPECT_EQ(text_of(ssh.prefix), "SSH-");
  EXPECT_EQ(text_of(ssh.factor), "SSH-");
  const Facts host = of("[Hh]ost: ([^\r\n]*)");
  EXPECT_EQ(text_of(host.prefix), "~Host: ");
  const Facts late = of("a*(needle)%d");
  EXPECT_EQ(text_of(late.prefix), "");
  EXPECT_EQ(text_of(late.factor), "needle");
  EXPECT_EQ(late.factor_at, -1);
  const Facts fixed = of("..needle.");
  EXPECT_EQ(fixed.factor_at, 2);
  EXPECT_EQ(text_of(of("%f[a]abc").prefix), "abc");
}

}  // namespace
}  // namespace perilune::pattern
