// `perilune stats [NAME] [--watch]`: what loaded filters counted.
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <thread>

#include <unistd.h>

#include "bpf/inspection.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/interruption.h"
#include "cli/report/kernel_report.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "cli/units.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  sudo perilune stats                  all filters
  sudo perilune stats ssh --watch      every second, with rates and nanoseconds a packet (measuring costs a little)
  sudo perilune stats --json           an object for each filter

Nanoseconds at XDP are those of all filters of the interface together: they run in one chain.
Exit status: 0 done; 1 an unknown name; 2 it cannot be seen from here.)";

struct Words {
  std::string name;
  bool watch = false;
  bool json = false;
  double interval = 1;
};

/// What was counted a moment ago, by filter and hook.
struct Before {
  uint64_t packets = 0;
  uint64_t run_time_ns = 0;
  uint64_t run_count = 0;
};
using Past = std::map<std::string, Before>;

std::string key_of(const bpf::FilterState& state, const bpf::AttachmentState& attachment) {
  return fmt::format("{} {} {}", state.name, attachment.place, attachment.record.program_id);
}

std::optional<double> nanoseconds(const bpf::AttachmentState& now, const Before& before) {
  if (now.run_count <= before.run_count || now.run_time_ns < before.run_time_ns) return std::nullopt;
  return static_cast<double>(now.run_time_ns - before.run_time_ns) /
         static_cast<double>(now.run_count - before.run_count);
}

/// Of one reading; `past` is empty when nothing was read before.
class Printer {
 public:
  Printer(const Past& past, double seconds, bool watch) : past_(past), seconds_(seconds), watch_(watch) {}

  void text(const std::vector<bpf::FilterState>& states) const {
    std::vector<std::string> head{"NAME",     "HOOK",    "PACKETS", "PASSED",    "BLOCKED",
                                  "REJECTED", "REPLIED", "ERRORS",  "MALFORMED", "NOT IP"};
    std::vector<bool> right{false, false, true, true, true, true, true, true, true, true};
    if (watch_) {
      head.insert(head.end(), {"PER SECOND", "NS/PACKET"});
      right.insert(right.end(), {true, true});
    }
    Table table(std::move(head), std::move(right));
    for (const bpf::FilterState& state : states) {
      for (const bpf::AttachmentState& attachment : state.attachments)
        table.add(row(state, attachment));
    }
    table.print();
    for (const bpf::FilterState& state : states)
      remarks(state);
  }

  void json(const std::vector<bpf::FilterState>& states) const {
    for (const bpf::FilterState& state : states) {
      Json hooks = Json::array();
      for (const bpf::AttachmentState& attachment : state.attachments) {
        Json one = {{"hook", attachment.place}, {"attached", attachment.attached}};
        one["counters"] = counters_json(attachment.counters);
        one["errors"] = errors_json(attachment);
        if (const auto before = past_.find(key_of(state, attachment)); before != past_.end()) {
          one["packets_per_second"] =
              static_cast<double>(attachment.counters[PL_COUNT_PACKETS] - before->second.packets) / seconds_;
          if (const auto ns = nanoseconds(attachment, before->second); ns) one["ns_per_packet"] = *ns;
        }
        hooks.push_back(std::move(one));
      }
      print_to(
          stdout, "{}\n",
          to_line(
              {{"stats",
                {{"name", state.name}, {"counters", counters_json(state.counters())}, {"hooks", std::move(hooks)}}}}));
    }
  }

 private:
  std::vector<std::string> row(const bpf::FilterState& state, const bpf::AttachmentState& attachment) const {
    const auto& counters = attachment.counters;
    std::vector<std::string> words{printable(state.name), printable(attachment.place)};
    for (const unsigned counter : {PL_COUNT_PACKETS, PL_COUNT_PASS, PL_COUNT_BLOCK, PL_COUNT_REJECT, PL_COUNT_REPLY,
                                   PL_COUNT_ERROR, PL_COUNT_MALFORMED, PL_COUNT_NOT_IP})
      words.push_back(grouped(counters[counter]));
    if (!watch_) return words;
    std::string rate = "-";
    std::string cost = "-";
    if (const auto before = past_.find(key_of(state, attachment)); before != past_.end()) {
      rate = grouped(
          static_cast<uint64_t>(static_cast<double>(counters[PL_COUNT_PACKETS] - before->second.packets) / seconds_));
      if (const auto ns = nanoseconds(attachment, before->second); ns) cost = fmt::format("{:.0f}", *ns);
    }
    words.push_back(std::move(rate));
    words.push_back(std::move(cost));
    return words;
  }

  static Json errors_json(const bpf::AttachmentState& attachment) {
    Json list = Json::array();
    for (const CountedError& error : counted_errors(attachment))
      list.push_back({{"place", error.place}, {"message", error.message}, {"count", error.count}});
    return list;
  }

  static void remarks(const bpf::FilterState& state) {
    if (!state.problem.empty()) print_to(stdout, "{}: {}\n", printable(state.name), state.problem);
    for (const bpf::AttachmentState& attachment : state.attachments) {
      for (const CountedError& error : counted_errors(attachment)) {
        print_to(stdout, "{} {}: {} script errors at {}: {}\n", printable(state.name), printable(attachment.place),
                 grouped(error.count), error.place, printable(error.message));
      }
      const auto& counters = attachment.counters;
      const std::string where = fmt::format("{} {}", printable(state.name), printable(attachment.place));
      if (counters[PL_COUNT_TOO_LONG] != 0) {
        print_to(stdout, "{}: {} packets were longer than a compiled filter sees\n", where,
                 grouped(counters[PL_COUNT_TOO_LONG]));
      }
      if (counters[PL_COUNT_NO_SLOT] != 0) {
        print_to(stdout, "{}: {} packets found no memory to be judged in\n", where,
                 grouped(counters[PL_COUNT_NO_SLOT]));
      }
      if (counters[PL_COUNT_LOST_EVENTS] != 0) {
        print_to(stdout, "{}: {} events had no room\n", where, grouped(counters[PL_COUNT_LOST_EVENTS]));
      }
    }
  }

  const Past& past_;
  double seconds_;
  bool watch_;
};

Result<std::vector<bpf::FilterState>> read(const std::string& name) {
  if (name.empty()) return bpf::inspect_all(bpf::Depth::kCounters);
  Result<bpf::FilterState> state = bpf::inspect(name, bpf::Depth::kCounters);
  if (!state) return tl::make_unexpected(state.error());
  std::vector<bpf::FilterState> one;
  one.push_back(std::move(*state));
  return one;
}

Past remember(const std::vector<bpf::FilterState>& states) {
  Past past;
  for (const bpf::FilterState& state : states) {
    for (const bpf::AttachmentState& attachment : state.attachments) {
      past[key_of(state, attachment)] = {attachment.counters[PL_COUNT_PACKETS], attachment.run_time_ns,
                                         attachment.run_count};
    }
  }
  return past;
}

int watch(const Words& words) {
  const Result<FileDescriptor> measuring = bpf::enable_statistics();
  if (!measuring) {
    print_to(stderr, "perilune: note: without nanoseconds a packet: {} (it needs CAP_SYS_ADMIN)\n",
             measuring.error().message);
  }
  Interruption interruption;
  Past past;
  auto last = std::chrono::steady_clock::now();
  while (!interruption.stopped()) {
    const Result<std::vector<bpf::FilterState>> states = read(words.name);
    if (!states) return print_error(states.error());
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::max(std::chrono::duration<double>(now - last).count(), 1e-3);
    const Printer printer(past, seconds, true);
    if (words.json) {
      printer.json(*states);
    } else {
      if (isatty(1) != 0) print_to(stdout, "\x1b[H\x1b[2J");
      printer.text(*states);
    }
    if (!flush(stdout)) return kDone;
    past = remember(*states);
    last = now;
    const auto end = now + std::chrono::duration<double>(words.interval);
    constexpr std::chrono::milliseconds kStep{50};
    while (!interruption.stopped() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(kStep);
  }
  return kDone;
}

int stats(const Words& words) {
  if (!(words.interval >= 0.1 && words.interval <= 3600)) {  // NaN is refused, too
    return print_error(input_error("--interval: it takes 0.1 to 3600 seconds").value());
  }
  if (words.watch) return watch(words);
  const Result<std::vector<bpf::FilterState>> states = read(words.name);
  if (!states) return print_error(states.error());
  const Past nothing;
  const Printer printer(nothing, 1, false);
  if (words.json) {
    printer.json(*states);
  } else if (states->empty()) {
    print_to(stdout, "nothing is loaded\n");
  } else {
    printer.text(*states);
  }
  return kDone;
}

}  // namespace

Command add_stats(CLI::App& program) {
  CLI::App* app = program.add_subcommand("stats", "What loaded filters counted");
  app->formatter(std::make_shared<Help>("Usage: perilune stats [NAME] [OPTIONS]"));
  const auto words = std::make_shared<Words>();
  app->add_option("NAME", words->name, "The filter's name (default: all)");
  app->add_flag("--watch", words->watch, "Again and again, with rates and nanoseconds a packet");
  app->add_option("--interval", words->interval, "Seconds between readings (default: 1)")->type_name("SECONDS");
  app->add_flag("--json", words->json, "JSON Lines: an object for each filter and reading");
  app->footer(kExamples);
  return {app, [words] { return stats(*words); }};
}

}  // namespace perilune::cli
