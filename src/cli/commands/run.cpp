// `perilune run`: its options, what they mean together, and the choice between captures and live traffic.
#include <algorithm>
#include <charconv>

#include "base/spelling.h"
#include "cli/command.h"
#include "cli/commands/run_options.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "cli/units.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
The script's function is called as filter(hdr, pld, pkt) and returns true (pass), false (block), nil (no opinion: --default),
or 'pass', 'block', 'reject' (block, and on live traffic tell the sender), 'reply' (send the changed packet back).

Captures:
  perilune run ssh.lua trace.pcap                          a line for each blocked packet, and a summary
  perilune run ssh.lua trace.pcap --all                    a line for every packet
  perilune run ssh.lua *.pcapng --count                    the summary alone, at full speed
  perilune run ssh.lua trace.pcap --json | jq .            JSON Lines: one object a packet, then {"summary":...}
  perilune run ssh.lua trace.pcap -f 'tcp port 22'         show the script only these packets
  perilune run ssh.lua trace.pcap -w out.pcapng --blocked  write what was blocked; Wireshark shows why
  tcpdump -w - -U | perilune run ssh.lua -                 from standard input

Live traffic (needs CAP_NET_ADMIN; 'reject' and 'reply' also CAP_NET_RAW):
  perilune run ssh.lua --divert 'in tcp dport 22'          installs the firewall rule, removes it at the end
  perilune run ssh.lua --queue 0-3                         for rules of your own that queue to 0..3
  perilune run --undivert                                  removes rules that a killed run left behind
  Ctrl-C or SIGTERM ends it; SIGUSR1 prints statistics. Unless --fail-open is given, nothing passes unjudged.

Exit status: 0 done; 1 a bad script, capture, filter or option; 2 it cannot run here (permissions, kernel, disk);
130 when Ctrl-C ended a run over captures (143: SIGTERM).)";

/// The words of the command line, before they are understood.
struct Words {
  std::string script;
  std::vector<std::string> captures;
  std::string engine = "auto";
  std::string function = "filter";
  std::string filter;
  std::string interface;
  std::string direction = "in";
  PolicyWords policy;
  std::string memory;
  std::string map_memory;
  std::string instructions;
  std::string load_instructions;
  std::string time_limit;
  std::string write_to;
  std::string queue;
  std::string divert;
  uint64_t seed = 0;
  CLI::Option* seed_option = nullptr;
  CLI::Option* queue_option = nullptr;
  CLI::Option* divert_option = nullptr;
  bool all = false;
  bool count = false;
  bool json = false;
  bool passed = false;
  bool blocked = false;
  bool fail_open = false;
  bool undivert = false;
  bool wait_interface = false;
};

CLI::Validator whole_number() {
  return {[](std::string& value) -> std::string {
            uint64_t number = 0;
            const bool hexadecimal = value.starts_with("0x");
            const char* begin = value.data() + (hexadecimal ? 2 : 0);
            const auto [end, error] =
                std::from_chars(begin, value.data() + value.size(), number, hexadecimal ? 16 : 10);
            if (error == std::errc() && end == value.data() + value.size()) return {};
            return fmt::format("'{}' is not a whole number from 0 to {}", value, UINT64_MAX);
          },
          ""};
}

void declare(CLI::App& app, Words& words) {
  app.add_option("SCRIPT", words.script, "The Lua script with the filter");
  app.add_option("CAPTURE", words.captures, "pcap and pcapng files; - is standard input");

  const std::string judging = "Judging";
  add_choice(app, "--engine", words.engine, "What runs the script: auto takes the fastest there is",
             {"auto", "kernel", "native", "lua"}, judging);
  app.get_option("--engine")->type_name("auto|native|lua");  // "kernel" is understood, to say how that is asked for
  app.add_option("--function", words.function, "The function to call for each packet (default: filter)")
      ->type_name("NAME")
      ->group(judging);
  declare_policy(app, words.policy, judging);
  words.seed_option = app.add_option("--seed", words.seed, "Start random() here, for runs that can be repeated")
                          ->check(whole_number())
                          ->type_name("N")
                          ->group(judging);

  const std::string limits = "Limits (a packet that needs more is a script error, see --on-error)";
  app.add_option("--memory", words.memory, "Memory of the script's state (default: 64M)")
      ->type_name("SIZE")
      ->group(limits);
  app.add_option("--map-memory", words.map_memory, "Memory of all maps together (default: 256M)")
      ->type_name("SIZE")
      ->group(limits);
  app.add_option("--instructions", words.instructions, "Instructions of the script for one packet (default: 1M)")
      ->type_name("N")
      ->group(limits);
  app.add_option("--load-instructions", words.load_instructions,
                 "Lua instructions while loading (default: 1G);\na script that needs more, or more memory, is refused")
      ->type_name("N")
      ->group(limits);
  app.add_option("--time-limit", words.time_limit, "Milliseconds for one packet, in the lua engine\n(default: 1000)")
      ->type_name("MS")
      ->group(limits);

  const std::string captures = "Captures";
  app.add_option("-f,--filter", words.filter,
                 "Only packets that match this pcap-filter(7)\nexpression; the script does not see the others")
      ->type_name("EXPRESSION")
      ->group(captures);
  app.add_option("--interface", words.interface, "pkt.interface where the file names none")
      ->type_name("NAME")
      ->group(captures);
  add_choice(app, "--direction", words.direction, "pkt.direction where the file has none (default: in)", {"in", "out"},
             captures);
  app.add_option("-w,--write", words.write_to, "Write the packets to a pcapng file, each with its\nverdict as comment")
      ->type_name("FILE")
      ->group(captures);
  app.add_flag("--passed", words.passed, "-w writes those that pass")->group(captures);
  app.add_flag("--blocked", words.blocked, "-w writes those that do not pass")->group(captures);

  const std::string live = "Live traffic";
  words.queue_option =
      app.add_option("--queue", words.queue, "Judge what firewall rules put into these NFQUEUEs,\none worker for each")
          ->type_name("N[-M]")
          ->group(live);
  words.divert_option =
      app.add_option("--divert", words.divert,
                     "Install the firewall rule too, and remove it at the end:\n"
                     "'in|out|forward [tcp|udp|icmp|...] [sport A[-B]]\n[dport A[-B]] [on INTERFACE] [inet|inet6]'.\n"
                     "Queues that --queue does not name are free ones")
          ->type_name("WHAT")
          ->group(live);
  app.add_flag("--fail-open", words.fail_open,
               "Let packets pass unjudged when the queue is full or\nnobody listens (default: they are dropped)")
      ->group(live);
  app.add_flag("--wait-interface", words.wait_interface,
               "The interface that --divert names may come later\n(default: one that is not there is an error)")
      ->group(live);
  app.add_flag("--undivert", words.undivert, "Remove rules that killed runs left behind, and end")->group(live);

  const std::string output = "Output";
  app.add_flag("--all", words.all, "A line for every packet, not only for those that\nwere blocked, changed or logged")
      ->group(output);
  app.add_flag("--count", words.count, "The summary alone")->group(output);
  app.add_flag("--json", words.json, "JSON Lines")->group(output);
}

/// Options that contradict each other, or that mean nothing without another.
Result<void> check_combinations(const Words& words) {
  const bool live = !words.queue.empty() || !words.divert.empty();
  if (words.undivert) {
    if (!words.script.empty() || live) {
      return input_error("--undivert removes rules and ends: it goes with nothing else", "perilune run --undivert");
    }
    return {};
  }
  if (words.script.empty()) {
    return input_error("no script given",
                       "perilune run SCRIPT CAPTURE..., or perilune run SCRIPT --divert 'in tcp dport 22'");
  }
  if (live && !words.captures.empty()) {
    return input_error(fmt::format("'{}' is a capture, but {} asks for live traffic", words.captures.front(),
                                   words.queue.empty() ? "--divert" : "--queue"),
                       "judge captures and live traffic in two runs");
  }
  if (std::ranges::find(words.captures, "") != words.captures.end())
    return input_error("the name of a capture is empty", "is a variable of the shell not set?");
  for (const auto& [option, given] :
       {std::pair{"--divert", words.divert_option}, std::pair{"--queue", words.queue_option}}) {
    if (given->count() != 0 && !live) {
      return input_error(fmt::format("{} is given, but empty", option),
                         "is a variable of the shell not set? Traffic is named as in --divert 'in tcp dport 22'");
    }
  }
  if (!live && words.captures.empty()) {
    return input_error(fmt::format("nothing to judge with '{}'", words.script),
                       "name captures (- is standard input), or live traffic with --divert or --queue");
  }
  if (standard_input_is_closed() && std::ranges::find(words.captures, "-") != words.captures.end()) {
    return input_error("standard input is closed, and '-' asks for the capture that comes from there",
                       "name capture files, or pipe one in: tcpdump -w - | perilune run SCRIPT -");
  }
  if (live) {
    for (const auto& [option, given] :
         {std::pair{"-f", !words.filter.empty()}, std::pair{"-w", !words.write_to.empty()},
          std::pair{"--interface", !words.interface.empty()}}) {
      if (given) {
        return input_error(fmt::format("{} is for captures, not for live traffic", option),
                           "what reaches the queue is chosen by --divert or by your firewall rules");
      }
    }
  }
  if (words.wait_interface && words.divert.find(" on ") == std::string::npos) {
    return input_error("--wait-interface needs an interface to wait for", "--divert 'in on INTERFACE'");
  }
  if (!live && words.fail_open) return input_error("--fail-open is for live traffic (--queue, --divert)");
  if ((words.passed || words.blocked) && words.write_to.empty()) {
    return input_error(
        fmt::format("{} says what -w writes, but there is no -w", words.passed ? "--passed" : "--blocked"),
        "add -w FILE");
  }
  if (words.all && words.count) return input_error("--all and --count contradict each other", "take one of them");
  return {};
}

Result<void> understand_limits(const Words& words, engine::Options& engine) {
  script::Limits& limits = engine.limits;
  uint64_t milliseconds = 0;
  for (const Result<void>& result :
       {read_bytes("--memory", words.memory, limits.memory),
        read_bytes("--map-memory", words.map_memory, engine.map_memory),
        read_count("--instructions", words.instructions, limits.call_instructions),
        read_count("--load-instructions", words.load_instructions, limits.load_instructions),
        read_count("--time-limit", words.time_limit, milliseconds)}) {
    if (!result) return result;
  }
  if (milliseconds > 3'600'000)
    return input_error("--time-limit: more than an hour for one packet", "it is in milliseconds");
  if (milliseconds != 0) limits.call_time = std::chrono::milliseconds(milliseconds);
  return {};
}

Result<RunOptions> understand(const Words& words) {
  RunOptions options;
  options.script = words.script;
  options.captures = words.captures;
  options.filter = words.filter;
  options.interface = words.interface;
  options.direction = words.direction == "out" ? packet::Direction::kOut : packet::Direction::kIn;
  options.json = words.json;
  options.detail = words.count ? Detail::kSummary : (words.all || words.json ? Detail::kAll : Detail::kNotable);
  options.write_to = words.write_to;
  if (words.passed || words.blocked) {
    options.write_passed = words.passed;
    options.write_blocked = words.blocked;
  }
  options.fail_open = words.fail_open;

  engine::Options& engine = options.engine;
  engine.kind = engine::parse_kind(words.engine).value_or(engine::Kind::kAuto);
  engine.function = words.function;
  engine.policy = understand_policy(words.policy, engine.policy);
  engine.record_lines = !words.count || !words.write_to.empty();
  if (words.seed_option->count() != 0) engine.seed = words.seed;
  if (const Result<void> limits = understand_limits(words, engine); !limits) {
    return tl::make_unexpected(limits.error());
  }

  if (!words.divert.empty()) {
    const Result<hooks::DivertSpec> spec = hooks::parse_divert(words.divert);
    if (!spec) return input_error(fmt::format("--divert: {}", spec.error().message), spec.error().hint);
    options.divert = *spec;
    options.divert->wait_for_interface = words.wait_interface;
  }
  if (!words.queue.empty()) {
    const Result<hooks::QueueRange> queues = parse_queues(words.queue);
    if (!queues) return tl::make_unexpected(queues.error());
    options.queues = *queues;
  } else if (options.divert) {
    constexpr uint16_t kFirst = 20'000;  // far from the small numbers that people choose
    options.queues = hooks::QueueRange{kFirst, kFirst};
    options.any_free_queue = true;
  }
  return options;
}

int run(const Words& words) {
  if (const Result<void> sound = check_combinations(words); !sound) return print_error(sound.error());
  if (words.undivert) return run_undivert();
  const Result<RunOptions> options = understand(words);
  if (!options) return print_error(options.error());
  return options->queues ? run_live(*options) : run_captures(*options);
}

}  // namespace

Result<hooks::QueueRange> parse_queues(std::string_view text) {
  const auto number = [](std::string_view digits) -> std::optional<uint16_t> {
    uint16_t value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (code != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const size_t dash = text.find('-');
  const std::optional<uint16_t> first = number(text.substr(0, dash));
  const std::optional<uint16_t> last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
  if (!first || !last || *last < *first) {
    return input_error(fmt::format("--queue: '{}' is not a queue number or a range of them", text),
                       "write it like 0 or 0-3; the largest number is 65535");
  }
  constexpr unsigned kMostWorkers = 256;
  if (static_cast<unsigned>(*last - *first) >= kMostWorkers) {
    return input_error(fmt::format("--queue: {} asks for {} workers, one for each queue; at most {} are sensible", text,
                                   *last - *first + 1, kMostWorkers));
  }
  return hooks::QueueRange{*first, *last};
}

std::string explanation(const engine::Program& program) {
  constexpr std::string_view kPrefix = "engine: ";
  std::string text = program.explanation();
  if (text.starts_with(kPrefix)) text.erase(0, kPrefix.size());
  return text;
}

int refuse(const Diagnostics& diagnostics) {
  print_diagnostics(diagnostics, stderr);
  const bool engine_missing = std::any_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& diagnostic) {
    return diagnostic.code == "engine-not-here";
  });
  return engine_missing ? kCannotRun : kInputAtFault;
}

Command add_run(CLI::App& program) {
  CLI::App* app = program.add_subcommand("run", "Judge the packets of captures, or live traffic, with a script");
  app->formatter(
      std::make_shared<Help>("Usage: perilune run SCRIPT CAPTURE... [OPTIONS]\n"
                             "       perilune run SCRIPT --queue N[-M] | --divert WHAT [OPTIONS]"));
  const auto words = std::make_shared<Words>();
  declare(*app, *words);
  app->footer(kExamples);
  return {app, [words] { return run(*words); }};
}

}  // namespace perilune::cli
