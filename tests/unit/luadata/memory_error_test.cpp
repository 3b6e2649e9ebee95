// Every allocation of a script may be the one that fails: an error, never a crash or a leak, and the state goes on.
#include "support.h"

namespace perilune::luadata::test {
namespace {

constexpr const char* kScript = R"(
  local d = data.new {1, 2, 3, 4}
  local e = data.new(100)
  local f = data.new 'text of an object'
  local inner = {n = {0, 8}, deeper = {1, {m = {0, 4}}}}
  inner.again = {0, inner}
  local l = data.layout {a = {0, 8}, b = {3, 7, 'little'}, s = {1, 2, 'string'}, ip = {0, 4, 'ipv4'}, body = {1, inner}}
  d:layout(l)
  e:layout {x = {0, 64}, mac = {8, 6, 'mac'}, s = {0, 50, 's'}}
  for i = 1, 20 do
    local seg = d:segment(1, 2)
    seg:layout(l)
    d.a = i
    d.s = 'zz'
    d.ip = '10.0.0.' .. i
    e.s = f
    assert(d.a == 10 and d.s == '\0\0' and d.body.deeper.m == 0 and e.mac and seg.a == 0)
    local t = tostring(d) .. tostring(seg) .. d
    l['new' .. i] = {0, 8}
    assert(d['new' .. i] == 10)
  end
  pcall(data.layout, {bad = 'junk'})
  pcall(d.getuint64, d, 0)
  f:setstring(0, 'other')
  local copy = data.new(f)
  assert(copy:getstring(0, 5) == 'other')
)";

TEST(MemoryError, AnyAllocationOfAScriptMayFail) {
  uint64_t needed = 0;
  {
    TestState state;
    const uint64_t before = state.allocator().allocations;
    ASSERT_EQ(state.run(kScript), "");
    needed = state.allocator().allocations - before;
  }
  ASSERT_GT(needed, 200U);
  for (const bool for_good : {false, true}) {
    for (uint64_t i = 0; i < needed; ++i) {
      TestState state;
      state.allocator().fail_for_good = for_good;
      state.allocator().fail_at = state.allocator().allocations + i;
      const std::string error = state.run(kScript);
      EXPECT_TRUE(error.empty() || error == "not enough memory") << error;
      state.allocator().fail_at = std::numeric_limits<uint64_t>::max();
      ASSERT_EQ(state.run("collectgarbage(); local d = data.new {9}; assert(d:layout {a = {0, 8}}.a == 9)"), "");
    }
  }
}

int open_both(lua_State* L) {
  luaopen_data(L);
  luaopen_net(L);
  return 0;
}

TEST(MemoryError, OpeningMayFailAtAnyPointAndBeTriedAgain) {
  for (uint64_t i = 0;; ++i) {
    Allocator allocator;
    lua_State* L = lua_newstate(Allocator::allocate, &allocator);
    ASSERT_NE(L, nullptr);
    allocator.fail_at = allocator.allocations + i;
    lua_pushcfunction(L, open_both);
    const int status = lua_pcall(L, 0, 0, 0);
    const bool failed = allocator.allocations > allocator.fail_at;
    allocator.fail_at = std::numeric_limits<uint64_t>::max();
    if (status != LUA_OK) {
      EXPECT_EQ(status, LUA_ERRMEM);
      lua_settop(L, 0);
      lua_pushcfunction(L, open_both);
      EXPECT_EQ(lua_pcall(L, 0, 0, 0), LUA_OK);
    }
    lua_gc(L, LUA_GCCOLLECT);
    luaopen_data(L);
    lua_setglobal(L, "data");
    EXPECT_EQ(luaL_dostring(L, "local d = data.new{1}; d:layout{a={0,8}}; if d.a ~= 1 then d() end"), LUA_OK);
    lua_close(L);
    ASSERT_EQ(allocator.in_use, 0U);
    if (!failed) {
      EXPECT_GT(i, 100U);
      break;
    }
  }
}

struct NewrefCall {
  uint8_t bytes[4];
  int reference;
};

int call_newref(lua_State* L) {
  auto* call = static_cast<NewrefCall*>(lua_touserdata(L, 1));
  call->reference = ldata_newref(L, call->bytes, sizeof call->bytes);
  return 0;
}

TEST(MemoryError, NewrefMayFailAtAnyPoint) {
  for (uint64_t i = 0;; ++i) {
    TestState state;
    lua_State* L = state.lua();
    NewrefCall call{{1, 2, 3, 4}, LUA_NOREF};
    lua_pushcfunction(L, call_newref);
    lua_pushlightuserdata(L, &call);
    state.allocator().fail_at = state.allocator().allocations + i;
    const int status = lua_pcall(L, 1, 0, 0);
    const bool failed = state.allocator().allocations > state.allocator().fail_at;
    state.allocator().fail_at = std::numeric_limits<uint64_t>::max();
    lua_settop(L, 0);
    ldata_unref(L, call.reference);
    if (!failed) {
      EXPECT_EQ(status, LUA_OK);
      break;
    }
    ASSERT_LT(i, 50U);
  }
}

TEST(MemoryError, HugeObjectsAreRefused) {
  TestState state;
  state.allocator().limit = size_t{16} << 20;
  for (const char* size : {"1 << 25", "1 << 31", "1 << 32", "1 << 40", "1 << 62", "math.maxinteger",
                           "math.maxinteger - 64", "math.maxinteger // 2"}) {
    const std::string error = state.run(std::string("return data.new(") + size + ")");
    EXPECT_TRUE(error.find("not enough memory") != std::string::npos || error.find("too big") != std::string::npos)
        << size << ": " << error;
  }
  // A table that claims to be huge: borders are looked for at powers of two.
  const std::string error = state.run("local t = {}; for i = 0, 62 do t[1 << i] = 1 end; return data.new(t)");
  EXPECT_TRUE(error.empty() || error.find("memory") != std::string::npos ||
              error.find("too big") != std::string::npos || error.find("element") != std::string::npos)
      << error;
  EXPECT_EQ(state.eval("#data.new(1 << 20)"), "1048576");
}

TEST(MemoryError, AMemoryBombEndsAsAnError) {
  TestState state;
  state.allocator().limit = size_t{8} << 20;
  EXPECT_NE(state.run("local t = {}; while true do t[#t + 1] = data.new(1000) end").find("not enough memory"),
            std::string::npos);
  EXPECT_NE(state.run("local d = data.new(1 << 20); local t = {}; while true do t[#t + 1] = d:segment() end")
                .find("not enough memory"),
            std::string::npos);
  EXPECT_EQ(state.run("for i = 1, 100000 do data.new(1000):segment(1):layout{a={0,8}} end"), "");
}

}  // namespace
}  // namespace perilune::luadata::test
