// What compiling and verifying costs as scripts grow (script_families.h): cost_curve [--hook xdp|tc|netfilter]
// [--sizes 50,100,...] [--only NAME] [--check]; or --print NAME, --write FOLDER: the scripts of the first size
//
// Prints for each family and size: instructions of the filter and of the program, instructions the verifier looked at
// (also by line), CPU time of the compiler and of the kernel. With --check it only asserts, and by what is the same in
// each run: from the smallest size to the largest, a line must not cost the verifier more than kMostGrowth times as
// much, and the kernel must not be left with more to write out than kMostPatching says (see ir/generate/low.h). Needs
// root.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

#include "bench/compiled.h"
#include "bench/script_families.h"
#include "bpf/hook.h"
#include "ir/opcodes.h"

namespace perilune::bench {
namespace {

constexpr double kMostGrowth = 1.5;
constexpr double kFewLines = 20;                 // what the runtime costs, in lines
constexpr uint64_t kMostPatching = 130'000'000;  // what the kernel writes out, times instructions

struct Arguments {
  const bpf::Hook* hook = bpf::find_hook("xdp");
  std::vector<size_t> sizes;
  std::string only;
  bool check = false;
  std::string print;  // a family: its script of the first size goes to standard output
  std::string write;  // a folder: such a script of each family goes there
};

Result<Arguments> parse(int count, char** values) {
  Arguments arguments;
  std::string sizes;
  for (int i = 1; i < count; ++i) {
    const std::string word = values[i];
    if (word == "--check") {
      arguments.check = true;
      continue;
    }
    if (++i == count) return input_error(word + " needs a value");
    const std::string value = values[i];
    if (word == "--hook") {
      const auto hook = measured_hook(value);
      if (!hook) return tl::make_unexpected(hook.error());
      arguments.hook = *hook;
    } else if (word == "--sizes") {
      sizes = value;
    } else if (word == "--only") {
      arguments.only = value;
    } else if (word == "--print") {
      arguments.print = value;
    } else if (word == "--write") {
      arguments.write = value;
    } else {
      return input_error(fmt::format("cost_curve has no option {} {}", word, value));
    }
  }
  if (sizes.empty()) sizes = arguments.check ? "50,200,1000" : "50,100,250,500,1000,2000,4000";
  std::istringstream in(sizes);
  for (std::string one; std::getline(in, one, ',');) {
    size_t size = 0;
    std::from_chars(one.data(), one.data() + one.size(), size);
    if (size == 0) return input_error(fmt::format("'{}' is no number of lines", one));
    arguments.sizes.push_back(size);
  }
  return arguments;
}

/// Instructions that the kernel writes out into several (loops, look-ups in maps), times those that it moves each time.
uint64_t patching(const std::vector<ir::Insn>& insns) {
  const auto written_out = std::ranges::count_if(insns, [](const ir::Insn& insn) {
    const bool looks_up = insn.code == ir::bpf::kCallHelper && insn.src == 0 && insn.imm == ir::bpf::helper::kMapLookup;
    return insn.code == ir::bpf::kMayGoto || looks_up;
  });
  return static_cast<uint64_t>(written_out) * insns.size();
}

/// How many problems.
int judge(const Family& family, const Arguments& arguments) {
  std::optional<double> first;
  int problems = 0;
  for (const size_t lines : arguments.sizes) {
    if (lines > family.most_lines) continue;
    const auto prepared = prepare(compile_text(family.text(lines), target_at(arguments.hook)), arguments.hook);
    if (!prepared) {
      fmt::print("{:<16}{:>6}  {}\n", family.name, lines, prepared.error().message);
      ++problems;
      break;
    }
    const std::vector<ir::Insn>& insns = prepared->compiled.code.image.code.insns;
    const uint32_t verified = prepared->program.verified_insns;
    const double by_line = verified / (static_cast<double>(lines) + kFewLines);
    const double growth = first ? by_line / *first : 1;
    if (!first) first = by_line;
    const bool grows = growth > kMostGrowth || patching(insns) > kMostPatching;
    if (grows) ++problems;
    if (arguments.check && !grows) continue;
    fmt::print("{:<16}{:>6}{:>9}{:>9}{:>10}{:>9.1f}{:>8.2f}{:>10.1f}{:>10.1f}{}\n", family.name, lines, insns.size(),
               prepared->program.insns, verified, by_line, growth, prepared->lua + prepared->compiling,
               prepared->kernel, grows ? "  grows faster than the script" : "");
    std::fflush(stdout);
  }
  return problems;
}

int run(const Arguments& arguments) {
  if (!arguments.check) {
    fmt::print("{:<16}{:>6}{:>9}{:>9}{:>10}{:>9}{:>8}{:>10}{:>10}\n", "", "lines", "filter", "program", "verified",
               "a line", "growth", "compiler", "kernel");
    fmt::print("{:<16}{:>6}{:>9}{:>9}{:>10}{:>9}{:>8}{:>10}{:>10}\n", "", "", "insns", "insns", "insns", "", "", "ms",
               "ms");
  }
  int problems = 0;
  for (const Family& family : families()) {
    if (family.name.find(arguments.only) == std::string::npos) continue;
    if (family.writes && !target_at(arguments.hook).writes) continue;
    problems += judge(family, arguments);
  }
  if (!arguments.check) return 0;
  fmt::print("verification cost: {}\n", problems == 0 ? "grows as the scripts do" : "see above");
  return problems == 0 ? 0 : 1;
}

}  // namespace
}  // namespace perilune::bench

int main(int count, char** values) {
  using namespace perilune;
  const auto arguments = bench::parse(count, values);
  if (!arguments) {
    fmt::print(stderr, "cost_curve: {}\n", arguments.error().message);
    return 1;
  }
  if (!arguments->write.empty()) {
    for (const bench::Family& family : bench::families()) {
      std::ofstream file(arguments->write + "/" + family.name + ".lua");
      file << family.text(arguments->sizes.front());
      if (!file.flush()) {
        fmt::print(stderr, "cost_curve: cannot write to {}\n", arguments->write);
        return 1;
      }
    }
    return 0;
  }
  if (!arguments->print.empty()) {
    for (const bench::Family& family : bench::families())
      if (family.name == arguments->print) fmt::print("{}", family.text(arguments->sizes.front()));
    return 0;
  }
  if (geteuid() != 0) {
    fmt::print("SKIP: loading programs needs root\n");
    return 77;
  }
  return bench::run(*arguments);
}
