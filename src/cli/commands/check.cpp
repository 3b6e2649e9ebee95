// `perilune check SCRIPT...`: everything that can be known about a script without running packets.
//
// What is wrong is decided in compiler/lua/checked_script.h, for all commands: what has an error here is refused by
// `run`, `load` and the others too. Tests (FILE.test.lua) are read as `perilune test` reads them; a file without an
// entry point that returns something is a module.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "cli/command.h"
#include "cli/confined.h"
#include "cli/help.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "cli/testing/file.h"
#include "compiler/lua/checked_script.h"
#include "engine/engine.h"
#include "script/state/source.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  perilune check ssh.lua                 prints 'ssh.lua: ok (engine: native)', or what is wrong
  perilune check *.lua --strict          also modules and tests (FILE.test.lua); warnings count as errors
  perilune check ssh.lua --json          one object for each finding, for editors

Findings have the form 'file:line: error: message [code]'. Codes:
  syntax           the compiler's message             load-error       the main chunk failed: also bad layouts
  no-entry-point   no function 'filter' (--function)  entry-point      it declares parameters that are not passed
  unknown-global   a name that nothing defines        cannot-read      the file cannot be read, or is not text
  bytecode         compiled Lua is not read           limit            the file is too large
  test-file        a test where a filter is needed

What has an error is refused by all commands: run, load, reload, test, explain, compile.
Exit status: 0 no errors; 1 errors, or with --strict warnings; 2 it cannot run here.)";

struct CheckOptions {
  std::vector<std::string> scripts;
  script::Options state;
  std::string memory;
  std::string load_instructions;
  bool json = false;
  bool strict = false;
};

enum class Kind : uint8_t { kScript, kTest, kModule };

struct Checked {
  Kind kind = Kind::kScript;
  Diagnostics found;
  engine::Kind engine = engine::Kind::kLua;  // that run would take a script with
  std::string returned;                      // by a module: a type
  std::vector<std::string> modules;          // that it required
};

Checked check_test(const std::string& path) {
  Checked checked;
  checked.kind = Kind::kTest;
  if (const auto file = TestFile::load(path)) {
    checked.found = (*file)->warnings();
  } else {
    checked.found = file.error();
  }
  return checked;
}

/// Without an entry point but with a value to return, as `require` wants it.
bool is_module(const Diagnostics& found, const script::LoadRecord& record) {
  return !record.returned.empty() && std::any_of(found.begin(), found.end(), [](const Diagnostic& diagnostic) {
    return diagnostic.code == "no-entry-point";
  });
}

Checked check_script(const std::string& path, const CheckOptions& options) {
  Checked checked;
  script::LoadRecord record;
  engine::LoadOptions loading{options.state};
  loading.state.record = &record;
  if (auto loaded = engine::LoadedScript::load(path, loading)) {
    checked.found = loaded->warnings();
    if (loaded->compile(compiler::Target())) checked.engine = engine::Kind::kNative;
  } else {
    checked.found = std::move(loaded.error());
    if (is_module(checked.found, record)) {
      checked.kind = Kind::kModule;
      checked.returned = record.returned;
      std::erase_if(checked.found, [](const Diagnostic& diagnostic) { return diagnostic.code == "no-entry-point"; });
    }
  }
  for (size_t i = 1; i < record.sources.size(); ++i)
    checked.modules.push_back(record.sources[i].name);
  return checked;
}

std::string summary(const std::string& path, const Checked& checked) {
  const std::string name = printable(path);
  switch (checked.kind) {
    case Kind::kTest:
      return fmt::format("{}: ok (a test; run it: perilune test {})", name, name);
    case Kind::kModule:
      return fmt::format("{}: ok (a module: it returns a {})", name, checked.returned);
    case Kind::kScript:
      break;
  }
  const std::string why = checked.engine == engine::Kind::kLua ? fmt::format("; why: perilune explain {}", name) : "";
  return fmt::format("{}: ok (engine: {}{})", name, engine::to_string(checked.engine), why);
}

/// A module in a folder of its own requires others by their names from the script's folder: alone it does not load, but
/// with a script that was checked too it did.
bool loaded_with_another(const std::string& path, const std::vector<Checked>& all) {
  return std::any_of(all.begin(), all.end(), [&](const Checked& other) {
    return !compiler::has_errors(other.found) &&
           std::any_of(other.modules.begin(), other.modules.end(), [&](const std::string& module) {
             std::error_code ignored;
             return std::filesystem::equivalent(module, path, ignored);
           });
  });
}

std::vector<Checked> check_all(const CheckOptions& options) {
  std::vector<Checked> all;
  for (const std::string& path : options.scripts)
    all.push_back(compiler::is_test(path) ? check_test(path) : check_script(path, options));
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].kind == Kind::kScript && compiler::has_errors(all[i].found) &&
        loaded_with_another(options.scripts[i], all)) {
      all[i] = Checked();
      all[i].kind = Kind::kModule;
      all[i].returned = "value";
    }
  }
  return all;
}

int check(CheckOptions& options) {
  if (options.scripts.empty()) {
    return print_error(input_error("no script given", "perilune check SCRIPT...").value());
  }
  script::Limits& limits = options.state.limits;
  for (const Result<void>& sound :
       {read_bytes("--memory", options.memory, limits.memory),
        read_count("--load-instructions", options.load_instructions, limits.load_instructions)})
    if (!sound) return print_error(sound.error());
  confine_to_scripts();
  const std::vector<Checked> all = check_all(options);
  bool failed = false;
  for (size_t i = 0; i < all.size(); ++i) {
    const Diagnostics& found = all[i].found;
    const bool errors = std::any_of(found.begin(), found.end(), [&](const Diagnostic& diagnostic) {
      return diagnostic.severity == Severity::kError || (options.strict && diagnostic.severity == Severity::kWarning);
    });
    failed = failed || errors;
    if (!options.json) {
      print_diagnostics(found, stdout);
      if (errors) continue;
      print_to(stdout, "{}\n", summary(options.scripts[i], all[i]));
      continue;
    }
    for (const Diagnostic& diagnostic : found) {
      Json json = {{"file", diagnostic.file},
                   {"line", diagnostic.line},
                   {"severity", to_string(diagnostic.severity)},
                   {"code", diagnostic.code},
                   {"message", diagnostic.message}};
      if (!diagnostic.hint.empty()) json["hint"] = diagnostic.hint;
      print_to(stdout, "{}\n", to_line(json));
    }
  }
  return failed ? kInputAtFault : kDone;
}

}  // namespace

Command add_check(CLI::App& program) {
  CLI::App* app = program.add_subcommand("check", "Find mistakes in scripts without running packets");
  app->formatter(std::make_shared<Help>("Usage: perilune check SCRIPT... [OPTIONS]"));
  const auto options = std::make_shared<CheckOptions>();
  app->add_option("SCRIPT", options->scripts, "Lua scripts, modules and tests");
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
