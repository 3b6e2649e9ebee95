// string.find, match, gmatch and gsub: what Lua's own do, over our matcher.
//
// Programs of short patterns are kept by the state (PatternCache). A program must not change while it is in use: gsub
// with a function or table, and gmatch, which come back to it after other Lua code has run, compile into memory of
// their own.
#include "script/library/string_patterns.h"

#include <cstring>
#include <new>
#include <type_traits>

#include <lauxlib.h>

#include "script/library/matcher.h"
#include "script/state/charged.h"
#include "script/state/state_internals.h"

namespace perilune::script {
namespace {

static_assert(std::is_trivially_destructible_v<Matcher>);

std::string_view checked_string(lua_State* L, int index) {
  size_t length = 0;
  const char* text = luaL_checklstring(L, index, &length);
  return {text, length};
}

/// The argument `init` as an offset from 0; it may lie past the end.
size_t initial_offset(lua_State* L, int index, size_t length) {
  const lua_Integer position = luaL_optinteger(L, index, 1);
  if (position > 0) return static_cast<size_t>(position) - 1;
  if (position == 0 || position < -static_cast<lua_Integer>(length)) return 0;
  return length - static_cast<size_t>(-position);
}

/// Compiles into a userdata, which is pushed and keeps the program alive.
const PatternProgram& private_program(lua_State* L, std::string_view pattern, bool with_anchor) {
  State::charge(L, pattern.size() / 4);
  void* memory = lua_newuserdatauv(L, PatternProgram::size_for(pattern), 0);
  return PatternProgram::compile(memory, pattern, with_anchor);
}

/// For use without other Lua code in between. May push a value.
const PatternProgram& program_for(lua_State* L, std::string_view pattern) {
  if (pattern.size() <= PatternCache::kLongest) return StateInternals::of(L).patterns.get(pattern);
  return private_program(L, pattern, true);
}

/// memmem is linear, whatever the bytes.
int find_plain(lua_State* L, std::string_view subject, std::string_view wanted, size_t offset) {
  State::charge(L, (subject.size() - offset) / 64);
  const void* found = memmem(subject.data() + offset, subject.size() - offset, wanted.data(), wanted.size());
  if (found == nullptr) {
    lua_pushnil(L);
    return 1;
  }
  const auto at = static_cast<const char*>(found) - subject.data();
  lua_pushinteger(L, at + 1);
  lua_pushinteger(L, at + static_cast<lua_Integer>(wanted.size()));
  return 2;
}

int find_or_match(lua_State* L, bool is_find) {
  const std::string_view subject = checked_string(L, 1);
  const std::string_view pattern = checked_string(L, 2);
  const size_t offset = initial_offset(L, 3, subject.size());
  if (offset > subject.size()) {
    lua_pushnil(L);
    return 1;
  }
  if (is_find && lua_toboolean(L, 4) != 0) return find_plain(L, subject, pattern, offset);
  const PatternProgram& program = program_for(L, pattern);
  if (is_find && program.is_plain()) return find_plain(L, subject, pattern, offset);
  Matcher matcher(L, program, subject);
  const char* to = nullptr;
  const char* from = matcher.find(subject.data() + offset, to);
  matcher.settle();
  if (from == nullptr) {
    lua_pushnil(L);
    return 1;
  }
  if (!is_find) return matcher.push_captures(from, to);
  lua_pushinteger(L, from - subject.data() + 1);
  lua_pushinteger(L, to - subject.data());
  return matcher.push_captures(nullptr, nullptr) + 2;
}

int string_find(lua_State* L) {
  return find_or_match(L, true);
}
int string_match(lua_State* L) {
  return find_or_match(L, false);
}

/// What an iterator of gmatch remembers. Upvalues: subject, pattern, program, this.
struct Iteration {
  Matcher matcher;
  const char* next;
  const char* last_match;
};
static_assert(std::is_trivially_destructible_v<Iteration>);

int next_match(lua_State* L) {
  auto& iteration = *static_cast<Iteration*>(lua_touserdata(L, lua_upvalueindex(4)));
  Matcher& matcher = iteration.matcher;
  matcher.set_state(L);
  const char* from = iteration.next <= matcher.end() ? matcher.candidate(iteration.next) : nullptr;
  while (from != nullptr) {
    const char* to = matcher.match_at(from);
    if (to != nullptr && to != iteration.last_match) {
      iteration.next = iteration.last_match = to;
      matcher.settle();
      return matcher.push_captures(from, to);
    }
    from = from < matcher.end() ? matcher.candidate(from + 1) : nullptr;
  }
  matcher.settle();
  return 0;
}

int string_gmatch(lua_State* L) {
  const std::string_view subject = checked_string(L, 1);
  const std::string_view pattern = checked_string(L, 2);
  const size_t offset = initial_offset(L, 3, subject.size());
  lua_settop(L, 2);
  const PatternProgram& program = private_program(L, pattern, false);
  void* memory = lua_newuserdatauv(L, sizeof(Iteration), 0);
  // Past the end: no match at all, not even an empty one.
  const char* first = subject.data() + (offset > subject.size() ? subject.size() + 1 : offset);
  new (memory) Iteration{Matcher(L, program, subject), first, nullptr};
  lua_pushcclosure(L, next_match, 4);
  return 1;
}

/// The replacement string with its %0 to %9 and %% filled in.
void add_filled_in(lua_State* L, Matcher& matcher, luaL_Buffer* buffer, const char* from, const char* to) {
  size_t length = 0;
  const char* text = lua_tolstring(L, 3, &length);
  std::string_view rest(text, length);
  for (size_t percent = rest.find('%'); percent != std::string_view::npos; percent = rest.find('%')) {
    luaL_addlstring(buffer, rest.data(), percent);
    const char what = percent + 1 < rest.size() ? rest[percent + 1] : '\0';
    std::string_view capture;
    if (what == '%') {
      luaL_addchar(buffer, what);
    } else if (what == '0') {
      luaL_addlstring(buffer, from, static_cast<size_t>(to - from));
    } else if (what >= '1' && what <= '9') {
      if (matcher.capture_text(what - '1', from, to, capture)) {
        luaL_addlstring(buffer, capture.data(), capture.size());
      } else {
        luaL_addvalue(buffer);
      }
    } else {
      luaL_error(L, "invalid use of '%c' in replacement string", '%');
    }
    rest.remove_prefix(percent + 2);
  }
  luaL_addlstring(buffer, rest.data(), rest.size());
  State::charge(L, length / kBytesPerInstruction);
}

/// Adds what replaces the match; false when the original text stays.
bool add_replacement(lua_State* L, Matcher& matcher, luaL_Buffer* buffer, const char* from, const char* to, int kind) {
  switch (kind) {
    case LUA_TFUNCTION: {
      lua_pushvalue(L, 3);
      const int count = matcher.push_captures(from, to);
      lua_call(L, count, 1);
      break;
    }
    case LUA_TTABLE:
      matcher.push_capture(0, from, to);
      lua_gettable(L, 3);
      break;
    default:
      add_filled_in(L, matcher, buffer, from, to);
      return true;
  }
  if (lua_toboolean(L, -1) == 0) {
    lua_pop(L, 1);
    luaL_addlstring(buffer, from, static_cast<size_t>(to - from));
    return false;
  }
  if (lua_isstring(L, -1) == 0) {
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  }
  luaL_addvalue(buffer);
  return true;
}

int string_gsub(lua_State* L) {
  const std::string_view subject = checked_string(L, 1);
  const std::string_view pattern = checked_string(L, 2);
  const int kind = lua_type(L, 3);
  const lua_Integer most = luaL_optinteger(L, 4, static_cast<lua_Integer>(subject.size()) + 1);
  luaL_argexpected(L, kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TFUNCTION || kind == LUA_TTABLE, 3,
                   "string/function/table");
  const bool runs_lua = kind == LUA_TFUNCTION || kind == LUA_TTABLE;
  const PatternProgram& program = runs_lua ? private_program(L, pattern, true) : program_for(L, pattern);
  Matcher matcher(L, program, subject);
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  const char* at = subject.data();
  const char* last_match = nullptr;
  lua_Integer count = 0;
  bool changed = false;
  while (count < most) {
    const char* from = program.anchored() ? at : matcher.candidate(at);
    if (from == nullptr) break;
    luaL_addlstring(&buffer, at, static_cast<size_t>(from - at));
    at = from;
    const char* to = matcher.match_at(at);
    if (to != nullptr && to != last_match) {
      ++count;
      if (add_replacement(L, matcher, &buffer, at, to, kind)) changed = true;
      at = last_match = to;
    } else if (at < matcher.end()) {
      luaL_addchar(&buffer, *at);
      ++at;
    } else {
      break;
    }
    if (program.anchored()) break;
  }
  matcher.settle();
  if (changed) {
    luaL_addlstring(&buffer, at, static_cast<size_t>(matcher.end() - at));
    luaL_pushresult(&buffer);
  } else {
    lua_pushvalue(L, 1);
  }
  lua_pushinteger(L, count);
  return 2;
}

constexpr luaL_Reg kPatternFunctions[] = {{"find", string_find},
                                          {"match", string_match},
                                          {"gmatch", string_gmatch},
                                          {"gsub", string_gsub},
                                          {nullptr, nullptr}};

}  // namespace

void set_pattern_functions(lua_State* L) {
  luaL_setfuncs(L, kPatternFunctions, 0);
}

}  // namespace perilune::script
