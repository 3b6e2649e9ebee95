// Chooses the engine. A further engine is one more file with an open_...() and one more case here.
#include "engine/engine.h"

#include <fmt/format.h>

#include "compiler/compiler.h"
#include "engine/lua_engine.h"
#include "engine/native_engine.h"
#include "script/state/entry_point.h"

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
tl::expected<std::unique_ptr<Program>, Diagnostics> open_fastest(const std::string& script_path, const Options& options,
                                                                 Observer& observer) {
  auto shared = std::make_unique<ScriptProgram>(script_path, options, observer);
  auto state = shared->load_state(0);
  if (!state) return tl::make_unexpected(std::move(state.error()));
  compiler::Target target;
  target.asks_not_ip = options.non_ip == NonIp::kAsk;
  auto compiled = compiler::compile_filter(**state, target);
  if (!compiled) {
    if (options.kind == Kind::kNative) return tl::make_unexpected(std::move(compiled.error()));
    return open_lua(std::move(shared), std::move(*state),
                    fmt::format("engine: lua ({})", in_one_line(compiled.error())));
  }
  LoadedScript script{std::move(*compiled), script::find_entry_point(**state, script_path), (*state)->random()};
  state->reset();
  auto program = open_native(std::move(shared), std::move(script));
  if (program) return std::move(*program);
  return tl::make_unexpected(Diagnostics{
      {Severity::kError, "native-code", script_path, 0, std::move(program.error().message), "use --engine lua"}});
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
  switch (options.kind) {
    case Kind::kLua:
      return open_lua(script_path, options, "engine: lua", observer);
    case Kind::kNative:
    case Kind::kAuto:
      return open_fastest(script_path, options, observer);
    case Kind::kKernel:
      break;
  }
  return not_here(script_path);
}

}  // namespace perilune::engine
