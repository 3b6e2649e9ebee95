// `perilune check SCRIPT...`: everything that can be known about a script without running packets.
//
// The script is loaded as `run` loads it (its main chunk runs, so bad layouts and missing modules show), its entry
// point is looked at, and the code of the script and of the modules it requires is searched for globals that nobody
// defines.
#include <algorithm>
#include <cstdio>

#include <lua.h>

#include "cli/check_globals.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "compiler/compiler.h"
#include "compiler/globals.h"
#include "engine/engine.h"
#include "script/source.h"
#include "script/state.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  perilune check ssh.lua                 prints 'ssh.lua: ok (engine: native)', or what is wrong
  perilune check *.lua --strict          warnings count as errors
  perilune check ssh.lua --json          one object for each finding, for editors

Findings have the form 'file:line: error: message [code]'. Codes:
  syntax           the compiler's message             load-error       the main chunk failed: also bad layouts
  no-entry-point   no function 'filter' (--function)  entry-point      it declares parameters that nobody passes
  unknown-global   a name that nothing defines        cannot-read      the file, or that it is not text

Exit status: 0 no errors; 1 errors, or with --strict warnings; 2 it cannot run here.)";

constexpr int kMostParameters = 3;  // hdr, pld, pkt

struct CheckOptions {
  std::vector<std::string> scripts;
  script::Options state;
  std::string memory;
  std::string load_instructions;
  bool json = false;
  bool strict = false;
};

/// The names in a state's table of globals. Only raw accesses to keys that are strings: nothing here can raise.
std::set<std::string> global_names(const script::State& state) {
  std::set<std::string> names;
  lua_State* L = state.lua();
  if (lua_checkstack(L, 4) == 0) return names;
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      size_t length = 0;
      const char* name = lua_tolstring(L, -2, &length);
      names.emplace(name, length);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return names;
}

/// What every script finds.
std::set<std::string> sandbox_names() {
  script::Options options;
  const auto state = script::State::load_text("function filter() end", "sandbox", "", options);
  std::set<std::string> names = state ? global_names(**state) : std::set<std::string>();
  names.erase("filter");
  return names;
}

/// Where a function is defined.
struct EntryPoint {
  bool found = false;
  int parameters = 0;
  uint32_t line = 0;
};

EntryPoint entry_point(const script::State& state) {
  EntryPoint entry;
  lua_State* L = state.lua();
  if (lua_checkstack(L, 4) == 0) return entry;
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING && state.options().function == lua_tolstring(L, -2, nullptr) &&
        lua_isfunction(L, -1) && lua_iscfunction(L, -1) == 0) {
      lua_Debug info{};
      lua_pushvalue(L, -1);
      lua_getinfo(L, ">uS", &info);
      entry = {true, info.nparams, static_cast<uint32_t>(std::max(info.linedefined, 0))};
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return entry;
}

/// The script and, breadth first, the modules of its folder that it names in `require`. What cannot be read or compiled
/// is left out: loading has said so.
std::vector<CompiledFile> compiled_files(const std::string& script) {
  std::vector<CompiledFile> files;
  const auto text = script::read_script(script);
  if (!text) return files;
  Result<compiler::Prototype> main = compiler::compile(*text, script);
  if (!main) return files;
  files.push_back({script, std::move(*main)});

  const std::string folder = script::folder_of(script);
  std::set<std::string> seen;
  for (size_t i = 0; i < files.size(); ++i) {
    for (const std::string& name : compiler::required_modules(files[i].main)) {
      if (!seen.insert(name).second) continue;
      const script::ModuleFile module = script::find_module(folder, name);
      if (module.outcome != script::ModuleFile::Outcome::kFound) continue;
      Result<compiler::Prototype> compiled = compiler::compile(module.text, module.path);
      if (compiled) files.push_back({module.path, std::move(*compiled)});
    }
  }
  return files;
}

struct Checked {
  Diagnostics found;
  engine::Kind engine = engine::Kind::kLua;  // that run would take
};

Checked check_script(const std::string& path, const CheckOptions& options, const std::set<std::string>& provided) {
  Checked checked;
  Diagnostics& found = checked.found;
  std::set<std::string> defined;
  if (auto state = script::State::load_file(path, options.state); !state) {
    found = std::move(state.error());
  } else {
    defined = global_names(**state);
    const EntryPoint entry = entry_point(**state);
    if (entry.parameters > kMostParameters) {
      found.push_back({Severity::kError, "entry-point", path, entry.line,
                       fmt::format("'{}' declares {} parameters, but it is called with {}: the others are always nil",
                                   options.state.function, entry.parameters, kMostParameters),
                       fmt::format("function {}(hdr, pld, pkt)", options.state.function)});
    }
    if (compiler::compile_filter(**state, {})) checked.engine = engine::Kind::kNative;
  }
  const Diagnostics of_loading = found;
  for (Diagnostic& diagnostic : unknown_globals(compiled_files(path), provided, defined)) {
    // A script that failed to load at this very place has been told so already, in Lua's words.
    const bool known = std::any_of(of_loading.begin(), of_loading.end(), [&](const Diagnostic& other) {
      return other.file == diagnostic.file && other.line == diagnostic.line;
    });
    if (!known) found.push_back(std::move(diagnostic));
  }
  std::stable_sort(found.begin(), found.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line) < std::tie(b.file, b.line);
  });
  return checked;
}

int check(CheckOptions& options) {
  if (options.scripts.empty()) {
    return print_error(input_error("no script given", "perilune check SCRIPT...").value());
  }
  for (const auto& [text, parse, set] :
       {std::tuple{options.memory, &parse_bytes,
                   std::function<void(uint64_t)>([&](uint64_t n) { options.state.limits.memory = n; })},
        std::tuple{options.load_instructions, &parse_count,
                   std::function<void(uint64_t)>([&](uint64_t n) { options.state.limits.load_instructions = n; })}}) {
    if (text.empty()) continue;
    const Result<uint64_t> number = parse(text);
    if (!number) return print_error(number.error());
    set(*number);
  }
  const std::set<std::string> provided = sandbox_names();
  bool failed = false;
  for (const std::string& script : options.scripts) {
    const Checked checked = check_script(script, options, provided);
    const Diagnostics& found = checked.found;
    const bool errors = std::any_of(found.begin(), found.end(), [&](const Diagnostic& diagnostic) {
      return diagnostic.severity == Severity::kError || (options.strict && diagnostic.severity == Severity::kWarning);
    });
    failed = failed || errors;
    if (!options.json) {
      print_diagnostics(found, stdout);
      if (errors) continue;
      const std::string name = printable(script);
      const std::string why =
          checked.engine == engine::Kind::kLua ? fmt::format("; why: perilune explain {}", name) : "";
      fmt::print("{}: ok (engine: {}{})\n", name, engine::to_string(checked.engine), why);
      continue;
    }
    for (const Diagnostic& diagnostic : found) {
      Json json = {{"file", diagnostic.file},
                   {"line", diagnostic.line},
                   {"severity", to_string(diagnostic.severity)},
                   {"code", diagnostic.code},
                   {"message", diagnostic.message}};
      if (!diagnostic.hint.empty()) json["hint"] = diagnostic.hint;
      fmt::print("{}\n", to_line(json));
    }
  }
  return failed ? kInputAtFault : kDone;
}

}  // namespace

Command add_check(CLI::App& program) {
  CLI::App* app = program.add_subcommand("check", "Find mistakes in scripts without running packets");
  app->formatter(std::make_shared<Help>("Usage: perilune check SCRIPT... [OPTIONS]"));
  const auto options = std::make_shared<CheckOptions>();
  app->add_option("SCRIPT", options->scripts, "Lua scripts");
  app->add_option("--function", options->state.function, "The function that run would call (default: filter)")
      ->type_name("NAME");
  app->add_option("--memory", options->memory, "Memory of a script's state (default: 64M)")->type_name("SIZE");
  app->add_option("--load-instructions", options->load_instructions, "Lua instructions while loading (default: 1G)")
      ->type_name("N");
  app->add_flag("--strict", options->strict, "Warnings count as errors");
  app->add_flag("--json", options->json, "One JSON object for each finding, a line each");
  app->footer(kExamples);
  return {app, [options] { return check(*options); }};
}

}  // namespace perilune::cli
