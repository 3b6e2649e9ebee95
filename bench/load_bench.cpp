// What it takes to load each script at XDP: load_bench SCRIPT...
//
// The main chunk in Lua, the compiler, the kernel (maps made and filled, the verifier, its machine code); how long the
// program is, how much the verifier looked at, what it occupies. CPU time, best of three. Needs root.
#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "bench/compiled.h"

namespace perilune::bench {
namespace {

constexpr int kRounds = 3;
constexpr size_t kMemory = size_t{2} << 30;
constexpr double kSecondsOfMillionNames = 2.0;
constexpr double kLong = 3000;  // milliseconds

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

struct Cost {
  double lua = 0;
  double compiling = 0;
  double kernel = 0;
  [[nodiscard]] double total() const { return lua + compiling + kernel; }
};

void measure_script(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  std::optional<Cost> best;
  for (int round = 0; round < kRounds; ++round) {
    auto compiled = compile(path, compiler::HookKind::kXdp, kMemory);
    if (!compiled) {
      fmt::print("{:<24}not compiled: {}\n", name, compiled.error().message);
      return;
    }
    const auto begin = cpu_time();
    auto loaded = load(*compiled, bpf::EntryPoint::kXdp);
    if (!loaded) {
      fmt::print("{:<24}not loaded: {}\n", name, loaded.error().message);
      return;
    }
    const Cost cost{milliseconds(compiled->lua_time), milliseconds(compiled->compile_time),
                    milliseconds(cpu_time() - begin)};
    if (!best || cost.total() < best->total()) best = cost;
    if (round + 1 < kRounds && cost.total() < kLong) continue;
    round = kRounds;  // what takes long is measured once
    const auto& image = compiled->code.image;
    fmt::print("{:<24}{:>9.1f}{:>9.1f}{:>9.1f}{:>10.1f}{:>9}{:>9}{:>10}{:>9}{:>10}{:>10}\n", name, best->lua,
               best->compiling, best->kernel, best->total(), image.code.insns.size(), loaded->insns,
               loaded->verified_insns, loaded->jited_bytes, image.tables.size() / 1024, loaded->memory_bytes / 1024);
    if (name == "dns-block-list.lua" && image.tables.size() > (size_t{1} << 24)) {
      fmt::print("aim: the long list in {} s: {} ({:.2f} s)\n", kSecondsOfMillionNames,
                 best->total() < kSecondsOfMillionNames * 1000 ? "met" : "not met", best->total() / 1000);
    }
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
