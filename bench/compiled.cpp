#include "bench/compiled.h"

#include <array>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "bpf/hook.h"

namespace perilune::bench {
namespace {

/// CPU time of this process, system calls included.
std::chrono::nanoseconds cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Error first_of(const Diagnostics& diagnostics) {
  return {Fault::kInput, diagnostics.empty() ? "it cannot be compiled" : to_text(diagnostics.front()), {}};
}

/// `load`: runs the main chunk.
template <typename Load>
Result<Compiled> compile_with(const compiler::Target& target, Load load) {
  Compiled compiled;
  const auto begin = cpu_time();
  auto script = load();
  if (!script) return tl::make_unexpected(first_of(script.error()));
  compiled.script = std::move(*script);
  const auto loaded = cpu_time();
  auto code = compiled.script->compile(target);
  if (!code) return tl::make_unexpected(first_of(code.error()));
  compiled.code = std::move(*code);
  compiled.lua_time = loaded - begin;
  compiled.compile_time = cpu_time() - loaded;
  return compiled;
}

}  // namespace

Result<Compiled> compile(const std::string& path, const compiler::Target& target, size_t memory) {
  engine::LoadOptions options;
  options.state.limits.memory = memory;
  return compile_with(target, [&] { return engine::LoadedScript::load(path, options); });
}

Result<Compiled> compile_text(const std::string& text, const compiler::Target& target) {
  return compile_with(target, [&] { return engine::LoadedScript::load_text(text, "pattern.lua", {}); });
}

Result<const bpf::Hook*> measured_hook(std::string_view name) {
  if (const bpf::Hook* hook = bpf::find_hook(name); hook != nullptr) return hook;
  return input_error(fmt::format("'{}' is no hook: hooks are {}", name, bpf::hook_spellings()));
}

Result<Prepared> prepare(Result<Compiled> compiled, const bpf::Hook* hook) {
  if (!compiled) return tl::make_unexpected(compiled.error());
  const auto milliseconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
  };
  Prepared prepared;
  prepared.lua = milliseconds(compiled->lua_time);
  prepared.compiling = milliseconds(compiled->compile_time);
  const auto begin = cpu_time();
  bpf::ProgramOptions options;
  options.hook = hook;
  options.name = "bench";
  auto program = bpf::load(compiled->code.image, options);
  if (!program) return tl::make_unexpected(program.error());
  prepared.kernel = milliseconds(cpu_time() - begin);
  prepared.compiled = std::move(*compiled);
  prepared.program = std::move(*program);
  return prepared;
}

}  // namespace perilune::bench
