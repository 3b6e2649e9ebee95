// What compiling and verifying costs as scripts grow (script_families.h): cost_curve [--hook xdp|tc|netfilter]
// [--sizes 50,100,...] [--only NAME] [--check]
//
// Prints for each family and size: instructions of the filter and of the program, instructions the verifier looked at
// (also by line), CPU time of the compiler and of the kernel. With --check it only asserts, and by what is the same in
// each run: from the smallest size to the largest, a line must not cost the verifier more than kMostGrowth times as
// much. Needs root.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

#include "bench/compiled.h"
#include "bench/script_families.h"

namespace perilune::bench {
namespace {

constexpr double kMostGrowth = 1.5;
constexpr double kFewLines = 20;  // what the runtime costs, in lines

struct Arguments {
  compiler::HookKind hook = compiler::HookKind::kXdp;
  bpf::EntryPoint entry_point = bpf::EntryPoint::kXdp;
  std::vector<size_t> sizes;
  std::string only;
  bool check = false;
  std::string print;  // a family: its script of the first size goes to standard output
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
    if (word == "--hook" && value == "xdp") {
      arguments.hook = compiler::HookKind::kXdp;
      arguments.entry_point = bpf::EntryPoint::kXdp;
    } else if (word == "--hook" && value == "tc") {
      arguments.hook = compiler::HookKind::kTc;
      arguments.entry_point = bpf::EntryPoint::kTcIn;
    } else if (word == "--hook" && value == "netfilter") {
      arguments.hook = compiler::HookKind::kNetfilter;
      arguments.entry_point = bpf::EntryPoint::kNetfilter;
    } else if (word == "--sizes") {
      sizes = value;
    } else if (word == "--only") {
      arguments.only = value;
    } else if (word == "--print") {
      arguments.print = value;
    } else {
      return input_error(fmt::format("cost_curve has no option {} {}", word, value));
    }
  }
  if (sizes.empty()) sizes = arguments.check ? "50,200" : "50,100,250,500,1000,2000,4000";
  std::istringstream in(sizes);
  for (std::string one; std::getline(in, one, ',');) {
    size_t size = 0;
    std::from_chars(one.data(), one.data() + one.size(), size);
    if (size == 0) return input_error(fmt::format("'{}' is no number of lines", one));
    arguments.sizes.push_back(size);
  }
  return arguments;
}

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

struct Cost {
  uint32_t filter_insns = 0;
  uint32_t program_insns = 0;
  uint32_t verified = 0;
  double compiling = 0;
  double kernel = 0;
};

Result<Cost> measure(const Family& family, size_t lines, const Arguments& arguments) {
  auto compiled = compile_text(family.text(lines), arguments.hook);
  if (!compiled) return tl::make_unexpected(compiled.error());
  const auto begin = cpu_time();
  auto loaded = load(*compiled, arguments.entry_point);
  if (!loaded) return tl::make_unexpected(loaded.error());
  return Cost{static_cast<uint32_t>(compiled->code.image.code.insns.size()), loaded->insns, loaded->verified_insns,
              milliseconds(compiled->lua_time + compiled->compile_time), milliseconds(cpu_time() - begin)};
}

/// How many problems.
int judge(const Family& family, const Arguments& arguments) {
  std::optional<double> first;
  int problems = 0;
  for (const size_t lines : arguments.sizes) {
    if (lines > family.most_lines) continue;
    const auto cost = measure(family, lines, arguments);
    if (!cost) {
      fmt::print("{:<16}{:>6}  {}\n", family.name, lines, cost.error().message);
      ++problems;
      break;
    }
    const double by_line = cost->verified / (static_cast<double>(lines) + kFewLines);
    const double growth = first ? by_line / *first : 1;
    if (!first) first = by_line;
    const bool grows = growth > kMostGrowth;
    if (grows) ++problems;
    if (arguments.check && !grows) continue;
    fmt::print("{:<16}{:>6}{:>9}{:>9}{:>10}{:>9.1f}{:>8.2f}{:>10.1f}{:>10.1f}{}\n", family.name, lines,
               cost->filter_insns, cost->program_insns, cost->verified, by_line, growth, cost->compiling, cost->kernel,
               grows ? "  grows faster than the script" : "");
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
    if (family.writes && arguments.hook == compiler::HookKind::kNetfilter) continue;
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
