#include "bench/compiled.h"

#include <utility>

namespace perilune::bench {
namespace {

using Clock = std::chrono::steady_clock;

Error first_of(const Diagnostics& diagnostics) {
  return {Fault::kInput, diagnostics.empty() ? "it cannot be compiled" : to_text(diagnostics.front()), {}};
}

}  // namespace

Result<Compiled> compile(const std::string& path, compiler::HookKind hook, size_t memory) {
  Compiled compiled;
  compiled.store = std::make_unique<script::MapStore>();
  script::Options options;
  options.maps = compiled.store.get();
  options.limits.memory = memory;
  const auto begin = Clock::now();
  auto state = script::State::load_file(path, options);
  if (!state) return tl::make_unexpected(first_of(state.error()));
  compiled.state = std::move(*state);
  const auto loaded = Clock::now();
  compiler::Target target;
  target.hook = hook;
  auto code = compiler::compile_filter(*compiled.state, target);
  if (!code) return tl::make_unexpected(first_of(code.error()));
  compiled.code = std::move(*code);
  compiled.lua_time = loaded - begin;
  compiled.compile_time = Clock::now() - loaded;
  return compiled;
}

Result<bpf::LoadedProgram> load(const Compiled& compiled, bpf::EntryPoint entry_point) {
  bpf::ProgramOptions options;
  options.entry_point = entry_point;
  options.name = "bench";
  return bpf::load(compiled.code.image, options);
}

}  // namespace perilune::bench
