#include "compiler/lua/checked_script.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include <lua.h>

#include "compiler/lua/bytecode.h"
#include "compiler/lua/unknown_globals.h"

namespace perilune::compiler {
namespace {

constexpr int kMostParameters = 3;  // hdr, pld, pkt

/// The names in a state's table of globals, and whether that table gives others too. Only raw accesses to keys that are
/// strings: nothing here can raise.
struct Globals {
  std::set<std::string> names;
  bool open = false;  // a metatable's __index may answer for any name
};

Globals globals_of(const script::State& state) {
  Globals globals;
  lua_State* L = state.lua();
  if (lua_checkstack(L, 4) == 0) return globals;
  lua_pushglobaltable(L);
  if (lua_getmetatable(L, -1) != 0) {
    globals.open = true;
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      size_t length = 0;
      const char* name = lua_tolstring(L, -2, &length);
      globals.names.emplace(name, length);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return globals;
}

/// What every script finds.
const std::set<std::string>& sandbox_names() {
  static const std::set<std::string> names = [] {
    const auto state = script::State::load_text("function filter() end", "sandbox", "", {});
    std::set<std::string> found = state ? globals_of(**state).names : std::set<std::string>();
    found.erase("filter");
    return found;
  }();
  return names;
}

/// An entry point that wants more than it gets. It may do without, so this is a warning.
void check_parameters(const script::State& state, const std::string& path, Diagnostics& found) {
  lua_State* L = state.lua();
  if (lua_checkstack(L, 4) == 0) return;
  const std::string& function = state.options().function;
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING && function == lua_tolstring(L, -2, nullptr) && lua_isfunction(L, -1) &&
        lua_iscfunction(L, -1) == 0) {
      lua_Debug info{};
      lua_pushvalue(L, -1);
      lua_getinfo(L, ">uS", &info);
      if (info.nparams > kMostParameters) {
        found.push_back({Severity::kWarning, "entry-point", path, static_cast<uint32_t>(std::max(info.linedefined, 0)),
                         fmt::format("'{}' declares {} parameters, but it is called with {}: the others are always nil",
                                     function, info.nparams, kMostParameters),
                         fmt::format("function {}(hdr, pld, pkt)", function)});
      }
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/// What cannot be compiled is left out: loading has said so.
std::vector<CompiledFile> compiled_files(const script::LoadRecord& record) {
  std::vector<CompiledFile> files;
  for (const script::LoadRecord::Source& source : record.sources) {
    if (Result<Prototype> main = compile(source.text, source.name)) files.push_back({source.name, std::move(*main)});
  }
  return files;
}

/// A script that failed to load at this very place has been reported already, in Lua's words.
void add_new_places(Diagnostics more, Diagnostics& found) {
  const size_t known = found.size();
  for (Diagnostic& diagnostic : more) {
    const auto end = found.begin() + static_cast<std::ptrdiff_t>(known);
    const bool told = std::any_of(found.begin(), end, [&](const Diagnostic& other) {
      return other.file == diagnostic.file && other.line == diagnostic.line;
    });
    if (!told) found.push_back(std::move(diagnostic));
  }
  std::stable_sort(found.begin(), found.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line) < std::tie(b.file, b.line);
  });
}

}  // namespace

Diagnostics unknown_globals_in(const script::LoadRecord& record, const std::set<std::string>& defined) {
  return unknown_globals(compiled_files(record), sandbox_names(), defined);
}

bool has_errors(const Diagnostics& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& diagnostic) { return diagnostic.severity == Severity::kError; });
}

bool is_test(std::string_view path) {
  return path.ends_with(".test.lua");
}

tl::expected<CheckedScript, Diagnostics> load_checked(std::string_view text, const std::string& path,
                                                      const script::Options& options) {
  if (is_test(path)) {
    return tl::make_unexpected(Diagnostics{
        {Severity::kError, "test-file", path, 0, "this is a test by its name, not a filter", "perilune test " + path}});
  }
  script::LoadRecord own;
  script::Options recording = options;
  if (recording.record == nullptr) recording.record = &own;
  const script::LoadRecord& record = *recording.record;
  CheckedScript checked;
  Diagnostics found;
  Globals globals;
  if (auto state = script::State::load_text(text, path, script::folder_of(path), recording); !state) {
    found = std::move(state.error());
    for (Diagnostic& diagnostic : found) {
      if (diagnostic.code != "no-entry-point" || record.returned.empty()) continue;
      diagnostic.hint +=
          fmt::format("\nit returns a {}: is it a module, for another script to require?", record.returned);
    }
  } else {
    checked.state = std::move(*state);
    globals = globals_of(*checked.state);
    check_parameters(*checked.state, path, found);
  }
  if (!globals.open) add_new_places(unknown_globals_in(record, globals.names), found);
  if (has_errors(found)) return tl::make_unexpected(std::move(found));
  checked.warnings = std::move(found);
  return checked;
}

}  // namespace perilune::compiler
