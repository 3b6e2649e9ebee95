// A script compiled and loaded as `perilune load` would, and what that took.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bpf/hook.h"
#include "engine/loaded_script.h"

namespace perilune::bench {

struct Compiled {
  std::optional<engine::LoadedScript> script;
  compiler::Compiled code;
  std::chrono::nanoseconds lua_time{};      // the main chunk; CPU time, as all here
  std::chrono::nanoseconds compile_time{};  // the closure to BPF code
};

/// Runs the script's main chunk and compiles its filter. `memory`: what its state may take.
[[nodiscard]] Result<Compiled> compile(const std::string& path, const compiler::Target& target,
                                       size_t memory = size_t{64} << 20);

/// The same for a script's text.
[[nodiscard]] Result<Compiled> compile_text(const std::string& text, const compiler::Target& target);

/// Where it is loaded: xdp, tc ...
[[nodiscard]] Result<const bpf::Hook*> measured_hook(std::string_view name);
/// What a script is compiled for that is loaded there.
[[nodiscard]] inline compiler::Target target_at(const bpf::Hook* hook) {
  return hook->any_target();
}

/// A script in the kernel, and what each step on the way took: milliseconds of CPU time.
struct Prepared {
  Compiled compiled;
  bpf::LoadedProgram program;
  double lua = 0;
  double compiling = 0;
  double kernel = 0;
  [[nodiscard]] double total() const { return lua + compiling + kernel; }
};
/// Loads what was compiled for this hook. The error is that of the step that failed.
[[nodiscard]] Result<Prepared> prepare(Result<Compiled> compiled, const bpf::Hook* hook);

}  // namespace perilune::bench
