#include "bench/compiled.h"

#include <ctime>
#include <utility>

namespace perilune::bench {
namespace {

Error first_of(const Diagnostics& diagnostics) {
  return {Fault::kInput, diagnostics.empty() ? "it cannot be compiled" : to_text(diagnostics.front()), {}};
}

/// `run`: the main chunk, in a state with these options.
template <typename Run>
Result<Compiled> compile_with(compiler::HookKind hook, size_t memory, Run run) {
  Compiled compiled;
  compiled.store = std::make_unique<script::MapStore>();
  script::Options options;
  options.maps = compiled.store.get();
  options.limits.memory = memory;
  const auto begin = cpu_time();
  auto state = run(options);
  if (!state) return tl::make_unexpected(first_of(state.error()));
  compiled.state = std::move(*state);
  const auto loaded = cpu_time();
  compiler::Target target;
  target.hook = hook;
  auto code = compiler::compile_filter(*compiled.state, target);
  if (!code) return tl::make_unexpected(first_of(code.error()));
  compiled.code = std::move(*code);
  compiled.lua_time = loaded - begin;
  compiled.compile_time = cpu_time() - loaded;
  return compiled;
}

}  // namespace

std::chrono::nanoseconds cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Result<Compiled> compile(const std::string& path, compiler::HookKind hook, size_t memory) {
  return compile_with(hook, memory,
                      [&](const script::Options& options) { return script::State::load_file(path, options); });
}

Result<Compiled> compile_text(const std::string& text, compiler::HookKind hook) {
  return compile_with(hook, script::Limits{}.memory, [&](const script::Options& options) {
    return script::State::load_text(text, "pattern.lua", "", options);
  });
}

Result<bpf::LoadedProgram> load(const Compiled& compiled, bpf::EntryPoint entry_point) {
  bpf::ProgramOptions options;
  options.entry_point = entry_point;
  options.name = "bench";
  return bpf::load(compiled.code.image, options);
}

}  // namespace perilune::bench
