// What it takes to load each script at XDP: load_bench SCRIPT...
//
// The main chunk in Lua, the compiler, the kernel (maps made and filled, the verifier, its machine code); how long the
// program is, how much the verifier looked at, what it occupies. CPU time, best of three. Needs root.
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "bench/compiled.h"
#include "bpf/hook.h"

namespace perilune::bench {
namespace {

constexpr int kRounds = 3;
constexpr size_t kMemory = size_t{2} << 30;
constexpr double kSecondsOfMillionNames = 2.0;
constexpr double kLong = 3000;  // milliseconds

void measure_script(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const bpf::Hook* hook = bpf::find_hook("xdp");
  std::optional<Prepared> best;
  for (int round = 0; round < kRounds; ++round) {
    auto prepared = prepare(compile(path, target_at(hook), kMemory), hook);
    if (!prepared) {
      fmt::print("{:<24}cannot be loaded: {}\n", name, prepared.error().message);
      return;
    }
    if (!best || prepared->total() < best->total()) best = std::move(*prepared);
    if (best->total() >= kLong) break;  // what takes long is measured once
  }
  const auto& image = best->compiled.code.image;
  const bpf::LoadedProgram& program = best->program;
  fmt::print("{:<24}{:>9.1f}{:>9.1f}{:>9.1f}{:>10.1f}{:>9}{:>9}{:>10}{:>9}{:>10}{:>10}\n", name, best->lua,
             best->compiling, best->kernel, best->total(), image.code.insns.size(), program.insns,
             program.verified_insns, program.jited_bytes, image.tables.size() / 1024, program.memory_bytes / 1024);
  if (name == "dns-block-list.lua" && image.tables.size() > (size_t{1} << 24)) {
    fmt::print("aim: the long list in {} s: {} ({:.2f} s)\n", kSecondsOfMillionNames,
               best->total() < kSecondsOfMillionNames * 1000 ? "met" : "not met", best->total() / 1000);
  }
  std::fflush(stdout);
}

}  // namespace
}  // namespace perilune::bench

int main(int count, char** values) {
  if (count < 2) {
    fmt::print(stderr, "usage: load_bench SCRIPT...\n");
    return 1;
  }
  fmt::print("{:<24}{:>9}{:>9}{:>9}{:>10}{:>9}{:>9}{:>10}{:>9}{:>10}{:>10}\n", "", "Lua ms", "compiler", "kernel",
             "together", "filter", "program", "verified", "machine", "tables", "memory");
  fmt::print("{:<24}{:>9}{:>9}{:>9}{:>10}{:>9}{:>9}{:>10}{:>9}{:>10}{:>10}\n", "", "", "ms", "ms", "ms", "insns",
             "insns", "insns", "bytes", "KiB", "KiB");
  for (int i = 1; i < count; ++i)
    perilune::bench::measure_script(values[i]);
  return 0;
}
