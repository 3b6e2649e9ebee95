#include "random_run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <utility>

#include "folder.h"
#include "jobs.h"
#include "random_packets.h"
#include "random_scripts.h"

namespace perilune::parity {
namespace {

constexpr size_t kPacketsAScript = 24;
constexpr unsigned kShrinkAttempts = 600;
constexpr std::chrono::seconds kShrinkTime{60};
constexpr unsigned kShown = 12;  // failing scripts that are shrunk and printed

class RandomRun {
 public:
  using Comparisons = std::vector<std::unique_ptr<Comparison>>;

  RandomRun(const Options& options, const Comparisons& comparisons)
      : options_(options), comparisons_(comparisons), folders_(comparisons.size()), reports_(options.random) {}

  void run() {
    for (const auto& comparison : comparisons_)
      comparison->accept_refusals();
    const auto start = std::chrono::steady_clock::now();
    in_parallel(
        static_cast<unsigned>(comparisons_.size()), options_.random,
        [this](unsigned job, uint64_t number) { reports_[number] = judge(job, options_.seed + number); },
        [this](uint64_t number) { tell(number); });
    for (const auto& [seed, kind] : shown_)
      show(seed, kind);
    for (size_t i = 1; i < comparisons_.size(); ++i)
      comparisons_.front()->add(*comparisons_[i]);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    for (const auto& [what, count] : kinds_)
      fmt::print("{:>8} {}\n", count, what);
    coverage();
    fmt::print("{} random scripts from seed {}, {:.1f} s\n", options_.random, options_.seed, took.count());
  }

 private:
  /// How many of the scripts were compiled, and what refused the others; a column for each configuration.
  void coverage() const {
    const auto row = [this](std::string_view what, auto value) {
      fmt::print("{:<24}", what);
      for (const auto& [name, tally] : comparisons_.front()->tallies())
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
    for (const auto& [code, counts] : comparisons_.front()->refusals()) {
      row("refused " + code, [&counts = counts](Name name, const Tally&) {
        const auto found = counts.find(name);
        return found == counts.end() ? uint64_t{0} : found->second;
      });
    }
  }

  Report compare(unsigned job, uint64_t seed, const std::string& text) {
    ScriptFile script;
    script.name = "script.lua";
    script.path = folders_[job].file(script.name);
    script.text = text;
    std::ofstream(script.path, std::ios::binary) << text;
    return options_.in_turn ? comparisons_[job]->compare_at_one_hook(script, seed) : comparisons_[job]->compare(script);
  }

  void use_packets(unsigned job, uint64_t seed) {
    RandomSource random(seed ^ 0x9e3779b97f4a7c15U);
    comparisons_[job]->use(random_packets(random, kPacketsAScript));
  }

  Report judge(unsigned job, uint64_t seed) {
    use_packets(job, seed);
    return compare(job, seed, to_text(random_script(seed)));
  }

  void tell(uint64_t number) {
    const Report report = std::exchange(reports_[number], {});
    if (report.failed) {
      ++failed_;
      const uint64_t seed = options_.seed + number;
      fmt::print("FAILED seed {}: {}\n", seed, report.kind);
      std::fflush(stdout);
      if (++kinds_[report.kind] <= 2 && shown_.size() < kShown) shown_.emplace_back(seed, report.kind);
    }
    if (options_.progress && (number + 1) % 1000 == 0)
      fmt::print(stderr, "{} scripts, {} failed\n", number + 1, failed_);
  }

  /// Prints the script made smaller, as long as the same configuration fails in the same way.
  void show(uint64_t seed, const std::string& kind) {
    constexpr unsigned kJob = 0;
    std::vector<Statement> script = random_script(seed);
    use_packets(kJob, seed);
    comparisons_[kJob]->quiet(true);
    const auto end = std::chrono::steady_clock::now() + kShrinkTime;
    shrink(
        script,
        [&](const std::string& text) {
          if (std::chrono::steady_clock::now() > end) return false;
          const Report smaller = compare(kJob, seed, text);
          return smaller.failed && smaller.kind == kind;
        },
        kShrinkAttempts);
    const Report last = compare(kJob, seed, to_text(script));
    comparisons_[kJob]->quiet(false);
    fmt::print("---- seed {}\n{}", seed, to_text(script));
    for (const std::string& line : last.lines)
      fmt::print("{}\n", line);
    std::fflush(stdout);
  }

  const Options& options_;
  const Comparisons& comparisons_;
  std::vector<Folder> folders_;  // of each job's script
  std::vector<Report> reports_;  // by number, until they are told of
  std::map<std::string, uint64_t> kinds_;
  std::vector<std::pair<uint64_t, std::string>> shown_;  // seeds and how they failed
  uint64_t failed_ = 0;
};

void print_scripts(const Options& options) {
  for (uint64_t i = 0; i < options.random; ++i)
    fmt::print("---- seed {}\n{}", options.seed + i, to_text(random_script(options.seed + i)));
}

}  // namespace

void run_random(const Options& options, const std::vector<std::unique_ptr<Comparison>>& comparisons) {
  if (options.print) return print_scripts(options);
  RandomRun(options, comparisons).run();
}

}  // namespace perilune::parity
