// Random operations on data objects through the Lua API, driven by the input's bytes: objects of all three kinds of
// memory, segments, layouts good and bad, reads, writes, accessors, memory released, shrunk, repointed, copied on
// write, refused, and allocations that fail.
//
// Every buffer is a heap block of exactly its size, and is freed the moment its memory is released, so that the
// sanitizer sees any access one byte too far or one event too late. Beside that, what was written is read back, and
// views of released memory must be empty.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include <lauxlib.h>
#include <lua.h>

#include "luadata/luadata.h"
#include "luadata/memory.h"

namespace {

using perilune::luadata::Memory;
using perilune::luadata::push_view;
using perilune::luadata::view_bytes;

void require(bool condition) {
  if (!condition) std::abort();
}

// The input, read from the front; zeros when it is used up.
class Input {
 public:
  Input(const uint8_t* bytes, size_t size) : at_(bytes), end_(bytes + size) {}
  [[nodiscard]] bool empty() const { return at_ == end_; }
  uint8_t byte() { return at_ == end_ ? 0 : *at_++; }
  uint8_t below(uint8_t bound) { return static_cast<uint8_t>(byte() % bound); }
  uint64_t word() {
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i)
      value = value << 8 | byte();
    return value;
  }
  // Mostly small, sometimes at the edges of what an integer can be.
  lua_Integer integer() {
    const uint8_t kind = byte();
    if (kind < 160) return kind;
    if (kind < 200) return static_cast<lua_Integer>(kind) * 8 - 1600;
    if (kind < 210) return static_cast<lua_Integer>(uint64_t{1} << below(64));
    if (kind < 220) return std::numeric_limits<lua_Integer>::max() - below(70);
    if (kind < 230) return -static_cast<lua_Integer>(byte());
    return static_cast<lua_Integer>(word());
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

struct Buffer {
  explicit Buffer(size_t count) : size(count), bytes(std::make_unique<uint8_t[]>(count)) {}
  size_t size;
  std::unique_ptr<uint8_t[]> bytes;
};

enum class Owner : uint8_t { kWritable, kCopies, kRefuses, kShrinks };

// Memory as a hook would show it, and what its owner does when asked for a write.
struct Host {
  Memory memory;
  std::unique_ptr<Buffer> buffer;
  Owner owner = Owner::kWritable;

  static bool before_write(Memory& memory, void* context) {
    auto& host = *static_cast<Host*>(context);
    switch (host.owner) {
      case Owner::kWritable:
        return true;
      case Owner::kRefuses:
        return false;
      case Owner::kShrinks:
        memory.size /= 2;
        return true;
      case Owner::kCopies: {
        auto copy = std::make_unique<Buffer>(host.buffer->size);
        std::memcpy(copy->bytes.get(), host.buffer->bytes.get(), copy->size);
        host.buffer = std::move(copy);  // the old block is gone: a stale pointer would be seen
        memory.bytes = host.buffer->bytes.get();
        return true;
      }
    }
    return true;
  }
  void show(size_t size) {
    memory.release();
    buffer = std::make_unique<Buffer>(size);
    for (size_t i = 0; i < size; ++i)
      buffer->bytes[i] = static_cast<uint8_t>(i * 37 + 11);
    memory.show(buffer->bytes.get(), size);
    memory.before_write = before_write;
    memory.context = this;
  }
  void release() {
    memory.release();
    buffer.reset();
  }
};

struct Reference {
  int reference = LUA_NOREF;
  std::unique_ptr<Buffer> buffer;
};

struct Allocator {
  size_t in_use = 0;
  uint64_t left = std::numeric_limits<uint64_t>::max();  // allocations until one fails

  static void* allocate(void* context, void* block, size_t old_size, size_t new_size) {
    constexpr size_t kLimit = size_t{4} << 20;
    auto& self = *static_cast<Allocator*>(context);
    if (block == nullptr) old_size = 0;
    if (new_size == 0) {
      self.in_use -= old_size;
      std::free(block);
      return nullptr;
    }
    if (new_size > old_size && (new_size > kLimit || self.in_use + new_size > kLimit || self.left-- == 0))
      return nullptr;
    void* moved = std::realloc(block, new_size);
    if (moved != nullptr) self.in_use += new_size - old_size;
    return moved;
  }
};

constexpr int kSlots = 8;
constexpr int kObjects = 1;  // stack indices of two tables
constexpr int kLayouts = 2;

constexpr const char* kNames[] = {"a", "b", "c", "d", "layout", "segment", "getbyte", "1", "unknown"};
constexpr const char* kTypes[] = {"number", "signed", "string", "ipv4", "ipv6", "mac",
                                  "little", "host",   "junk",   "s",    ""};
constexpr const char* kAddressTypes[] = {"ipv4", "ipv6", "mac"};
constexpr const char* kAddresses[] = {"192.0.2.1",         "2001:db8::1",       "02:00:5e:00:53:01",
                                      "AB-cd-ef-01-02-0g", "255.255.255.255.1", "::ffff:1.2.3.4"};
constexpr const char* kEndians[] = {"big", "little", "net", "host", "x"};
constexpr const char* kMethods[] = {"getbyte",   "setbyte",   "getint8",   "setint8",   "getint16",  "setint16",
                                    "getuint16", "setuint16", "getint32",  "setint32",  "getuint32", "setuint32",
                                    "getint64",  "setint64",  "getuint64", "setuint64", "getnumber", "setnumber",
                                    "getstring", "setstring", "segment",   "layout"};

class Session {
 public:
  Session(lua_State* L, Input& input, Allocator& allocator) : L_(L), input_(input), allocator_(allocator) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // One operation; runs inside a protected call.
  static int step(lua_State* L) {
    auto& self = *static_cast<Session*>(lua_touserdata(L, 3));
    self.L_ = L;
    lua_settop(L, 2);
    self.operate();
    return 0;
  }

  // After each operation, outside of the protected call.
  void check() {
    allocator_.left = std::numeric_limits<uint64_t>::max();
    if (host_.buffer != nullptr && host_.memory.bytes != nullptr) require(host_.memory.size <= host_.buffer->size);
  }

 private:
  void operate() {
    switch (input_.below(19)) {
      case 0:
        return new_object();
      case 1:
        host_.show(input_.below(40));
        return;
      case 2:
        return push_host_view();
      case 3:
        host_.release();
        return check_cut_off();
      case 4:
        if (host_.buffer != nullptr) host_.memory.size = input_.byte() % (host_.buffer->size + 1);
        return;
      case 5:
        host_.owner = static_cast<Owner>(input_.below(4));
        return;
      case 6:
        return make_layout();
      case 7:
        return apply_layout();
      case 8:
        return read();
      case 9:
      case 10:
        return write();
      case 11:
      case 12:
        return call_method();
      case 13:
        return look();
      case 14:
        return change_layout();
      case 15:
        return make_reference();
      case 16:
        return drop_reference();
      case 17:
        return set_strict();
      default:
        if (input_.byte() < 128)
          lua_gc(L_, LUA_GCCOLLECT);
        else
          allocator_.left = input_.below(12);
    }
  }

  void get(int table) { lua_rawgeti(L_, table, input_.below(kSlots) + 1); }
  // Keeps the value at the top of the stack.
  void keep(int table) { lua_rawseti(L_, table, input_.below(kSlots) + 1); }
  void push_data_function(const char* name) {
    luaopen_data(L_);
    lua_getfield(L_, -1, name);
  }

  void push_value() {
    switch (input_.below(10)) {
      case 0:
        lua_pushnil(L_);
        break;
      case 1:
        lua_pushboolean(L_, 1);
        break;
      case 2:
        lua_pushnumber(L_, static_cast<lua_Number>(input_.integer()) / 4);
        break;
      case 3:
      case 4:
        lua_pushstring(L_, kAddresses[input_.byte() % std::size(kAddresses)]);
        break;
      case 5:
        get(kObjects);
        break;
      case 6: {
        char text[64];
        const size_t length = input_.below(sizeof text);
        for (size_t i = 0; i < length; ++i)
          text[i] = static_cast<char>(input_.byte());
        lua_pushlstring(L_, text, length);
        break;
      }
      default:
        lua_pushinteger(L_, input_.integer());
    }
  }
  void push_key() {
    const uint8_t kind = input_.byte();
    if (kind < 200)
      lua_pushstring(L_, kNames[kind % std::size(kNames)]);
    else if (kind < 230)
      lua_pushinteger(L_, input_.integer());
    else
      push_value();
  }

  void new_object() {
    push_data_function("new");
    switch (input_.below(4)) {
      case 0: {
        lua_newtable(L_);
        const int count = input_.below(20);
        for (int i = 1; i <= count; ++i) {
          if (input_.byte() == 7)
            push_value();
          else
            lua_pushinteger(L_, input_.byte());
          lua_rawseti(L_, -2, i);
        }
        break;
      }
      case 1:
        lua_pushinteger(L_, input_.byte() == 0 ? input_.integer() : input_.below(40));
        break;
      case 2:
        lua_pushstring(L_, "the bytes of a string");
        break;
      default:
        push_value();
    }
    lua_call(L_, 1, 1);
    keep(kObjects);
  }

  void push_host_view() {
    const auto offset = static_cast<size_t>(input_.integer());
    push_view(L_, host_.memory, offset, static_cast<size_t>(input_.integer()));
    lua_pushvalue(L_, -1);
    keep(kObjects);
    size_t size = 0;
    const uint8_t* bytes = view_bytes(L_, -1, size);
    require(bytes != nullptr || size == 0);
    require(size <= host_.memory.size);
    if (bytes != nullptr)
      require(bytes >= host_.memory.bytes && bytes + size <= host_.memory.bytes + host_.memory.size);
  }

  // No object that was not made by the script may show anything after a release.
  void check_cut_off() {
    for (int i = 1; i <= kSlots; ++i) {
      lua_rawgeti(L_, kObjects, i);
      size_t size = 0;
      const auto* bytes = static_cast<const uint8_t*>(ldata_topointer(L_, -1, &size));
      require(bytes != nullptr || size == 0);
      uint64_t sum = 0;
      for (size_t k = 0; k < size; ++k)
        sum += bytes[k];
      require(sum <= size * 255);
      lua_pop(L_, 1);
    }
  }

  void push_description() {
    const uint8_t kind = input_.byte();
    if (kind < 8) return push_value();
    lua_newtable(L_);
    const bool named = kind % 2 == 0;
    const auto put = [&](int position, const char* name) {
      if (named)
        lua_setfield(L_, -2, name);
      else
        lua_rawseti(L_, -2, position);
    };
    if (kind < 16) {
      push_value();
      put(1, "offset");
      push_value();
      put(2, "length");
      push_value();
      put(3, "type");
      return;
    }
    lua_pushinteger(L_, input_.integer());
    put(1, "offset");
    if (kind < 60) {
      get(kLayouts);
      put(2, "layout");
      return;
    }
    if (kind > 215) {
      // An address, of a length that fits: in bytes, in bits, or left out.
      constexpr lua_Integer kSizes[] = {4, 16, 6};
      const uint8_t which = input_.below(3);
      const uint8_t unit = input_.below(3);
      if (unit != 2) {
        lua_pushinteger(L_, kSizes[which] * (unit == 0 ? 1 : 8));
        put(2, "length");
      }
      lua_pushstring(L_, kAddressTypes[which]);
      return put(3, "type");
    }
    lua_pushinteger(L_, input_.integer());
    put(2, "length");
    if (kind > 100) {
      lua_pushstring(L_, kTypes[input_.byte() % std::size(kTypes)]);
      put(3, "type");
    }
    if (kind > 180) {
      lua_pushstring(L_, kEndians[input_.byte() % std::size(kEndians)]);
      put(4, "endian");
    }
  }

  void make_layout() {
    lua_newtable(L_);
    const int count = input_.below(6);
    for (int i = 0; i < count; ++i) {
      push_key();
      push_description();
      if (lua_isnil(L_, -2) || (lua_isnumber(L_, -2) && lua_tonumber(L_, -2) != lua_tonumber(L_, -2)))
        lua_pop(L_, 2);
      else
        lua_rawset(L_, -3);
    }
    lua_pushvalue(L_, -1);
    keep(kLayouts);
    if (input_.byte() < 100) return;  // left for d:layout to compile
    push_data_function("layout");
    lua_pushvalue(L_, -3);
    lua_call(L_, 1, 1);
  }

  void apply_layout() {
    get(kObjects);
    if (lua_isnil(L_, -1)) return;
    lua_getfield(L_, -1, "layout");
    lua_insert(L_, -2);
    get(kLayouts);
    lua_call(L_, 2, 1);
  }

  void read() {
    get(kObjects);
    if (lua_isnil(L_, -1)) return;
    push_key();
    lua_gettable(L_, -2);
    if (lua_isuserdata(L_, -1)) keep(kObjects);  // a layout inside a layout
  }

  // Writes, and when the value can be read back as it was, writes what was read: the bytes must not change.
  void write() {
    get(kObjects);
    if (lua_isnil(L_, -1)) return;
    const int object = lua_gettop(L_);
    push_key();
    const int key = lua_gettop(L_);
    lua_pushvalue(L_, key);
    push_value();
    lua_settable(L_, object);
    lua_pushvalue(L_, key);
    lua_gettable(L_, object);
    if (lua_isuserdata(L_, -1) || lua_isfunction(L_, -1) || lua_isnil(L_, -1)) return;
    if (host_.owner == Owner::kShrinks) return;
    size_t size = 0;
    const uint8_t* bytes = view_bytes(L_, object, size);
    written_.assign(bytes, bytes + size);
    lua_pushvalue(L_, key);
    lua_pushvalue(L_, -2);
    lua_settable(L_, object);
    bytes = view_bytes(L_, object, size);
    require(size == written_.size() && (size == 0 || std::memcmp(bytes, written_.data(), size) == 0));
  }

  void call_method() {
    get(kObjects);
    if (lua_isnil(L_, -1)) return;
    lua_getfield(L_, -1, kMethods[input_.byte() % std::size(kMethods)]);
    if (!lua_isfunction(L_, -1)) return;
    if (input_.byte() < 4)
      push_value();  // a wrong receiver
    else
      lua_pushvalue(L_, -2);
    const int count = input_.below(4);
    for (int i = 0; i < count; ++i)
      push_value();
    lua_call(L_, count + 1, 1);
    if (lua_isuserdata(L_, -1)) keep(kObjects);
  }

  void look() {
    get(kObjects);
    if (lua_isnil(L_, -1)) return;
    size_t size = 0;
    view_bytes(L_, -1, size);
    require(static_cast<size_t>(luaL_len(L_, -1)) == size);
    size_t length = 0;
    luaL_tolstring(L_, -1, &length);
    require(length == size);
    lua_pop(L_, 1);
    get(kObjects);
    lua_concat(L_, 2);
  }

  void change_layout() {
    get(kLayouts);
    if (!lua_istable(L_, -1)) return;
    lua_pushstring(L_, kNames[input_.byte() % std::size(kNames)]);
    lua_rawget(L_, -2);
    luaL_tolstring(L_, -1, nullptr);
    lua_pop(L_, 2);
    push_key();
    if (lua_isnil(L_, -1) || (lua_isnumber(L_, -1) && lua_tonumber(L_, -1) != lua_tonumber(L_, -1))) return;
    const uint8_t kind = input_.byte();
    if (kind < 100) {
      push_description();
    } else {
      get(kLayouts);  // a field of another layout, or nothing
      if (lua_istable(L_, -1)) {
        lua_pushstring(L_, kNames[kind % std::size(kNames)]);
        lua_rawget(L_, -2);
        lua_remove(L_, -2);
      }
    }
    lua_rawset(L_, -3);
  }

  void make_reference() {
    drop_reference();
    reference_.buffer = std::make_unique<Buffer>(input_.below(40));
    reference_.reference = ldata_newref(L_, reference_.buffer->bytes.get(), reference_.buffer->size);
    keep(kObjects);
  }
  void drop_reference() {
    ldata_unref(L_, reference_.reference);
    reference_.reference = LUA_NOREF;
    reference_.buffer.reset();
    check_cut_off();
  }

  void set_strict() {
    luaopen_data(L_);
    lua_pushboolean(L_, input_.byte() & 1);
    lua_setfield(L_, -2, (input_.byte() & 1) != 0 ? "strict" : "strict_segments");
  }

  lua_State* L_;
  Input& input_;
  Allocator& allocator_;
  Host host_;
  Reference reference_;
  std::vector<uint8_t> written_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  constexpr int kMaxSteps = 400;
  Input input(bytes, size);
  Allocator allocator;
  lua_State* L = lua_newstate(Allocator::allocate, &allocator);
  require(L != nullptr);
  luaopen_data(L);
  lua_settop(L, 0);
  {
    Session session(L, input, allocator);
    lua_newtable(L);
    lua_newtable(L);
    for (int i = 0; i < kMaxSteps && !input.empty(); ++i) {
      lua_pushcfunction(L, Session::step);
      lua_pushvalue(L, kObjects);
      lua_pushvalue(L, kLayouts);
      lua_pushlightuserdata(L, &session);
      lua_pcall(L, 3, 0, 0);
      lua_settop(L, 2);
      session.check();
    }
    lua_close(L);
  }
  require(allocator.in_use == 0);
  return 0;
}
