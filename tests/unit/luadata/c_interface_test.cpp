// ldata_newref, ldata_unref, ldata_topointer.
#include <cstring>
#include <memory>

#include "support.h"

namespace perilune::luadata::test {
namespace {

TEST(CInterface, NewrefPushesAnObjectOverTheCallersMemory) {
  TestState state;
  lua_State* L = state.lua();
  uint8_t bytes[4] = {1, 2, 3, 4};
  const int reference = ldata_newref(L, bytes, sizeof bytes);
  ASSERT_EQ(lua_gettop(L), 1);
  lua_pushvalue(L, 1);
  state.set_global("d");
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  EXPECT_TRUE(lua_rawequal(L, 1, 2)) << "the reference is the object's";
  lua_settop(L, 0);
  EXPECT_EQ(state.eval("d:layout{n={8,16}}.n"), "515");
  ASSERT_EQ(state.run("d.n = 0xaabb"), "");
  EXPECT_EQ(bytes[1], 0xaa);
  EXPECT_EQ(bytes[2], 0xbb);
  ldata_unref(L, reference);
}

TEST(CInterface, UnrefCutsOffTheObjectAndItsSegments) {
  TestState state;
  lua_State* L = state.lua();
  auto bytes = std::make_unique<uint8_t[]>(8);
  std::memcpy(bytes.get(), "abcdefgh", 8);
  const int reference = ldata_newref(L, bytes.get(), 8);
  state.set_global("d");
  ASSERT_EQ(state.run("d:layout{n={0,16}, s={0,4,'s'}, inner={2,{n={0,8}}}}; seg = d:segment(1, 3):segment(1); "
                      "seg:layout{n={0,8}}; inner = d.inner; assert(d.s == 'abcd' and seg.n == 99 and inner.n == 99)"),
            "");
  ldata_unref(L, reference);
  bytes.reset();
  EXPECT_EQ(state.run("assert(d.n == nil and d.s == nil and d.inner == nil and seg.n == nil and inner.n == nil); "
                      "assert(tostring(d) == '' and #seg == 0 and d[0] == nil); "
                      "d.n = 1; d.s = 'x'; seg.n = 1; inner.n = 1; d[0] = 1; assert(#d:segment() == 0)"),
            "");
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  size_t size = 1;
  EXPECT_EQ(ldata_topointer(L, -1, &size), nullptr) << "the reference is freed";
  lua_settop(L, 0);
}

TEST(CInterface, TheObjectOutlivesItsGlobalThroughTheReference) {
  TestState state;
  lua_State* L = state.lua();
  uint8_t bytes[2] = {7, 8};
  const int reference = ldata_newref(L, bytes, sizeof bytes);
  lua_settop(L, 0);
  ASSERT_EQ(state.run("collectgarbage(); collectgarbage()"), "");
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  size_t size = 0;
  EXPECT_EQ(ldata_topointer(L, -1, &size), bytes);
  EXPECT_EQ(size, 2U);
  lua_settop(L, 0);
  ldata_unref(L, reference);
}

TEST(CInterface, SegmentsAreSafeWhenTheObjectWasCollectedFirst) {
  TestState state;
  lua_State* L = state.lua();
  uint8_t bytes[4] = {1, 2, 3, 4};
  const int reference = ldata_newref(L, bytes, sizeof bytes);
  state.set_global("d");
  ASSERT_EQ(state.run("seg = d:segment(2); d = nil"), "");
  ldata_unref(L, reference);
  ASSERT_EQ(state.run("collectgarbage(); collectgarbage(); assert(seg[0] == nil and #seg == 0)"), "");
}

TEST(CInterface, UnrefOfSomethingElseDoesNothing) {
  TestState state;
  lua_State* L = state.lua();
  ldata_unref(L, LUA_NOREF);
  ldata_unref(L, LUA_REFNIL);
  ldata_unref(L, 0);
  ldata_unref(L, 1234567);
  lua_pushliteral(L, "kept");
  const int other = luaL_ref(L, LUA_REGISTRYINDEX);
  ldata_unref(L, other);
  lua_rawgeti(L, LUA_REGISTRYINDEX, other);
  EXPECT_STREQ(lua_tostring(L, -1), "kept");
  ldata_unref(L, LUA_RIDX_MAINTHREAD);
  ldata_unref(L, LUA_RIDX_GLOBALS);
  lua_settop(L, 0);
  EXPECT_EQ(state.eval("type(data.new)"), "function");
}

TEST(CInterface, ReferencesAreUsedAgain) {
  TestState state;
  lua_State* L = state.lua();
  uint8_t bytes[1] = {1};
  const int first = ldata_newref(L, bytes, 1);
  lua_settop(L, 0);
  ldata_unref(L, first);
  for (int i = 0; i < 10000; ++i) {
    const int reference = ldata_newref(L, bytes, 1);
    ASSERT_EQ(reference, first);
    lua_settop(L, 0);
    ldata_unref(L, reference);
  }
}

TEST(CInterface, NullAndEmptyMemory) {
  TestState state;
  lua_State* L = state.lua();
  const int null_reference = ldata_newref(L, nullptr, 100);
  state.set_global("n");
  uint8_t byte = 5;
  const int empty_reference = ldata_newref(L, &byte, 0);
  state.set_global("e");
  EXPECT_EQ(state.run("for _, d in ipairs{n, e} do assert(#d == 0 and d[0] == nil and tostring(d) == ''); d[0] = 1; "
                      "d:layout{a={0,8}}; d.a = 1; assert(d.a == nil and #d:segment(0, 5) == 0) end"),
            "");
  EXPECT_EQ(byte, 5);
  ldata_unref(L, null_reference);
  ldata_unref(L, empty_reference);
}

TEST(CInterface, Topointer) {
  TestState state;
  lua_State* L = state.lua();
  ASSERT_EQ(luaL_dostring(L, "d = data.new 'abcd'; return d, d:segment(1, 2), 'abcd', nil, io.stdout"), LUA_OK);
  size_t size = 0;
  const auto* whole = static_cast<const uint8_t*>(ldata_topointer(L, 1, &size));
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(size, 4U);
  EXPECT_EQ(std::memcmp(whole, "abcd", 4), 0);
  EXPECT_EQ(ldata_topointer(L, 2, &size), whole + 1);
  EXPECT_EQ(size, 2U);
  EXPECT_EQ(ldata_topointer(L, -5, nullptr), whole);
  for (int index = 3; index <= 6; ++index) {
    size = 1;
    EXPECT_EQ(ldata_topointer(L, index, &size), nullptr);
    EXPECT_EQ(size, 0U);
  }
  EXPECT_EQ(ldata_topointer(L, 3, nullptr), nullptr);
  lua_settop(L, 0);
}

TEST(CInterface, NewrefOpensDataWhenThatWasNotDone) {
  lua_State* L = luaL_newstate();
  luaL_openlibs(L);
  uint8_t bytes[2] = {0x61, 0x62};
  const int reference = ldata_newref(L, bytes, 2);
  lua_setglobal(L, "d");
  EXPECT_EQ(luaL_dostring(L, "assert(tostring(d) == 'ab' and d:segment(1)[0] == 0x62)"), LUA_OK) << lua_tostring(L, -1);
  ldata_unref(L, reference);
  lua_close(L);
}

TEST(CInterface, OpeningTwiceGivesTheSameModule) {
  TestState state;
  lua_State* L = state.lua();
  luaopen_data(L);
  lua_getglobal(L, "data");
  EXPECT_TRUE(lua_rawequal(L, -1, -2));
  lua_settop(L, 0);
  ASSERT_EQ(state.run("d = data.new 'x'; package.loaded.data = nil"), "");
  luaL_requiref(L, "data", luaopen_data, 1);
  lua_settop(L, 0);
  EXPECT_EQ(state.eval("d:layout{a={0,8}}.a"), "120");
}

TEST(CInterface, StatesShareNothing) {
  TestState a;
  TestState b;
  ASSERT_EQ(a.run("data.strict = true; net.tcp.sport = nil; net.protocol.tcp = 7; data.new = nil"), "");
  EXPECT_EQ(b.run("assert(not data.strict and net.tcp.sport and net.protocol.tcp == 6 and data.new(1).x == nil)"), "");
}

}  // namespace
}  // namespace perilune::luadata::test
