// A script compiled and loaded as `perilune load` would, and what that took.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bpf/program.h"
#include "compiler/compiler.h"

namespace perilune::bench {

struct Compiled {
  std::unique_ptr<script::MapStore> store;
  std::unique_ptr<script::State> state;
  compiler::Compiled code;
  std::chrono::nanoseconds lua_time{};      // the main chunk; CPU time, as all here
  std::chrono::nanoseconds compile_time{};  // the closure to BPF code
};

/// Runs the script's main chunk and compiles its filter. `memory`: what its state may take.
[[nodiscard]] Result<Compiled> compile(const std::string& path, compiler::HookKind hook,
                                       size_t memory = size_t{64} << 20);

/// The same for a script's text.
[[nodiscard]] Result<Compiled> compile_text(const std::string& text, compiler::HookKind hook);

/// Where it is loaded.
struct Hook {
  std::string_view name = "xdp";
  compiler::HookKind kind = compiler::HookKind::kXdp;
  bpf::EntryPoint entry_point = bpf::EntryPoint::kXdp;
};
/// xdp, tc or netfilter.
[[nodiscard]] Result<Hook> find_hook(std::string_view name);

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
[[nodiscard]] Result<Prepared> prepare(Result<Compiled> compiled, const Hook& hook);

}  // namespace perilune::bench
