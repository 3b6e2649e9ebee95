// log(format, ...) and print(...): lines for people who watch.
//
// log's first argument is a format of string.format when it is a string; any other single value is shown as tostring
// does. print joins its arguments, as tostring shows them, with tabs. A line is made fit for a terminal by
// log_line(). One packet can log kMostLogLines lines: a loop over a payload that logs each byte must not fill a disk.
#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include "luadata/type_name.h"
#include "script/state/state_internals.h"
#include "script/state/text.h"

namespace perilune::script {
namespace {

// The line of the Lua function that called us, 0 when there is none.
uint32_t calling_line(lua_State* L) {
  lua_Debug caller;
  if (lua_getstack(L, 1, &caller) == 0) return 0;
  lua_getinfo(L, "l", &caller);
  return caller.currentline > 0 ? static_cast<uint32_t>(caller.currentline) : 0;
}

// Sends the string at the top of the stack.
int emit(lua_State* L) {
  State::Impl& impl = StateInternals::of(L);
  EventSink* events = impl.options.events;
  if (events == nullptr) return 0;
  size_t length = 0;
  const char* text = lua_tolstring(L, -1, &length);
  State::charge(L, std::min(length, kLongestLogLine) / 8);
  impl.log_line = calling_line(L);
  if (impl.log_lines++ < (impl.loading ? kMostLoadLogLines : kMostLogLines))
    events->on_log(impl.event_number, impl.log_line, log_line({text, length}));  // calls no Lua function
  return 0;
}

// Upvalues: what the sandbox's string.format charges for and calls, and that string.format. It runs as if it were log,
// so that it complains of log's arguments.
int log(lua_State* L) {
  const int arguments = lua_gettop(L);
  if (arguments == 0) return luaL_error(L, "log needs a format or a value, such as log('port %%d', pkt.dport)");
  if (lua_type(L, 1) != LUA_TSTRING) {
    if (arguments > 1) {
      return luaL_error(
          L, "the first of several arguments of log is a format string, such as log('port %%d', pkt.dport); it is a %s",
          luadata::type_name(L, 1));
    }
    luaL_tolstring(L, 1, nullptr);
    return emit(L);
  }
  lua_tocfunction(L, lua_upvalueindex(2))(L);
  return emit(L);
}

int print(lua_State* L) {
  const int arguments = lua_gettop(L);
  luaL_Buffer line;
  luaL_buffinit(L, &line);
  for (int i = 1; i <= arguments; ++i) {
    if (i > 1) luaL_addchar(&line, '\t');
    luaL_tolstring(L, i, nullptr);
    luaL_addvalue(&line);
  }
  luaL_pushresult(&line);
  return emit(L);
}

}  // namespace

void tell_more_lines(const State::Impl& impl, uint32_t most) {
  if (impl.log_lines <= most) return;
  const uint64_t lines = impl.log_lines - most;
  impl.options.events->on_log(impl.event_number, impl.log_line,
                              impl.loading ? fmt::format("{} more lines of the main chunk", lines) : more_lines(lines));
}

void install_log(lua_State* L) {
  lua_getglobal(L, "string");
  lua_getfield(L, -1, "format");
  lua_remove(L, -2);
  lua_getupvalue(L, -1, 1);
  lua_insert(L, -2);
  lua_pushcclosure(L, log, 2);
  lua_setglobal(L, "log");
  lua_pushcfunction(L, print);
  lua_setglobal(L, "print");
}

}  // namespace perilune::script
