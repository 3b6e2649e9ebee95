// Runs scripts over captures in lua and in every other engine there is, and compares everything that can be seen.
//
//   parity [OPTION...] [SCRIPT...]      scripts: files, or folders of them; without any, the corpus
//     --captures FILE                   (may be repeated) instead of the shared captures and those of the examples
//     --engine NAME                     only this configuration (may be repeated); --list names them
//     --most N                          differences told for each script (default 3)
//     --seed N                          of random(); of the first random script
//     --random N                        N random scripts over random packets instead (seeds from --seed on)
//     --in-turn                         each of them at one of the kernel's hooks instead of all
//     --print                           prints the random scripts instead of running them
//     --tables [--whole] [FILE...]      the tables of the library's edges instead, beside the stock interpreter;
//                                       --whole: every case, else a sample (another one for each seed)
//     --jobs N                          on N threads (default 1)
//     --progress                        says every 1,000 random scripts how far it is
//
// Prints the differences, a line for each configuration, and 'N passed, M failed'. Exit status 1: something differs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "comparison.h"
#include "jobs.h"
#include "options.h"
#include "random_run.h"
#include "table_run.h"

namespace perilune::parity {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_of(const fs::path& folder, const std::vector<std::string_view>& extensions) {
  std::vector<std::string> files;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().string();
    const bool wanted = std::ranges::any_of(extensions, [&](std::string_view end) { return name.ends_with(end); });
    if (wanted && !name.ends_with(".test.lua")) files.push_back(name);
  }
  std::ranges::sort(files);
  return files;
}

std::vector<std::string> default_captures() {
  const fs::path root = PERILUNE_SOURCE_DIR;
  const char* shared = std::getenv("PERILUNE_SHARED");
  const fs::path folder = shared != nullptr ? fs::path(shared) : root.parent_path() / "shared";
  std::vector<std::string> files = files_of(folder / "captures", {".pcap", ".pcapng"});
  for (const std::string& file : files_of(root / "examples" / "captures", {".pcap", ".pcapng"}))
    files.push_back(file);
  return files;
}

std::vector<std::string> scripts_of(const Options& options) {
  const fs::path root = PERILUNE_SOURCE_DIR;
  std::vector<std::string> named = options.scripts;
  if (named.empty()) named = {(root / "tests" / "parity" / "scripts").string(), (root / "examples").string()};
  std::vector<std::string> files;
  for (const std::string& one : named) {
    if (!fs::is_directory(one)) {
      files.push_back(one);
      continue;
    }
    for (const std::string& file : files_of(one, {".lua"}))
      files.push_back(file);
  }
  return files;
}

int fail(const Error& error) {
  fmt::print(stderr, "parity: {}\n", error.message);
  return 2;
}

Terms terms_of(const Options& options) {
  Terms terms;
  terms.seed = options.seed;
  if (options.random > 0) terms.instructions = kPlenty;
  return terms;
}

/// The configurations asked for that can be had here; says of the others why not when `says_so`.
std::vector<std::unique_ptr<Configuration>> chosen(const Options& options, bool says_so) {
  std::vector<std::unique_ptr<Configuration>> all;
  for (auto& configuration : configurations(terms_of(options))) {
    const bool wanted =
        options.engines.empty() || std::ranges::find(options.engines, configuration->name) != options.engines.end();
    if (!wanted) continue;
    if (const std::string reason = configuration->unavailable(); !reason.empty()) {
      if (says_so) fmt::print("SKIP {}: {}\n", configuration->name, reason);
      continue;
    }
    all.push_back(std::move(configuration));
  }
  // Beside itself: for finding out what a comparison costs.
  if (std::ranges::find(options.engines, "lua") != options.engines.end()) {
    all.push_back(lua_configuration(Feed::kAsCaptured, terms_of(options)));
  }
  return all;
}

/// One for each job.
std::vector<std::unique_ptr<Comparison>> comparisons(const Options& options, const PacketSet& packets) {
  std::vector<std::unique_ptr<Comparison>> all;
  for (unsigned job = 0; job < options.jobs; ++job)
    all.push_back(std::make_unique<Comparison>(chosen(options, job == 0), packets, terms_of(options), options.most));
  return all;
}

int summary(const Comparison& comparison, uint64_t scripts, double seconds) {
  // One that lua does not load is counted once for each way packets are fed to it.
  uint64_t passed = scripts - std::min(scripts, comparison.lua_failures());
  uint64_t failed = comparison.lua_failures();
  fmt::print("{:<16} {:>8} {:>12} {:>12} {:>8} {:>9}\n", "configuration", "scripts", "packets", "differences",
             "refused", "left out");
  for (const auto& [name, tally] : comparison.tallies()) {
    fmt::print("{:<16} {:>8} {:>12} {:>12} {:>8} {:>9}\n", name, tally.scripts, tally.packets, tally.differences,
               tally.refused, tally.left_out);
    passed += tally.passed;
    failed += tally.failed;
  }
  if (comparison.not_shown() > 0) {
    fmt::print("{} packets are too short or too long for a test run in the kernel\n", comparison.not_shown());
  }
  fmt::print("{} scripts, {:.1f} s\n", scripts, seconds);
  fmt::print("{} passed, {} failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

int compare_files(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<std::string> captures = options.captures.empty() ? default_captures() : options.captures;
  const Result<PacketSet> packets = read_captures(captures);
  if (!packets) return fail(packets.error());
  std::vector<ScriptFile> scripts;
  for (const std::string& path : scripts_of(options)) {
    Result<ScriptFile> script = read_script_file(path);
    if (!script) return fail(script.error());
    if (script->text.find("function filter") == std::string::npos) continue;  // a module of another script
    scripts.push_back(std::move(*script));
  }
  const auto beside_each_other = comparisons(options, *packets);
  std::vector<Report> reports(scripts.size());
  in_parallel(
      options.jobs, scripts.size(),
      [&](unsigned job, uint64_t number) { reports[number] = beside_each_other[job]->compare(scripts[number]); },
      [&](uint64_t number) {
        for (const std::string& line : reports[number].lines)
          fmt::print("{}\n", line);
        std::fflush(stdout);
      });
  for (unsigned job = 1; job < options.jobs; ++job)
    beside_each_other.front()->add(*beside_each_other[job]);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return summary(*beside_each_other.front(), scripts.size(), took.count());
}

int compare_random(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto beside_each_other = comparisons(options, {});
  run_random(options, beside_each_other);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return summary(*beside_each_other.front(), options.random, took.count());
}

int list(const Options& options) {
  for (const auto& configuration : configurations(terms_of(options))) {
    const std::string reason = configuration->unavailable();
    fmt::print("{:<16} {}\n", configuration->name, reason.empty() ? "can be had" : reason);
  }
  return 0;
}

}  // namespace
}  // namespace perilune::parity

int main(int argc, char** argv) {
  const auto options = perilune::parity::parse_options({argv + 1, static_cast<size_t>(argc - 1)});
  if (!options) return perilune::parity::fail(options.error());
  if (options->list) return perilune::parity::list(*options);
  if (options->tables) {
    return perilune::parity::run_tables(*options,
                                        [&](bool says_so) { return perilune::parity::chosen(*options, says_so); });
  }
  if (options->random > 0) return perilune::parity::compare_random(*options);
  return perilune::parity::compare_files(*options);
}
