// Chooses the engine. A further engine is one more file with an open_...() and one more case here.
#include "engine/engine.h"

#include <fmt/format.h>

#include "engine/lua_engine.h"
#include "engine/native_engine.h"
#include "engine/script_program.h"

namespace perilune::engine {
namespace {

tl::unexpected<Diagnostics> not_here(const std::string& script_path) {
  return tl::make_unexpected(Diagnostics{
      {Severity::kError, "engine-not-here", script_path, 0, "the engine 'kernel' judges no packets in this process",
       "load the script into the kernel with perilune load, or use --engine native, lua or auto"}});
}

// Why the script does not compile, in one line: its first reason.
std::string in_one_line(const Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity != Severity::kError) continue;
    std::string text = diagnostic.line != 0 ? fmt::format("{}:{}: ", diagnostic.file, diagnostic.line) : "";
    text += diagnostic.message;
    if (!diagnostic.hint.empty()) text += fmt::format("; {}", diagnostic.hint);
    return text;
  }
  return "it does not compile";
}

// Compiled when that can be done. Else: kAuto takes Lua and says why, kNative fails.
tl::expected<std::unique_ptr<Program>, Diagnostics> open_fastest(std::unique_ptr<ScriptProgram> shared) {
  auto compiled = shared->script->compile(compiler::Target(), shared->options.policy);
  if (!compiled) {
    if (shared->options.kind == Kind::kNative) return tl::make_unexpected(std::move(compiled.error()));
    return open_lua(std::move(shared), fmt::format("engine: lua ({})", in_one_line(compiled.error())));
  }
  const std::string path = shared->script->path();
  auto program = open_native(std::move(shared), std::move(*compiled));
  if (program) return std::move(*program);
  return tl::make_unexpected(
      Diagnostics{{Severity::kError, "native-code", path, 0, std::move(program.error().message), "use --engine lua"}});
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kAuto:
      return "auto";
    case Kind::kKernel:
      return "kernel";
    case Kind::kNative:
      return "native";
    case Kind::kLua:
      return "lua";
  }
  return "auto";
}

std::optional<Kind> parse_kind(std::string_view name) {
  for (const Kind kind : {Kind::kAuto, Kind::kKernel, Kind::kNative, Kind::kLua}) {
    if (name == to_string(kind)) return kind;
  }
  return std::nullopt;
}

tl::expected<std::unique_ptr<Program>, Diagnostics> open(const std::string& script_path, const Options& options,
                                                         Observer& observer) {
  if (options.kind == Kind::kKernel) return not_here(script_path);
  auto shared = ScriptProgram::load(script_path, options, observer);
  if (!shared) return tl::make_unexpected(std::move(shared.error()));
  if (options.kind == Kind::kLua) return open_lua(std::move(*shared), "engine: lua");
  return open_fastest(std::move(*shared));
}

}  // namespace perilune::engine
