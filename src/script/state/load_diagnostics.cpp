#include "script/state/load_diagnostics.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <lua.h>

#include "base/spelling.h"
#include "script/state/text.h"

namespace perilune::script {
namespace {

/// The names of global Lua functions the script has defined. Raw: no metamethod runs.
std::vector<std::string> script_functions(lua_State* L) {
  constexpr size_t kMost = 10'000;
  std::vector<std::string> names;
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (names.size() < kMost && lua_next(L, -2) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1) && lua_iscfunction(L, -1) == 0) {
      size_t length = 0;
      const char* text = lua_tolstring(L, -2, &length);
      names.push_back(printable({text, length}, 60));
    }
    lua_pop(L, 1);
  }
  lua_settop(L, 1);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Diagnostics memory_too_small(const std::string& name, const Options& options) {
  Diagnostic diagnostic;
  diagnostic.code = "limit";
  diagnostic.file = name;
  diagnostic.message =
      fmt::format("a memory limit of {} is too small to set up the script's state", size_text(options.limits.memory));
  diagnostic.hint = "give the script at least 1 MiB (--memory)";
  return {diagnostic};
}

Diagnostics load_error(const State::Impl& impl, const std::string& name, bool syntax) {
  const ScriptError& error = impl.error;
  Diagnostic diagnostic;
  diagnostic.file = error.file.empty() ? name : error.file;
  diagnostic.line = error.line;
  diagnostic.message = error.message;
  if (impl.budget.spent() != Budget::Spent::kNo || error.message.starts_with("not enough memory: the script's limit")) {
    diagnostic.code = "limit";
    diagnostic.hint = error.traceback;
  } else if (syntax || (!impl.module_syntax_error.empty() && impl.module_syntax_error.ends_with(error.message))) {
    diagnostic.code = "syntax";
  } else {
    diagnostic.code = "load-error";
    diagnostic.hint = error.traceback;
  }
  return {diagnostic};
}

Diagnostics no_entry_point(State::Impl& impl, const std::string& name) {
  const std::string& wanted = impl.options.function;
  Diagnostic diagnostic;
  diagnostic.code = "no-entry-point";
  diagnostic.file = name;
  const char* type = lua_typename(impl.L, lua_type(impl.L, -1));
  const bool is_nil = lua_isnil(impl.L, -1);
  diagnostic.message = is_nil ? fmt::format("the script defines no global function '{}'", printable(wanted))
                              : fmt::format("'{}' is a {}, not a function", printable(wanted), type);
  const std::vector<std::string> names = script_functions(impl.L);
  if (names.empty()) {
    diagnostic.hint =
        fmt::format("define it: function {}(hdr, pld, pkt) ... end (global, not local)", printable(wanted));
    return {diagnostic};
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const std::string meant = did_you_mean(wanted, candidates);
  constexpr size_t kShown = 8;
  const bool all = candidates.size() <= kShown;
  const std::vector<std::string_view> shown(candidates.begin(),
                                            candidates.begin() + (all ? candidates.size() : kShown));
  diagnostic.hint = meant.empty() ? meant : meant + " ";
  diagnostic.hint += fmt::format("global functions of the script: {}{}; choose one with --function NAME",
                                 fmt::join(shown, ", "), all ? "" : ", ...");
  return {diagnostic};
}

}  // namespace perilune::script
