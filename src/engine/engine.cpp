// Chooses the engine. A further engine is one more file with an open_...() and one more case here.
#include "engine/engine.h"

#include <fmt/format.h>

#include "engine/lua_engine.h"

namespace perilune::engine {
namespace {

tl::unexpected<Diagnostics> not_built(const std::string& script_path, Kind kind) {
  return tl::make_unexpected(Diagnostics{{Severity::kError, "engine-not-built", script_path, 0,
                                          fmt::format("the engine '{}' is not built yet", to_string(kind)),
                                          "use --engine lua, or auto for the fastest there is"}});
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
    case Kind::kKernel:
    case Kind::kNative:
      return not_built(script_path, options.kind);
    case Kind::kLua:
      return open_lua(script_path, options, "engine: lua", observer);
    case Kind::kAuto:
      return open_lua(script_path, options, "engine: lua (the kernel and native engines are not built yet)", observer);
  }
  return not_built(script_path, options.kind);
}

}  // namespace perilune::engine
