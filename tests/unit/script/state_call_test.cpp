// Calls: budgets, memory, errors, lines.
#include <chrono>

#include <gtest/gtest.h>

#include "script/state/allocator.h"
#include "script/state/text.h"
#include "state_helpers.h"

namespace perilune::script {
namespace {

TEST(StateCall, EveryCallHasAFreshBudget) {
  Options options;
  options.limits.call_instructions = 50'000;
  auto state = load("function filter() for i = 1, 40000 do end return true end", options);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(call(*state), "true");
}

TEST(StateCall, TheBudgetIsExact) {
  // A loop of one instruction a round, and few around it.
  for (const uint64_t budget : {1U, 2U, 10U, 99U, 100U, 101U, 500U, 1000U, 5000U, 100'000U}) {
    Options options;
    options.limits.call_instructions = budget;
    auto state = load("rounds = 0 function filter() while true do rounds = rounds + 1 end end\n", options);
    EXPECT_EQ(call(*state), "error: instruction budget spent: " + std::to_string(budget) +
                                " instructions per packet (--instructions)");
    lua_getglobal(state->lua(), "rounds");
    const auto instructions =
        static_cast<uint64_t>(lua_tointeger(state->lua(), -1)) * 5;  // GETTABUP ADDI MMBINI SETTABUP JMP
    lua_pop(state->lua(), 1);
    EXPECT_LE(instructions, budget * 5 / 4 + 5);
    EXPECT_GE(instructions + 10, budget * 4 / 5);
  }
}

TEST(StateCall, WorkInLibraryFunctionsIsCharged) {
  Options options;
  options.limits.call_instructions = 1'000;
  for (const std::string body :
       {"return #('x'):rep(100000)", "return #string.upper(long)", "return long:find('y')", "return long:find('[yz]')",
        "return utf8.len(long)", "return #table.concat(many)", "table.sort(many)", "table.move(many, 1, 5000, 2)",
        "return select('#', table.unpack(many))", "table.insert(many, 1, 1)", "table.remove(many, 1)"}) {
    auto state = load(
        "long = ('x'):rep(1 << 20) many = {} for i = 1, 5000 do many[i] = i end\nfunction filter() " + body + " end",
        options);
    EXPECT_TRUE(call(*state).starts_with("error: instruction budget spent")) << body;
    EXPECT_EQ(state->error().line, 2U);
  }
}

TEST(StateCall, TimeLimit) {
  Options options;
  options.limits.call_time = std::chrono::milliseconds(50);
  options.limits.call_instructions = UINT64_MAX;
  auto state = load("function filter() while true do end end", options);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(call(*state), "error: time limit reached: 50 ms per packet (--time-limit)");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(StateCall, MemoryErrorsHaveAPlace) {
  Options options;
  options.limits.memory = size_t{1} << 20;
  auto state = load("function filter()\n  local s = 'x'\n  while true do\n    s = s .. s\n  end\nend", options);
  EXPECT_EQ(call(*state), "error: not enough memory: the script's limit is 1 MiB (--memory)");
  EXPECT_EQ(state->error().file, "test.lua");
  EXPECT_EQ(state->error().line, 4U);
}

class Greedy final : public Arguments {
 public:
  int push(lua_State* L, int wanted) override {
    asked = wanted;
    for (int i = 0; i < 3; ++i)
      lua_newuserdatauv(L, 100, 0);
    return 3;
  }
  int asked = -1;
};

TEST(StateCall, ArgumentsKeptByTheScriptDoNotAddUpBeyondTheLimit) {
  Options options;
  options.limits.memory = size_t{1} << 19;
  auto state = load(
      "kept = {} for i = 1, 4096 do kept[i] = false end local n = 0\n"
      "function filter(a, b, c) n = n + 1 kept[n] = a kept[n + 1] = b n = n + 1 return true end",
      options);
  Greedy arguments;
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    if (state->call(arguments, 1)) {
      state->finish();
    } else {
      ++refused;
      EXPECT_TRUE(state->error().message.starts_with("not enough memory"));
    }
    ASSERT_LE(state->memory_used(), options.limits.memory + 8192);
  }
  EXPECT_GT(refused, 0);
}

TEST(StateCall, AsksForAsManyArgumentsAsTheFunctionDeclares) {
  Greedy arguments;
  auto two = load("function filter(a, b) end");
  ASSERT_TRUE(two->call(arguments, 1));
  two->finish();
  EXPECT_EQ(arguments.asked, 2);
  auto all = load("function filter(...) return select('#', ...) end");
  ASSERT_TRUE(all->call(arguments, 1));
  EXPECT_EQ(lua_tointeger(all->lua(), -1), 3);
  all->finish();
  EXPECT_GE(arguments.asked, 3);
}

TEST(StateCall, ErrorsSayWhere) {
  auto state = load(
      "local function check(x)\n  if not x then error('wrong', 2) end\nend\nfunction filter()\n  check(false)\nend");
  EXPECT_EQ(call(*state), "error: wrong");
  EXPECT_EQ(state->error().line, 5U);  // as error's second argument says
  EXPECT_EQ(state->error().file, "test.lua");
  EXPECT_EQ(state->error().traceback.find("stack traceback:"), 0U);
  EXPECT_NE(state->error().traceback.find("test.lua:5: in function 'filter'"), std::string::npos)
      << state->error().traceback;
  EXPECT_EQ(run("\n\nreturn nil + 1"), "error: attempt to perform arithmetic on a nil value");
  EXPECT_EQ(run("return ('x'):rep(1, 2, 3) .. string.rep()"),
            "error: bad argument #1 to 'rep' (string expected, got no value)");
  EXPECT_EQ(run("error('test.lua:77: odd', 0)"), "error: odd");
  EXPECT_EQ(run("error('other.lua:77: odd', 0)"), "error: other.lua:77: odd");
  EXPECT_EQ(run("error(12)"), "error: 12");
  EXPECT_EQ(run("error(true)"), "error: (error object is a boolean value)");
  EXPECT_EQ(run("error(setmetatable({}, {__tostring = function() return 'told' end}))"), "error: told");
  EXPECT_EQ(run("error('a\\0b\\27[2J\\xff\\u{9b}ü', 0)"), "error: a\\x00b\\x1b[2J\\xff\\xc2\\x9bü");
}

TEST(StateCall, NothingIsLeftOnTheStack) {
  auto state = load("local n = 0 function filter() n = n + 1 if n % 2 == 0 then error('x') end return 1, 2, 3 end");
  const int top = lua_gettop(state->lua());
  for (int i = 0; i < 1000; ++i) {
    (void)call(*state);
    ASSERT_EQ(lua_gettop(state->lua()), top);
  }
}

TEST(StateCall, RecordsTheLineOfTheReturn) {
  Options options;
  options.record_line = true;
  auto state = load(
      "local function other()\n  return 1\nend\nlocal n = 0\nfunction filter()\n  n = n + 1\n  if n == 1 then\n    "
      "return true\n"
      "  end\n  other()\n  if n == 2 then return not other() end\n  return tostring(n)\nend",
      options);
  EXPECT_EQ(call(*state), "true");
  EXPECT_EQ(state->return_line(), 8U);
  EXPECT_EQ(call(*state), "false");
  EXPECT_EQ(state->return_line(), 11U);
  EXPECT_EQ(call(*state), "3");
  EXPECT_EQ(state->return_line(), 12U);
  auto unrecorded = load("function filter() return 1 end");
  EXPECT_EQ(call(*unrecorded), "1");
  EXPECT_EQ(unrecorded->return_line(), 0U);
}

TEST(StateCall, SeedsMakeRunsRepeatable) {
  Options options;
  options.seed = 42;
  const std::string first = run("return math.random(1 << 60)", options);
  EXPECT_EQ(run("return math.random(1 << 60)", options), first);
  options.worker = 1;
  EXPECT_NE(run("return math.random(1 << 60)", options), first);
}

TEST(StateCall, BaseFunctionsBehave) {
  EXPECT_EQ(run("return select('#', pcall(error))"), "2");
  EXPECT_EQ(run("local ok, a, b = pcall(function(...) return ... end, 1, 2) return tostring(ok) .. a .. b"), "true12");
  EXPECT_EQ(run("local ok, m = xpcall(error, function(m) return m .. '!' end, 'x') return tostring(ok) .. m"),
            "falsex!");
  EXPECT_EQ(run("local ok, a = xpcall(function(x) return x end, error, 7) return tostring(ok) .. a"), "true7");
  EXPECT_EQ(run("return pcall()"), "error: bad argument #1 to 'pcall' (value expected)");
  EXPECT_EQ(run("return getmetatable('')"), "false");
  EXPECT_EQ(run("local m = {} return getmetatable(setmetatable({}, m)) == m"), "true");
  EXPECT_EQ(run("return getmetatable({})"), "nil");
  EXPECT_EQ(run("return setmetatable({}, 1)"),
            "error: bad argument #2 to 'setmetatable' (nil or table expected, got number)");
  EXPECT_EQ(run("return collectgarbage('count') > 10"), "true");
}

TEST(StateCall, TableFunctionsDoWhatLuasDo) {
  EXPECT_EQ(run("local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) return table.concat(t, ',')"),
            "0,1,2,3,4");
  EXPECT_EQ(run("local t = {1, 2, 3} local r = table.remove(t, 1) return r .. table.remove(t) .. #t"), "131");
  EXPECT_EQ(run("return table.remove({})"), "nil");
  EXPECT_EQ(run("return table.remove({}, 0)"), "nil");
  // In the words of the Lua that is linked; tests/parity/tables hold them against the stock interpreter.
  EXPECT_NE(run("return table.remove({1, 2}, 7)").find("to 'remove' (position out of bounds)"), std::string::npos);
  EXPECT_EQ(run("table.insert({1}, 3, 1)"), "error: bad argument #2 to 'insert' (position out of bounds)");
  EXPECT_EQ(run("table.insert({1})"), "error: wrong number of arguments to 'insert'");
  EXPECT_EQ(run("table.insert(nil, 1)"), "error: bad argument #1 to 'insert' (table expected, got nil)");
  EXPECT_NE(run("return table.concat({1, {}, 3})").find("index 2"), std::string::npos);
  EXPECT_NE(run("table.move({}, 1, math.maxinteger, 2)").find("destination wrap around"), std::string::npos);
  EXPECT_EQ(run("table.sort({1}, 5) return 'nothing to compare'"), "nothing to compare");
  EXPECT_EQ(run("return table.concat({1, 2.5, 'x'}, '-', 2, 3)"), "2.5-x");
  EXPECT_EQ(run("return table.concat({}, 'x')"), "");
  EXPECT_EQ(run("local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return table.concat(t)"), "321");
  EXPECT_EQ(run("local t = {3, 1, 2} table.sort(setmetatable({}, {__len = function() return 3 end, __index = t, "
                "__newindex = t})) "
                "return table.concat(t)"),
            "123");
  EXPECT_EQ(run("return select('#', table.unpack({1, nil, 3}, 1, 3))"), "3");
}

TEST(StateCall, ModesAddedLaterAreNoError) {
  // Weak or not: what a script can reach stays.
  EXPECT_EQ(run("local mt = {} local t = setmetatable({}, mt) mt.__mode = 'kv' local kept = {} t[1] = kept\n"
                "for i = 1, 20000 do local waste = {{}, {}} end return t[1] == kept"),
            "true");
}

TEST(Allocator, CountsToTheByte) {
  Allocator allocator(10'000);
  void* a = Allocator::allocate(&allocator, nullptr, LUA_TTABLE, 56);
  EXPECT_EQ(allocator.used(), 56U);
  void* b = Allocator::allocate(&allocator, nullptr, 0, 5000);
  EXPECT_EQ(allocator.used(), 5056U);
  EXPECT_EQ(Allocator::allocate(&allocator, nullptr, 0, 5000), nullptr);
  EXPECT_EQ(Allocator::allocate(&allocator, b, 5000, 9945), nullptr);
  b = Allocator::allocate(&allocator, b, 5000, 9944);
  EXPECT_EQ(allocator.used(), 10'000U);
  allocator.set_overdraft(100);
  void* c = Allocator::allocate(&allocator, nullptr, 0, 100);
  EXPECT_NE(c, nullptr);
  EXPECT_EQ(Allocator::allocate(&allocator, nullptr, 0, 1), nullptr);
  allocator.set_overdraft(0);
  b = Allocator::allocate(&allocator, b, 9944, 16);
  a = Allocator::allocate(&allocator, a, 56, 300);
  EXPECT_EQ(allocator.used(), 416U);
  Allocator::allocate(&allocator, a, 300, 0);
  Allocator::allocate(&allocator, b, 16, 0);
  Allocator::allocate(&allocator, c, 100, 0);
  EXPECT_EQ(allocator.used(), 0U);
}

TEST(Text, Printable) {
  EXPECT_EQ(printable("plain \t\n text ü€𝄞"), "plain \t\n text ü€𝄞");
  EXPECT_EQ(printable(std::string_view("\0\x1b\x7f", 3)), "\\x00\\x1b\\x7f");
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80\xf5\xe2\x82"), "\\xc0\\xaf\\xed\\xa0\\x80\\xf5\\xe2\\x82");
  EXPECT_EQ(printable("abcdef", 3), "abc... (6 bytes in all)");
  EXPECT_EQ(size_text(size_t{64} << 20), "64 MiB");
  EXPECT_EQ(size_text(1000), "1000 bytes");
}

}  // namespace
}  // namespace perilune::script
