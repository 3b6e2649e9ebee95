// The bytecode reader against the official compiler, and against damaged bytes.
#include "compiler/lua/bytecode.h"

#include <random>

#include <gtest/gtest.h>
#include <lauxlib.h>

namespace perilune::compiler {
namespace {

Prototype compiled(std::string_view text) {
  Result<Prototype> result = compile(text, "t.lua");
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  return result ? std::move(*result) : Prototype{};
}

int append(lua_State* /*L*/, const void* bytes, size_t length, void* target) {
  static_cast<std::string*>(target)->append(static_cast<const char*>(bytes), length);
  return 0;
}

std::string dumped(const std::string& text, bool strip = false) {
  lua_State* state = luaL_newstate();
  std::string dump;
  if (luaL_loadbuffer(state, text.data(), text.size(), "@t.lua") == LUA_OK)
    lua_dump(state, append, &dump, strip ? 1 : 0);
  lua_close(state);
  return dump;
}

TEST(Bytecode, ReadsPrototypesNamesAndConstants) {
  const Prototype main =
      compiled("local up = 1\nfunction filter(hdr, pld, ...)\n  local x = 'text'\n  return up, x, 2.5, 1 << 40\nend");
  EXPECT_EQ(main.source, "@t.lua");
  EXPECT_TRUE(main.vararg);
  EXPECT_EQ(main.line_defined, 0U);
  ASSERT_EQ(main.upvalues.size(), 1U);
  EXPECT_EQ(main.upvalues[0].name, "_ENV");
  ASSERT_EQ(main.children.size(), 1U);
  const Prototype& filter = main.children[0];
  EXPECT_EQ(filter.parameters, 2);
  EXPECT_TRUE(filter.vararg);
  EXPECT_EQ(filter.line_defined, 2U);
  EXPECT_EQ(filter.last_line, 5U);
  ASSERT_EQ(filter.upvalues.size(), 1U);
  EXPECT_EQ(filter.upvalues[0].name, "up");
  EXPECT_TRUE(filter.upvalues[0].in_stack);
  ASSERT_EQ(filter.locals.size(), 3U);
  EXPECT_EQ(filter.locals[0].name, "hdr");
  EXPECT_EQ(filter.locals[2].name, "x");
  const auto has = [&](const Constant& wanted) {
    return std::any_of(filter.constants.begin(), filter.constants.end(), [&](const Constant& constant) {
      if (const auto* text = std::get_if<std::string>(&wanted)) {
        const auto* other = std::get_if<std::string>(&constant);
        return other != nullptr && *other == *text;
      }
      const auto* number = std::get_if<double>(&wanted);
      const auto* other = std::get_if<double>(&constant);
      if (number != nullptr) return other != nullptr && *other == *number;
      const auto* integer = std::get_if<int64_t>(&wanted);
      const auto* other_integer = std::get_if<int64_t>(&constant);
      return integer != nullptr && other_integer != nullptr && *integer == *other_integer;
    });
  };
  EXPECT_TRUE(has(std::string("text")));
  EXPECT_TRUE(has(2.5));
  EXPECT_TRUE(has(int64_t{1} << 40));
}

TEST(Bytecode, LinesSurviveLongGapsAndLongCode) {
  std::string text = "local a = 1\n" + std::string(1000, '\n') + "a = 2\n";
  for (int i = 0; i < 300; ++i)
    text += "a = a + b\n";
  const Prototype main = compiled(text);
  ASSERT_EQ(main.lines.size(), main.code.size());
  EXPECT_EQ(main.line(1), 1U);
  EXPECT_EQ(main.line(2), 1002U);
  EXPECT_EQ(main.lines[main.lines.size() - 2], 1302U);
  EXPECT_EQ(main.line(main.code.size()), 0U);
}

TEST(Bytecode, LongStringsAndEmptyStrings) {
  const std::string longer(5000, 'x');
  const Prototype main = compiled("return '', '" + longer + "'");
  std::vector<std::string> strings;
  for (const Constant& constant : main.constants) {
    if (const auto* text = std::get_if<std::string>(&constant)) strings.push_back(*text);
  }
  EXPECT_EQ(strings, (std::vector<std::string>{"", longer}));
}

TEST(Bytecode, StrippedBytecodeHasNoLines) {
  const Result<Prototype> main = parse_bytecode(dumped("x = 1", true));
  ASSERT_TRUE(main.has_value());
  EXPECT_TRUE(main->lines.empty());
  EXPECT_EQ(main->line(0), 0U);
}

TEST(Bytecode, SyntaxErrorsAreTheCompilersOwn) {
  const Result<Prototype> result = compile("x = = 1", "dir/s.lua");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "dir/s.lua:1: unexpected symbol near '='");
  EXPECT_EQ(result.error().fault, Fault::kInput);
}

TEST(Bytecode, BytecodeIsNotText) {
  EXPECT_FALSE(compile(dumped("x = 1"), "t.lua").has_value());
}

TEST(Bytecode, AFirstLineForTheShellIsSkipped) {
  EXPECT_TRUE(compile("#!/usr/bin/perilune\nx = 1", "t.lua").has_value());
  EXPECT_TRUE(compile("#", "t.lua").has_value());
}

TEST(Bytecode, EveryPrefixIsAnError) {
  const std::string whole = dumped("local t = {1, 2.5, 'x'} function f(a) return t[a], function() return a end end");
  ASSERT_TRUE(parse_bytecode(whole).has_value());
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_bytecode(std::string_view(whole).substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(parse_bytecode(whole + "x").has_value());
}

TEST(Bytecode, HeadersOfOthersAreNamed) {
  std::string dump = dumped("x = 1");
  const auto with = [&](size_t at, char value) {
    std::string changed = dump;
    changed[at] = value;
    const Result<Prototype> result = parse_bytecode(changed);
    return result ? std::string() : result.error().message;
  };
  EXPECT_NE(with(0, 'L').find("not Lua bytecode"), std::string::npos);
  EXPECT_NE(with(4, '\x53').find("not bytecode of Lua 5.4"), std::string::npos);
  EXPECT_NE(with(5, 1).find("not the official"), std::string::npos);
  EXPECT_NE(with(8, '\n').find("damaged as text"), std::string::npos);
  EXPECT_NE(with(12, 8).find("number sizes"), std::string::npos);
  EXPECT_NE(with(15, 0).find("byte order"), std::string::npos);
  EXPECT_NE(with(23, 1).find("number format"), std::string::npos);
}

/// Damaged bytes are read to the end or refused; the sanitizers watch.
TEST(Bytecode, DamageIsSurvived) {
  const std::string whole = dumped(
      "local t = {1, 2.5, 'x'} function f(a, ...) goto e ::e:: return t[a], function() return a, t end end for i = 1, "
      "3 do f(i) end");
  std::mt19937 random(7);
  size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = whole;
    for (unsigned i = 0; i <= random() % 3; ++i)
      damaged[31 + random() % (damaged.size() - 31)] = static_cast<char>(random());
    if (!parse_bytecode(damaged)) ++refused;
  }
  EXPECT_GT(refused, 1000U);
}

}  // namespace
}  // namespace perilune::compiler
