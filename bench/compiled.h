// A script compiled and loaded as `perilune load` would: what is measured, and what it took.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

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
/// CPU time of this process, system calls included.
[[nodiscard]] std::chrono::nanoseconds cpu_time();

/// Runs the script's main chunk and compiles its filter. `memory`: what its state may take.
[[nodiscard]] Result<Compiled> compile(const std::string& path, compiler::HookKind hook,
                                       size_t memory = size_t{64} << 20);

/// The same for a script's text.
[[nodiscard]] Result<Compiled> compile_text(const std::string& text, compiler::HookKind hook);

/// Into the kernel.
[[nodiscard]] Result<bpf::LoadedProgram> load(const Compiled& compiled, bpf::EntryPoint entry_point);

}  // namespace perilune::bench
