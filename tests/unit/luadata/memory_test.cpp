// Views of memory that a host owns: cut off, shrunk, grown, repointed, copied on write, refused.
#include <cstring>
#include <memory>
#include <vector>

#include "support.h"

namespace perilune::luadata::test {
namespace {

// Exact-size heap blocks, so that the sanitizer sees a read one byte too far.
struct Block {
  explicit Block(const std::string& text) : size(text.size()), bytes(new uint8_t[text.size()]) {
    std::memcpy(bytes.get(), text.data(), text.size());
  }
  [[nodiscard]] std::string text() const { return {reinterpret_cast<const char*>(bytes.get()), size}; }
  size_t size;
  std::unique_ptr<uint8_t[]> bytes;
};

class HostMemory : public testing::Test {
 protected:
  void show(Block& block) { memory_.show(block.bytes.get(), block.size); }
  void push(const char* name, size_t offset, size_t length) {
    push_view(state_.lua(), memory_, offset, length);
    state_.set_global(name);
  }

  Memory memory_;  // outlives the state
  TestState state_;
};

TEST_F(HostMemory, ViewShowsItsPartOnly) {
  Block block("0123456789");
  show(block);
  push("d", 2, 3);
  EXPECT_EQ(state_.eval("tostring(d)"), "234");
  EXPECT_EQ(state_.eval("#d"), "3");
  EXPECT_EQ(state_.eval("d[3]"), "nil");
  EXPECT_EQ(state_.eval("d:segment(0, 100)"), "234");
  EXPECT_EQ(state_.run("d[0] = 0x78"), "");
  EXPECT_EQ(block.text(), "01x3456789");
}

TEST_F(HostMemory, ViewStartsWithoutLayout) {
  Block block("ab");
  show(block);
  push("d", 0, 2);
  EXPECT_EQ(state_.eval("d.x"), "nil");
  EXPECT_EQ(state_.eval("d:layout{x={0,8}}.x"), "97");
  push("e", 0, 2);
  EXPECT_EQ(state_.eval("e.x"), "nil");
}

TEST_F(HostMemory, OffsetsAndLengthsBeyondTheMemoryAreClipped) {
  Block block("abcd");
  show(block);
  push("past", 4, 1);
  push("far", 5, 1);
  push("huge", SIZE_MAX, SIZE_MAX);
  push("wide", 2, SIZE_MAX);
  EXPECT_EQ(state_.eval("#past .. #far .. #huge"), "000");
  EXPECT_EQ(state_.eval("tostring(wide)"), "cd");
  EXPECT_EQ(state_.run("for _, d in ipairs{past, far, huge} do d:layout{a={0,8}} d.a = 1 d[0] = 1 assert(d.a == nil) "
                       "assert(#d:segment() == 0) assert(#d:segment(0, 10) == 0) assert(d:segment(1) == nil) end"),
            "");
  EXPECT_EQ(block.text(), "abcd");
}

TEST_F(HostMemory, ReleaseCutsEveryViewOff) {
  ASSERT_EQ(state_.run("l = data.layout{n={0,8}, s={0,2,'s'}, ip={0,4,'ipv4'}, inner={1,{n={0,8}}}}"), "");
  {
    Block block("abcdef");
    show(block);
    push("d", 0, 6);
    ASSERT_EQ(state_.run("d:layout(l); seg = d:segment(1); seg:layout(l); inner = d.inner; assert(inner.n == 98)"), "");
    memory_.release();
  }
  EXPECT_EQ(state_.run("for _, v in ipairs{d, seg, inner} do"
                       "  assert(#v == 0 and tostring(v) == '')"
                       "  assert(v.n == nil and v.s == nil and v.ip == nil and v.inner == nil and v[0] == nil)"
                       "  v.n = 1; v.s = 'zz'; v.ip = '1.2.3.4'; v[0] = 1"
                       "  assert(#v:segment() == 0 and v:segment(1) == nil and v:segment().n == nil)"
                       "  assert(not pcall(v.getbyte, v, 0) and not pcall(v.setbyte, v, 0, 1))"
                       "  assert(not pcall(v.getstring, v, 0) and not pcall(v.setstring, v, 0, ''))"
                       "  assert(v .. 'x' == 'x' and data.new(v) == nil)"
                       "end"),
            "");
  EXPECT_NE(state_.eval("d:getbyte(0)").find("this data is no longer there"), std::string::npos);
  EXPECT_EQ(
      state_.run("data.strict = true; local ok, message = pcall(function() d.n = 1 end); "
                 "assert(not ok and message:find(\"cannot write field 'n': this data is no longer there\"), message); "
                 "assert(d.n == nil)"),
      "");
}

TEST_F(HostMemory, AnOldViewNeverSeesTheNextBuffer) {
  Block first("first");
  Block second("second");
  show(first);
  push("old", 0, 5);
  ASSERT_EQ(state_.run("old:layout{c={0,8}}; seg = old:segment(1)"), "");
  memory_.release();
  show(second);
  push("new", 0, 6);
  EXPECT_EQ(state_.eval("tostring(new)"), "second");
  EXPECT_EQ(state_.run("assert(#old == 0 and #seg == 0 and old.c == nil); old.c = 0; old[0] = 0; seg[0] = 0; "
                       "late = old:segment(); assert(#late == 0); late[0] = 0"),
            "");
  EXPECT_EQ(second.text(), "second");
  EXPECT_EQ(first.text(), "first");
}

TEST_F(HostMemory, MemoryMayShrinkAndGrowUnderItsViews) {
  Block block("0123456789");
  show(block);
  push("d", 2, 6);
  ASSERT_EQ(state_.run("d:layout{first={0,8}, last={40,8}, s={0,6,'s'}, mid={3,{n={0,8}}}}"), "");
  EXPECT_EQ(state_.eval("tostring(d) .. d.last"), "23456755");
  memory_.size = 5;
  EXPECT_EQ(state_.eval("tostring(d)"), "234");
  EXPECT_EQ(state_.run(
                "assert(d.first == 0x32 and d.last == nil and d.s == nil and #d.mid == 0 and d[3] == nil); d.last = 0; "
                "d[3] = 0"),
            "");
  memory_.size = 1;
  EXPECT_EQ(state_.run("assert(#d == 0 and d.first == nil and d.mid == nil and d:segment(1) == nil)"), "");
  memory_.size = 10;
  EXPECT_EQ(state_.eval("tostring(d)"), "234567");
  EXPECT_EQ(block.text(), "0123456789");
  Block larger("abcdefghijklmnop");
  memory_.show(larger.bytes.get(), larger.size);  // the same event, its bytes moved
  EXPECT_EQ(state_.eval("tostring(d)"), "cdefgh");
}

// Copies the bytes to a block of its own before the first write.
struct CopyOnWrite {
  std::vector<uint8_t> copy;
  int asked = 0;
  static bool before_write(Memory& memory, void* context) {
    auto& self = *static_cast<CopyOnWrite*>(context);
    ++self.asked;
    if (self.copy.empty()) {
      self.copy.assign(memory.bytes, memory.bytes + memory.size);
      memory.bytes = self.copy.data();
    }
    return true;
  }
  [[nodiscard]] std::string text() const { return {copy.begin(), copy.end()}; }
};

TEST_F(HostMemory, CopyOnWriteIsAskedOnceBeforeEachWrite) {
  Block block("0123456789");
  CopyOnWrite owner;
  show(block);
  memory_.before_write = CopyOnWrite::before_write;
  memory_.context = &owner;
  push("d", 0, 10);
  ASSERT_EQ(state_.run("d:layout{n={0,8}, s={2,3,'s'}, bits={44,8}, ip={6,4,'ipv4'}, out={80,8}}; seg = d:segment(1)"),
            "");
  EXPECT_EQ(state_.eval("d.n .. tostring(seg)"), "48123456789");
  EXPECT_EQ(owner.asked, 0);
  // Writes that change nothing are not announced: outside, unknown, empty, or of a wrong value.
  ASSERT_EQ(
      state_.run("d.out = 1; d.unknown = 1; d[10] = 1; d.s = ''; d:setstring(0, ''); pcall(function() d.n = 'x' end); "
                 "pcall(function() d.ip = 'x' end); pcall(d.setbyte, d, 10, 1); pcall(d.setbyte, d, 0, 'x')"),
      "");
  EXPECT_EQ(owner.asked, 0);
  ASSERT_EQ(state_.run("d.n = 0x61"), "");
  EXPECT_EQ(owner.asked, 1);
  ASSERT_EQ(state_.run("d.s = 'xyz'"), "");
  ASSERT_EQ(state_.run("seg[0] = 0x62"), "");
  ASSERT_EQ(state_.run("d:setbyte(9, 0x7a)"), "");
  ASSERT_EQ(state_.run("d:setstring(8, 'y')"), "");
  EXPECT_EQ(owner.asked, 5);
  EXPECT_EQ(owner.text(), "abxyz567yz");
  EXPECT_EQ(block.text(), "0123456789") << "the original must not be written";
  EXPECT_EQ(state_.eval("tostring(d) .. tostring(seg)"), "abxyz567yzbxyz567yz");
}

TEST_F(HostMemory, CopyOnWriteMovesTheSourceOfACopyToo) {
  Block block("0123456789");
  CopyOnWrite owner;
  show(block);
  memory_.before_write = CopyOnWrite::before_write;
  memory_.context = &owner;
  push("d", 0, 10);
  ASSERT_EQ(state_.run("d:layout{s={0,4,'s'}}; d.s = d:segment(6)"), "");
  EXPECT_EQ(owner.text(), "6789456789");
  EXPECT_EQ(block.text(), "0123456789");
}

bool shrink_before_write(Memory& memory, void*) {
  memory.size = 1;
  return true;
}

TEST_F(HostMemory, AnOwnerThatShrinksTheMemoryWhenAskedIsSurvived) {
  Block block("0123456789");
  show(block);
  memory_.before_write = shrink_before_write;
  push("d", 0, 10);
  ASSERT_EQ(state_.run("d:layout{n={40,32}, s={4,4,'s'}}; d.n = 1"), "");
  memory_.size = 10;
  ASSERT_EQ(state_.run("d.s = d:segment(2)"), "");
  memory_.size = 10;
  ASSERT_EQ(state_.run("d[5] = 1"), "");
  EXPECT_EQ(block.text(), "0123456789");
}

bool refuse_write(Memory&, void*) {
  return false;
}

TEST_F(HostMemory, ARefusedWriteIsSilentUnlessStrict) {
  Block block("0123456789");
  show(block);
  memory_.before_write = refuse_write;
  memory_.refusal = "this packet is only looked at";
  push("d", 0, 10);
  const std::string writes[] = {"d.n = 1",           "d.s = 'x'",           "d.ip = '1.2.3.4'", "d[0] = 1",
                                "d:setuint16(0, 1)", "d:setstring(0, 'x')", "d.bits = 1",       "d:segment(3)[0] = 1"};
  ASSERT_EQ(state_.run("d:layout{n={0,8}, s={2,3,'s'}, ip={0,4,'ipv4'}, bits={3,7}}"), "");
  for (const std::string& write : writes)
    EXPECT_EQ(state_.run(write), "") << write;
  ASSERT_EQ(state_.run("data.strict = true"), "");
  for (const std::string& write : writes) {
    EXPECT_NE(state_.run(write).find("this packet is only looked at"), std::string::npos) << write;
  }
  EXPECT_EQ(block.text(), "0123456789");
}

TEST_F(HostMemory, ViewBytes) {
  Block block("0123456789");
  show(block);
  lua_State* L = state_.lua();
  push_view(L, memory_, 4, 3);
  size_t size = 99;
  EXPECT_EQ(view_bytes(L, -1, size), block.bytes.get() + 4);
  EXPECT_EQ(size, 3U);
  memory_.size = 5;
  EXPECT_EQ(view_bytes(L, -1, size), block.bytes.get() + 4);
  EXPECT_EQ(size, 1U);
  memory_.release();
  EXPECT_EQ(view_bytes(L, -1, size), nullptr);
  EXPECT_EQ(size, 0U);
  lua_pushliteral(L, "a string");
  EXPECT_EQ(view_bytes(L, -1, size), nullptr);
  lua_pushlightuserdata(L, &memory_);
  EXPECT_EQ(view_bytes(L, -1, size), nullptr);
  EXPECT_EQ(view_bytes(L, 100, size), nullptr);
  lua_newuserdatauv(L, 4096, 0);
  EXPECT_EQ(view_bytes(L, -1, size), nullptr);
  lua_settop(L, 0);
}

TEST_F(HostMemory, PushingNeedsNoStackPreparedByTheCaller) {
  Block block("x");
  show(block);
  for (int i = 0; i < 2000; ++i)
    push_view(state_.lua(), memory_, 0, 1);
  EXPECT_EQ(lua_gettop(state_.lua()), 2000);
  lua_settop(state_.lua(), 0);
}

TEST_F(HostMemory, TwoMemoriesAreIndependent) {
  Block a("aaaa");
  Block b("bbbb");
  Memory other;
  show(a);
  other.show(b.bytes.get(), b.size);
  push("x", 0, 4);
  push_view(state_.lua(), other, 0, 4);
  state_.set_global("y");
  memory_.release();
  EXPECT_EQ(state_.eval("tostring(x) .. tostring(y)"), "bbbb");
  ASSERT_EQ(state_.run("y = nil; collectgarbage()"), "");
}

}  // namespace
}  // namespace perilune::luadata::test
