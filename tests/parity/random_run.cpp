#include "random_run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>

#include "folder.h"
#include "random_packets.h"
#include "random_scripts.h"

namespace perilune::parity {
namespace {

constexpr size_t kPacketsAScript = 24;
constexpr unsigned kShrinkAttempts = 600;
constexpr unsigned kShown = 12;  // failing scripts that are shrunk and printed

class RandomRun {
 public:
  RandomRun(const Options& options, Comparison& comparison) : options_(options), comparison_(comparison) {}

  int run() {
    comparison_.accept_refusals();
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < options_.random; ++i) {
      one(options_.seed + i);
      if (options_.progress && (i + 1) % 1000 == 0) {
        fmt::print(stderr, "{} scripts, {} failed\n", i + 1, failed_);
      }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    for (const auto& [what, count] : kinds_)
      fmt::print("{:>8} {}\n", count, what);
    if (!options_.print) coverage();
    fmt::print("{} random scripts from seed {}, {:.1f} s\n", options_.random, options_.seed, took.count());
    return 0;
  }

  [[nodiscard]] uint64_t failed() const { return failed_; }

 private:
  /// How many of the scripts were compiled, and what refused the others; a column for each configuration.
  void coverage() const {
    const auto row = [this](std::string_view what, auto value) {
      fmt::print("{:<24}", what);
      for (const auto& [name, tally] : comparison_.tallies())
        fmt::print(" {:>16}", value(name, tally));
      fmt::print("\n");
    };
    using Name = const std::string&;
    const auto offered = [](const Tally& tally) { return tally.passed + tally.failed + tally.refused; };
    row("random scripts", [](Name name, const Tally&) { return name; });
    row("offered", [&](Name, const Tally& tally) { return offered(tally); });
    row("compiled", [&](Name, const Tally& tally) { return tally.passed + tally.failed; });
    row("compiled, per cent", [&](Name, const Tally& tally) {
      return fmt::format("{:.1f}", 100.0 * static_cast<double>(tally.passed + tally.failed) /
                                       static_cast<double>(std::max<uint64_t>(offered(tally), 1)));
    });
    for (const auto& [code, counts] : comparison_.refusals()) {
      row("refused " + code, [&counts = counts](Name name, const Tally&) {
        const auto found = counts.find(name);
        return found == counts.end() ? uint64_t{0} : found->second;
      });
    }
  }

  Report compare(const std::string& text, const char* name) {
    const std::string path = folder_.file(name);
    std::ofstream(path, std::ios::binary) << text;
    ScriptFile script;
    script.path = path;
    script.name = name;
    script.text = text;
    return comparison_.compare(script);
  }

  void one(uint64_t seed) {
    std::vector<Statement> script = random_script(seed);
    if (options_.print) {
      fmt::print("---- seed {}\n{}", seed, to_text(script));
      return;
    }
    RandomSource random(seed ^ 0x9e3779b97f4a7c15U);
    comparison_.use(random_packets(random, kPacketsAScript));
    const Report report = compare(to_text(script), "script.lua");
    if (!report.failed) return;
    ++failed_;
    ++kinds_[report.kind];
    if (kinds_[report.kind] > 2 || shown_ >= kShown) return;
    ++shown_;
    // Smaller, as long as the same configuration fails in the same way.
    comparison_.quiet(true);
    shrink(
        script,
        [&](const std::string& text) {
          const Report smaller = compare(text, "script.lua");
          return smaller.failed && smaller.kind == report.kind;
        },
        kShrinkAttempts);
    const Report last = compare(to_text(script), "script.lua");
    comparison_.quiet(false);
    fmt::print("---- seed {}\n{}", seed, to_text(script));
    for (const std::string& line : last.lines)
      fmt::print("{}\n", line);
    std::fflush(stdout);
  }

  const Options& options_;
  Comparison& comparison_;
  Folder folder_;
  std::map<std::string, uint64_t> kinds_;
  uint64_t failed_ = 0;
  unsigned shown_ = 0;
};

}  // namespace

int run_random(const Options& options, Comparison& comparison) {
  RandomRun run(options, comparison);
  run.run();
  return run.failed() == 0 ? 0 : 1;
}

}  // namespace perilune::parity
