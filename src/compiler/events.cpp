#include "compiler/events.h"

#include <cstring>
#include <memory>

#include <lauxlib.h>
#include <lualib.h>

#include "script/state/text.h"

namespace perilune::compiler {
namespace {

struct CloseState {
  void operator()(lua_State* state) const { lua_close(state); }
};

struct Request {
  const ir::Site* site;
  std::span<const uint8_t> values;
  std::string* text;
};

// Pushes the values of the record; false when it is broken.
bool push_values(lua_State* L, std::span<const uint8_t> values) {
  while (!values.empty()) {
    uint64_t word = 0;
    if (values.size() < sizeof word || lua_checkstack(L, 4) == 0) return false;
    std::memcpy(&word, values.data(), sizeof word);
    const size_t room = word >> 32;
    const size_t length = (word >> 8) & 0xffffffU;
    if (values.size() - sizeof word < room) return false;
    const auto* bytes = reinterpret_cast<const char*>(values.data() + sizeof word);
    switch (static_cast<EventTag>(word & 0xffU)) {
      case EventTag::kNil:
        lua_pushnil(L);
        break;
      case EventTag::kFalse:
        lua_pushboolean(L, 0);
        break;
      case EventTag::kTrue:
        lua_pushboolean(L, 1);
        break;
      case EventTag::kInteger: {
        lua_Integer number = 0;
        if (room < sizeof number) return false;
        std::memcpy(&number, bytes, sizeof number);
        lua_pushinteger(L, number);
        break;
      }
      case EventTag::kString:
        lua_pushlstring(L, bytes, length < room ? length : room);
        break;
      default:
        return false;
    }
    values = values.subspan(sizeof word + room);
  }
  return true;
}

int format(lua_State* L) {
  const auto& request = *static_cast<const Request*>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  const char kind = request.site->text.empty() ? 'v' : request.site->text[0];
  if (kind == 'f') {
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "format");
    lua_remove(L, -2);
    lua_pushlstring(L, request.site->text.data() + 1, request.site->text.size() - 1);
  }
  if (!push_values(L, request.values)) {
    lua_pushliteral(L, "(a broken event)");
  } else if (kind == 'f') {
    lua_call(L, lua_gettop(L) - 1, 1);
  } else {
    const int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; ++i) {
      if (i > 1) luaL_addchar(&line, '\t');
      luaL_tolstring(L, i, nullptr);
      luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
  }
  size_t length = 0;
  const char* text = lua_tolstring(L, -1, &length);
  request.text->assign(text, length);
  return 0;
}

/// A Lua state of the calling thread, in which string.format is the library's own. Null when there is no memory.
lua_State* formatting_state() {
  thread_local const std::unique_ptr<lua_State, CloseState> state = [] {
    std::unique_ptr<lua_State, CloseState> made(luaL_newstate());
    if (made) {
      luaL_requiref(made.get(), "_G", luaopen_base, 1);
      luaL_requiref(made.get(), "string", luaopen_string, 1);
      lua_settop(made.get(), 0);
    }
    return made;
  }();
  return state.get();
}

}  // namespace

bool is_conversion(const std::string& specification) {
  lua_State* L = formatting_state();
  if (L == nullptr) return true;  // log_text() will say so
  const char kind = specification.back();
  lua_getglobal(L, "string");
  lua_getfield(L, -1, "format");
  lua_pushlstring(L, specification.data(), specification.size());
  if (kind == 's' || kind == 'q')
    lua_pushliteral(L, "");
  else
    lua_pushinteger(L, 0);
  const bool takes_it = lua_pcall(L, 2, 1, 0) == LUA_OK;
  lua_settop(L, 0);
  return takes_it;
}

std::string log_text(const ir::Site& site, std::span<const uint8_t> values) {
  lua_State* L = formatting_state();
  std::string text;
  if (L == nullptr) return "(no memory to format an event)";
  Request request{&site, values, &text};
  lua_pushcfunction(L, format);
  lua_pushlightuserdata(L, &request);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    const char* message = lua_tostring(L, -1);
    text = message == nullptr ? "(an event that cannot be formatted)" : message;
  }
  lua_settop(L, 0);
  return script::log_line(text);
}

std::string more_text(std::span<const uint8_t> values) {
  uint64_t lines = 0;
  if (values.size() < sizeof lines) return "(a broken event)";
  std::memcpy(&lines, values.data(), sizeof lines);
  return script::more_lines(lines);
}

}  // namespace perilune::compiler
