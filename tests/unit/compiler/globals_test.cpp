#include "compiler/lua/globals.h"

#include <gtest/gtest.h>

namespace perilune::compiler {
namespace {

/// "r name line" or "w name line", "f" in front when in a function.
std::vector<std::string> accesses(const std::string& text) {
  const Result<Prototype> main = compile(text, "t.lua");
  EXPECT_TRUE(main.has_value());
  std::vector<std::string> found;
  if (!main) return found;
  for (const GlobalAccess& access : global_accesses(*main)) {
    found.push_back(
        fmt::format("{}{} {} {}", access.in_function ? "f" : "", access.write ? "w" : "r", access.name, access.line));
  }
  return found;
}

using Strings = std::vector<std::string>;

TEST(Globals, ReadsAndWritesWithTheirLines) {
  EXPECT_EQ(accesses("a = 1\nlocal x = b\n"), (Strings{"w a 1", "r b 2"}));
  EXPECT_EQ(accesses("function filter(hdr)\n  n = n + 1\n  return lenght > 3\nend"),
            (Strings{"w filter 1", "fr n 2", "fw n 2", "fr lenght 3"}));
}

TEST(Globals, MethodsFieldsAndCalls) {
  EXPECT_EQ(accesses("string.format('x')"), (Strings{"r string 1"}));
  EXPECT_EQ(accesses("obj:method(other.field)"), (Strings{"r obj 1", "r other 1"}));
  EXPECT_EQ(accesses("return _G.x"), (Strings{"r _G 1"}));
}

TEST(Globals, LocalsParametersAndUpvaluesAreNone) {
  EXPECT_EQ(accesses("local a = 1\nlocal function f(b) return a + b end\nreturn f"), Strings{});
}

TEST(Globals, NestedFunctionsPassTheEnvironmentOn) {
  EXPECT_EQ(accesses("local function a()\n return function()\n  return deep\n end\nend"), (Strings{"fr deep 3"}));
}

TEST(Globals, ALocalEnvironmentIsAnotherTable) {
  EXPECT_EQ(accesses("local _ENV = {}\nx = y"), Strings{});
  EXPECT_EQ(accesses("local function f(_ENV) return function() return x end end"), Strings{});
  EXPECT_EQ(accesses("_ENV = {}\nx = 1\nreturn y"), Strings{});
  EXPECT_EQ(accesses("local function f() _ENV = {} end\nreturn y"), Strings{});
}

/// Beyond 256 constants names no longer fit into the instruction.
TEST(Globals, NamesBeyondTheFirstConstants) {
  std::string text = "local t = {";
  for (int i = 0; i < 400; ++i)
    text += fmt::format("'c{}',", i);
  text += "}\nlocal x = late\nanother = x\nlate_function('a', later)";
  EXPECT_EQ(accesses(text), (Strings{"r late 2", "w another 3", "r late_function 4", "r later 4"}));
}

TEST(Globals, LongNames) {
  const std::string name(60, 'n');
  EXPECT_EQ(accesses(name + " = 1\nreturn " + name + "x"), (Strings{"w " + name + " 1", "r " + name + "x 2"}));
}

TEST(Globals, TheTableOfGlobalsAsAValue) {
  const auto hands_out = [](const std::string& text) {
    const Result<Prototype> main = compile(text, "t.lua");
    EXPECT_TRUE(main.has_value()) << text;
    return main && hands_out_environment(*main);
  };
  EXPECT_FALSE(hands_out("x = 1\nfunction filter() return x, y end"));
  EXPECT_FALSE(hands_out("local _ENV = {}\nlocal z = _G"));
  EXPECT_TRUE(hands_out("local G = _G"));
  EXPECT_TRUE(hands_out("function filter() _G.x = 1 end"));
  EXPECT_TRUE(hands_out("local E = _ENV"));
  EXPECT_TRUE(hands_out("function filter() return function() set(_ENV, 'x') end end"));
  std::string many = "local t = {";
  for (int i = 0; i < 400; ++i)
    many += fmt::format("'c{}',", i);
  EXPECT_FALSE(hands_out(many + "}\nlocal x = late\nanother = f(x, 1, 2, 3, 4, 5, 6)"));
}

}  // namespace
}  // namespace perilune::compiler
