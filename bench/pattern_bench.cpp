// Lua patterns as compiled code beside RE2, Hyperscan, stock Lua and LuaJIT, on typical and hostile subjects:
//
//   pattern_bench            (lua5.4 and luajit are found by PATH, pattern_peer.lua beside this file)
//
// All of them answer the same question, "is it in there?"; the column "captures" is ours when the captured text is
// looked at, which RE2 (one capture), Lua and LuaJIT always find out and Hyperscan never does. Times are nanoseconds of
// a match.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <hs/hs.h>
#include <re2/re2.h>

#include "bench/compiled_pattern.h"
#include "bench/pattern_cases.h"

namespace perilune::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kRoundNanoseconds = 5e6;
constexpr int kRounds = 5;

struct Timed {
  double nanoseconds = -1;  // below 0: not measured
  bool found = false;
};

/// Nanoseconds of a call: best of some rounds, each long enough for the clock.
double time(const std::function<bool()>& call) {
  size_t count = 1;
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < kRounds; ++round) {
    for (;;) {
      bool sink = false;
      const auto begin = Clock::now();
      for (size_t i = 0; i < count; ++i)
        sink ^= call();
      const double taken = std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
      asm volatile("" : : "r"(sink));
      if (taken >= kRoundNanoseconds) {
        best = std::min(best, taken / static_cast<double>(count));
        break;
      }
      count *= 2;
    }
  }
  return best;
}

Timed by_re2(const PatternCase& pattern, const std::string& subject) {
  RE2::Options options(RE2::Latin1);
  options.set_log_errors(false);
  const RE2 expression(pattern.regex, options);
  if (!expression.ok()) return {};
  re2::StringPiece capture;
  const bool has_capture = expression.NumberOfCapturingGroups() > 0;
  auto call = [&] {
    return has_capture ? RE2::PartialMatch(subject, expression, &capture) : RE2::PartialMatch(subject, expression);
  };
  return {time(call), call()};
}

int stop_at_first(unsigned, unsigned long long, unsigned long long, unsigned, void* found) {
  *static_cast<bool*>(found) = true;
  return 1;
}

Timed by_hyperscan(const PatternCase& pattern, const std::string& subject) {
  hs_database_t* made = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile(pattern.regex.c_str(), HS_FLAG_SINGLEMATCH, HS_MODE_BLOCK, nullptr, &made, &error) != HS_SUCCESS) {
    hs_free_compile_error(error);
    return {};
  }
  const std::unique_ptr<hs_database_t, hs_error_t (*)(hs_database_t*)> database(made, hs_free_database);
  hs_scratch_t* allocated = nullptr;
  if (hs_alloc_scratch(made, &allocated) != HS_SUCCESS) return {};
  const std::unique_ptr<hs_scratch_t, hs_error_t (*)(hs_scratch_t*)> scratch(allocated, hs_free_scratch);
  auto call = [&] {
    bool found = false;
    hs_scan(made, subject.data(), static_cast<unsigned>(subject.size()), 0, allocated, stop_at_first, &found);
    return found;
  };
  return {time(call), call()};
}

Timed by_us(const PatternCase& pattern, const std::string& subject, PatternNeeds needs) {
  auto compiled = CompiledPattern::make(pattern.lua, needs);
  if (!compiled) {
    fmt::print(stderr, "{}: {}\n", pattern.name, compiled.error().message);
    return {};
  }
  (*compiled)->set_subject(subject);
  auto call = [&] { return (*compiled)->match(); };
  return {time(call), call()};
}

std::string hexadecimal(const std::string& text) {
  std::string digits;
  for (const char byte : text)
    digits += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return digits;
}

/// Every pattern with every subject, in the order of the tables; empty when the interpreter is not there.
std::vector<Timed> by_lua(const std::string& interpreter) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("perilune-patterns-{}", getpid());
  std::ofstream file(path);
  for (const PatternCase& pattern : pattern_cases()) {
    for (const PatternSubject& subject : pattern_subjects()) {
      file << hexadecimal(pattern.lua) << ' ' << hexadecimal(subject.bytes) << '\n';
    }
  }
  file.close();
  std::vector<Timed> results;
  const std::string command =
      fmt::format("{} {}/pattern_peer.lua {} 2>/dev/null", interpreter, PERILUNE_BENCH_DIR, path.string());
  if (FILE* pipe = popen(command.c_str(), "r"); pipe != nullptr) {
    double nanoseconds = 0;
    int found = 0;
    while (fscanf(pipe, "%lf %d", &nanoseconds, &found) == 2)
      results.push_back({nanoseconds, found == 1});
    pclose(pipe);
  }
  std::filesystem::remove(path);
  return results;
}

std::string cell(const Timed& timed) {
  if (timed.nanoseconds < 0) return "-";
  if (timed.nanoseconds >= 1e6) return fmt::format("{:.1f} ms", timed.nanoseconds / 1e6);
  if (timed.nanoseconds >= 1e5) return fmt::format("{:.0f} us", timed.nanoseconds / 1e3);
  return fmt::format("{:.0f}", timed.nanoseconds);
}

void run() {
  const std::vector<Timed> lua = by_lua("lua5.4");
  const std::vector<Timed> luajit = by_lua("luajit");
  size_t index = 0;
  std::array<double, 2> logarithms{};  // of RE2 / ours, Hyperscan / ours
  size_t measured = 0;
  for (const PatternCase& pattern : pattern_cases()) {
    fmt::print("{}\n  {:<28}{:>8}{:>10}{:>8}{:>11}{:>10}{:>10}{:>14}\n", pattern.name, "ns of a match", "ours",
               "captures", "RE2", "Hyperscan", "Lua 5.4", "LuaJIT", "RE2/captures");
    for (const PatternSubject& subject : pattern_subjects()) {
      const Timed yes_or_no = by_us(pattern, subject.bytes, PatternNeeds::kYesOrNo);
      const Timed captures = by_us(pattern, subject.bytes, PatternNeeds::kCapture);
      const Timed re2 = by_re2(pattern, subject.bytes);
      const Timed hyperscan = by_hyperscan(pattern, subject.bytes);
      const Timed stock = index < lua.size() ? lua[index] : Timed{};
      const Timed jit = index < luajit.size() ? luajit[index] : Timed{};
      ++index;
      fmt::print("  {:<28}{:>8}{:>10}{:>8}{:>11}{:>10}{:>10}{:>14}\n", subject.name, cell(yes_or_no), cell(captures),
                 cell(re2), cell(hyperscan), cell(stock), cell(jit),
                 captures.nanoseconds > 0 ? fmt::format("{:.2f}", re2.nanoseconds / captures.nanoseconds) : "-");
      for (const Timed& other : {yes_or_no, captures, re2, hyperscan, jit}) {
        if (other.nanoseconds >= 0 && stock.nanoseconds >= 0 && other.found != stock.found) {
          fmt::print("    THE ANSWERS DIFFER: Lua says {}\n", stock.found);
        }
      }
      if (yes_or_no.nanoseconds > 0 && captures.nanoseconds > 0) {
        logarithms[0] += std::log(re2.nanoseconds / captures.nanoseconds);
        logarithms[1] += std::log(hyperscan.nanoseconds / yes_or_no.nanoseconds);
        ++measured;
      }
    }
  }
  if (measured != 0) {
    const auto n = static_cast<double>(measured);
    fmt::print("\nhow much longer others take, geometric mean: RE2 {:.2f} (captures), Hyperscan {:.2f} (yes or no)\n",
               std::exp(logarithms[0] / n), std::exp(logarithms[1] / n));
  }
}

}  // namespace
}  // namespace perilune::bench

int main() {
  perilune::bench::run();
  return 0;
}
