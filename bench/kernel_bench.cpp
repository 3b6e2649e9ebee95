// Filters of examples/ in the kernel beside the same filters written by hand in C (bench/reference), by
// BPF_PROG_TEST_RUN over the packets of captures:
//
//   kernel_bench [--hook xdp|tc] [--packets N] [--rounds N] [--repeat N] [--only NAME] EXAMPLES CAPTURE...
//
// First verdicts and bytes are compared with the engine `lua` for every packet. Then a sample of the packets, spread
// evenly, is run through both programs in turn. Needs root.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <sched.h>

#include "bench/compiled.h"
#include "bench/contest.h"
#include "bench/reference.h"
#include "bpf/hook.h"

namespace perilune::bench {
namespace {

constexpr size_t kLongest = 3000;  // XDP gets no longer frames in one piece
constexpr size_t kMostSubjects = 16;

struct Arguments {
  const bpf::Hook* hook = bpf::find_hook("xdp");
  size_t packets = 120;
  Effort effort;
  std::string only;
  std::string examples;
  std::vector<std::string> captures;
};

Result<Arguments> parse(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string word = values[i];
    if (word.rfind("--", 0) == 0) {
      if (++i == count) return input_error(word + " needs a value");
      const std::string value = values[i];
      if (word == "--hook" && (value == "xdp" || value == "tc")) {
        arguments.hook = measured_hook(value).value();
      } else if (word == "--packets") {
        arguments.packets = std::stoul(value);
      } else if (word == "--rounds") {
        arguments.effort.rounds = static_cast<unsigned>(std::stoul(value));
      } else if (word == "--repeat") {
        arguments.effort.repeat = static_cast<uint32_t>(std::stoul(value));
      } else if (word == "--only") {
        arguments.only = value;
      } else {
        return input_error(fmt::format("kernel_bench has no option {} {}", word, value));
      }
    } else if (arguments.examples.empty()) {
      arguments.examples = word;
    } else {
      arguments.captures.push_back(word);
    }
  }
  if (arguments.captures.empty()) return input_error("usage: kernel_bench [OPTIONS] EXAMPLES CAPTURE...");
  return arguments;
}

/// Sums over packets of one kind.
struct Row {
  size_t packets = 0;
  double nothing = 0;
  double reference = 0;
  double ours = 0;
};

void print(const std::string& kind, const Row& row, bool has_ours) {
  const auto n = static_cast<double>(row.packets);
  fmt::print("  {:<26}{:>7}{:>9.1f}", kind, row.packets, row.reference / n);
  if (has_ours) {
    const double above = row.reference - row.nothing;
    fmt::print("{:>9.1f}{:>8.2f}", row.ours / n, row.ours / row.reference);
    if (above > n) fmt::print("{:>12.2f}", (row.ours - row.nothing) / above);
  }
  fmt::print("\n");
}

/// rate-limit at another rate: the script with that number in it.
Result<std::string> script_of(const Filter& filter, const Arguments& arguments, const std::filesystem::path& folder) {
  const std::string original = arguments.examples + "/" + filter.script;
  if (filter.rate == 0) return original;
  std::ifstream in(original);
  std::ostringstream text;
  text << in.rdbuf();
  std::string script = text.str();
  const std::string line = "local rate = 20 ";
  const size_t at = script.find(line);
  if (at == std::string::npos) return input_error(original + " has no line 'local rate = 20'");
  script.replace(at, line.size(), fmt::format("local rate = {} ", filter.rate));
  const std::string path = (folder / filter.script).string();
  std::ofstream(path) << script;
  return path;
}

void tell(const std::string& who, const Result<Agreement>& agreement) {
  if (!agreement) {
    fmt::print("  {}: {}\n", who, agreement.error().message);
    return;
  }
  fmt::print("  {}: {} packets, {} blocked, {} changed, {}\n", who, agreement->packets, agreement->blocked,
             agreement->changed, agreement->differences.empty() ? "all as in lua" : "NOT as in lua:");
  for (const std::string& difference : agreement->differences)
    fmt::print("    {}\n", difference);
}

/// The kinds in the order they are printed: all, the filter's own, then by name.
Result<void> contest(const Filter& filter, const Arguments& arguments, const Packets& packets, int nothing,
                     const std::filesystem::path& folder) {
  fmt::print("{}\n", filter.name);
  auto reference = Reference::load(filter.reference, arguments.hook, filter.rate);
  if (!reference) return tl::make_unexpected(reference.error());
  auto script = script_of(filter, arguments, folder);
  if (!script) return tl::make_unexpected(script.error());
  const auto ours = prepare(compile(*script, target_at(arguments.hook)), arguments.hook);
  if (!ours) fmt::print("  ours cannot be measured: {}\n", ours.error().message);

  fmt::print("  C: {} bytes of BPF, {} of machine code, {} instructions verified\n", reference->xlated_bytes(),
             reference->jited_bytes(), reference->verified_insns());
  if (ours) {
    fmt::print("  ours: {} bytes of BPF, {} of machine code, {} instructions verified\n", ours->program.xlated_bytes,
               ours->program.jited_bytes, ours->program.verified_insns);
  }
  if (!filter.keeps_state) {
    tell("C", compare_with_lua(*script, reference->fd(), arguments.hook, packets.samples));
    if (ours) tell("ours", compare_with_lua(*script, ours->program.program.get(), arguments.hook, packets.samples));
  }

  std::vector<int> programs{nothing, reference->fd()};
  if (ours) programs.push_back(ours->program.program.get());
  Row all, subject;
  std::map<std::string, Row> kinds;
  auto add = [&](const Sample& sample, std::initializer_list<Row*> rows) -> Result<void> {
    auto times = measure(programs, arguments.hook, sample, arguments.effort);
    if (!times) return {};  // what tc refuses
    for (Row* row : rows) {
      ++row->packets;
      row->nothing += (*times)[0];
      row->reference += (*times)[1];
      if (ours) row->ours += (*times)[2];
    }
    return {};
  };
  std::vector<const Sample*> every, subjects;
  for (const Sample& sample : packets.samples) {
    every.push_back(&sample);
    if (filter.is_subject != nullptr && filter.is_subject(sample)) subjects.push_back(&sample);
  }
  for (const Sample* sample : spread(every, arguments.packets)) {
    if (auto done = add(*sample, {&all, &kinds[sample->kind]}); !done) return done;
  }
  for (const Sample* sample : spread(subjects, kMostSubjects)) {
    if (auto done = add(*sample, {&subject}); !done) return done;
  }
  fmt::print("  {:<26}{:>7}{:>9}", "", "packets", "C ns");
  fmt::print("{}\n", ours ? fmt::format("{:>9}{:>8}{:>12}", "ours ns", "ratio", "above empty") : "");
  print("the mix", all, ours.has_value());
  if (subject.packets != 0) print(filter.subject, subject, ours.has_value());
  for (const auto& [kind, row] : kinds) {
    if (row.packets != 0) print(kind, row, ours.has_value());
  }
  fmt::print("\n");
  return {};
}

Result<void> run(const Arguments& arguments) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
  sched_setaffinity(0, sizeof(one), &one);

  auto packets = read_packets(arguments.captures, kLongest);
  if (!packets) return tl::make_unexpected(packets.error());
  auto nothing = Reference::load("empty", arguments.hook);
  if (!nothing) return tl::make_unexpected(nothing.error());
  fmt::print("{} packets of {} captures ({} left out: not Ethernet, cut, or longer than {} bytes), hook {}\n",
             packets->samples.size(), packets->files, packets->skipped, kLongest, arguments.hook->name());
  fmt::print("measured: {} of them, best of {} rounds of {} runs\n\n", arguments.packets, arguments.effort.rounds,
             arguments.effort.repeat);

  std::string name = (std::filesystem::temp_directory_path() / "perilune-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return errno_error("make a temporary folder", errno);
  const std::filesystem::path folder = name;
  for (const Filter& filter : filters()) {
    if (filter.name.find(arguments.only) == std::string::npos) continue;
    if (auto done = contest(filter, arguments, *packets, nothing->fd(), folder); !done) {
      fmt::print("  left out: {}\n\n", done.error().message);
    }
    std::fflush(stdout);
  }
  std::filesystem::remove_all(folder);
  return {};
}

}  // namespace
}  // namespace perilune::bench

int main(int count, char** values) {
  const auto arguments = perilune::bench::parse(count, values);
  if (!arguments) {
    fmt::print(stderr, "kernel_bench: {}\n", arguments.error().message);
    return 1;
  }
  if (const auto done = perilune::bench::run(*arguments); !done) {
    fmt::print(stderr, "kernel_bench: {}\n", done.error().message);
    return done.error().exit_status();
  }
  return 0;
}
