// From what Lua leaves behind after an error to a ScriptError: where, what, and by which calls.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include "script/state/state_internals.h"
#include "script/state/text.h"

namespace perilune::script {
namespace {

// What error handling itself may take beyond the memory limit: a traceback has at most 22 lines.
constexpr size_t kErrorOverdraft = size_t{64} << 10;

/// The name a chunk has for the user, from the `source` of an activation record.
std::string_view chunk_name(const lua_Debug& activation) {
  const std::string_view source(activation.source, activation.srclen);
  return source.starts_with('@') || source.starts_with('=') ? source.substr(1) : source;
}

/// If `message` begins with "chunk:line: ", cuts that off and puts it into `error`. That place is not always the
/// innermost: the second argument of `error` and a syntax error in a module name another one.
bool take_position(const State::Impl& impl, std::string_view& message, ScriptError& error) {
  for (const Chunk& chunk : impl.chunks) {
    if (!message.starts_with(chunk.short_name)) continue;
    std::string_view rest = message.substr(chunk.short_name.size());
    if (!rest.starts_with(':')) continue;
    rest.remove_prefix(1);
    uint32_t line = 0;
    size_t digits = 0;
    while (digits < rest.size() && digits < 9 && rest[digits] >= '0' && rest[digits] <= '9') {
      line = line * 10 + static_cast<uint32_t>(rest[digits++] - '0');
    }
    rest.remove_prefix(digits);
    if (digits == 0 || !rest.starts_with(": ")) continue;
    error.file = chunk.name;
    error.line = line;
    message = rest.substr(2);
    return true;
  }
  return false;
}

std::string memory_message(const State::Impl& impl) {
  return fmt::format("not enough memory: the script's limit is {} (--memory)", size_text(impl.allocator.limit()));
}

std::string budget_message(const State::Impl& impl) {
  const Limits& limits = impl.options.limits;
  if (impl.budget.spent() == Budget::Spent::kInstructions) {
    return impl.loading ? fmt::format("instruction budget spent: {} instructions while loading (--load-instructions)",
                                      limits.load_instructions)
                        : fmt::format("instruction budget spent: {} instructions per packet (--instructions)",
                                      limits.call_instructions);
  }
  return impl.loading ? fmt::format("time limit reached: {} ms while loading", limits.load_time.count())
                      : fmt::format("time limit reached: {} ms per packet (--time-limit)", limits.call_time.count());
}

void set_message(State::Impl& impl, std::string_view message) {
  if (take_position(impl, message, impl.error) && message.empty()) message = "(empty error message)";
  impl.error.message = message == "not enough memory" ? memory_message(impl) : error_message(message);
}

int plain_tostring(lua_State* L) {
  luaL_tolstring(L, 1, nullptr);
  return 1;
}

/// The message of an error object that is not a string.
void set_object_message(lua_State* L, State::Impl& impl) {
  if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {
    lua_pushcfunction(L, plain_tostring);
    lua_pushvalue(L, 1);
    // Within the budget of the call, and without this handler: an error in there is simply not shown.
    if (lua_pcall(L, 1, 1, 0) == LUA_OK && impl.budget.spent() == Budget::Spent::kNo) {
      size_t length = 0;
      const char* text = lua_tolstring(L, -1, &length);
      impl.error.message = printable({text, length});
      return;
    }
  }
  impl.error.message = fmt::format("(error object is a {} value)", luaL_typename(L, 1));
}

}  // namespace

bool current_place(lua_State* L, std::string& file, uint32_t& line) {
  lua_Debug activation;
  for (int level = 0; lua_getstack(L, level, &activation) != 0; ++level) {
    lua_getinfo(L, "Sl", &activation);
    if (activation.currentline > 0) {
      file.assign(chunk_name(activation));
      line = static_cast<uint32_t>(activation.currentline);
      return true;
    }
  }
  return false;
}

// No object with a destructor may live across a Lua call in here: what is written goes straight into the Impl.
int handle_error(lua_State* L) {
  State::Impl& impl = StateInternals::of(L);
  impl.allocator.set_overdraft(kErrorOverdraft);
  impl.error = ScriptError{};
  current_place(L, impl.error.file, impl.error.line);
  lua_settop(L, 1);
  if (impl.budget.spent() != Budget::Spent::kNo) {
    impl.error.message = budget_message(impl);
  } else if (lua_type(L, 1) == LUA_TSTRING || lua_type(L, 1) == LUA_TNUMBER) {
    size_t length = 0;
    const char* text = lua_tolstring(L, 1, &length);
    set_message(impl, {text, length});
  } else {
    set_object_message(L, impl);
  }
  luaL_traceback(L, L, nullptr, 1);
  size_t length = 0;
  const char* traceback = lua_tolstring(L, -1, &length);
  impl.error.traceback = printable({traceback, length}, kErrorOverdraft);
  lua_settop(L, 1);
  return 1;
}

void complete_error(State::Impl& impl, int status) {
  impl.allocator.set_overdraft(0);
  ScriptError& error = impl.error;
  const bool spent = impl.budget.spent() != Budget::Spent::kNo;
  if (spent && status == LUA_ERRMEM) {
    error = ScriptError{impl.refused_file, impl.refused_line, budget_message(impl), {}};
  } else if (spent) {
    error.message = budget_message(impl);
  } else if (status == LUA_ERRMEM) {
    error = ScriptError{impl.refused_file, impl.refused_line, memory_message(impl), {}};
  } else if (status == LUA_ERRERR || error.message.empty()) {
    size_t length = 0;
    const char* text = lua_type(impl.L, -1) == LUA_TSTRING ? lua_tolstring(impl.L, -1, &length) : nullptr;
    error.message = "error while handling an error";
    if (text != nullptr) error.message += ": " + printable({text, length});
  }
  if (error.file.empty() && !impl.chunks.empty()) error.file = impl.chunks.front().name;
}

}  // namespace perilune::script
