// `perilune show NAME`: all that is known about a loaded filter.
#include "cli/command.h"
#include "cli/help.h"
#include "cli/report/kernel_report.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "cli/units.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  sudo perilune show ssh             hooks, instructions, memory, maps and how full they are
  sudo perilune show ssh --script    the script's text, as it was loaded

Exit status: 0 done; 1 an unknown name; 2 it cannot be seen from here.)";

struct Words {
  std::string name;
  bool script = false;
  bool json = false;
};

void line(std::string_view label, const std::string& value) {
  print_to(stdout, "{:<14}{}\n", label, value);
}

std::string share(uint64_t part, uint64_t whole) {
  return whole == 0 ? "" : fmt::format(" ({:.0f} %)", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void print_attachment(const bpf::AttachmentState& state) {
  const std::string mode = mode_text(state);
  std::string remark = state.attached ? "" : ", not attached";
  if (!state.remark.empty()) remark += (state.attached ? ", " : ": ") + state.remark;
  line("hook", printable(state.place) + (mode.empty() ? "" : ", " + mode) + remark);
  if (!state.usage.empty()) line("  use it by", printable(state.usage));
  const bpf::Attachment& record = state.record;
  const std::string verified =
      record.verified_insns == 0 ? "" : fmt::format(", verifier walked {}", grouped(record.verified_insns));
  line(
      "  program",
      fmt::format("id {}, {} instructions{}{}, loaded in {:.1f} ms", record.program_id, grouped(record.insns), verified,
                  state.program && state.program->machine_bytes != 0
                      ? fmt::format(", {} of machine code", bytes_for_people(state.program->machine_bytes))
                      : ", interpreted",
                  static_cast<double>(record.load_ns) / 1e6));
  line("  memory", bytes_for_people(state.memory));
  const auto& counters = state.counters;
  const uint64_t blocked = counters[PL_COUNT_BLOCK] + counters[PL_COUNT_REJECT];
  line("  packets", fmt::format("{}, {} blocked{}, {} replied, {} script errors", grouped(counters[PL_COUNT_PACKETS]),
                                grouped(blocked), share(blocked, counters[PL_COUNT_PACKETS]),
                                grouped(counters[PL_COUNT_REPLY]), grouped(counters[PL_COUNT_ERROR])));
}

void print_text(const bpf::FilterState& state) {
  const bpf::Manifest& manifest = state.manifest;
  line("name", state.name);
  line("script", printable(manifest.script));
  line("engine", "kernel");
  line("loaded", fmt::format("{} ({} ago)", time_text(manifest.first_time_ns), age_text(manifest.first_time_ns)));
  if (manifest.reloads != 0) {
    line("reloaded", fmt::format("{} ({} ago), {} times in all", time_text(manifest.time_ns),
                                 age_text(manifest.time_ns), manifest.reloads));
  }
  line("compiled in", fmt::format("{:.1f} ms", static_cast<double>(manifest.compile_ns) / 1e6));
  const bpf::FilterOptions& options = manifest.options;
  line("verdicts",
       fmt::format("no opinion: {}; on error: {}; malformed: {}; not IP: {}",
                   packet::to_string(options.policy.on_default), packet::to_string(options.policy.on_error),
                   packet::to_string(options.policy.on_malformed), packet::to_string(options.policy.non_ip)));
  line("budget", fmt::format("{} instructions a packet", grouped(options.instructions)));
  line("memory", bytes_for_people(state.memory()));
  for (const bpf::AttachmentState& attachment : state.attachments)
    print_attachment(attachment);
  for (const bpf::MapState& map : state.maps) {
    line("map", fmt::format("{}: {} of {} entries, {}", printable(map.declaration.name), grouped(map.entries),
                            grouped(map.declaration.entries), bytes_for_people(map.memory)));
  }
}

int show(const Words& words) {
  if (words.name.empty()) return print_error(input_error("no name given", "'perilune list' shows them").value());
  const Result<bpf::FilterState> state = bpf::inspect(words.name, bpf::Depth::kAll);
  if (!state) return print_error(state.error());
  if (!state->problem.empty())
    return print_error(Error{Fault::kSystem, state->name + ": " + state->problem, state->hint});
  if (words.script) {
    print_to(stdout, "{}", state->manifest.text);
  } else if (words.json) {
    print_to(stdout, "{}\n", to_line({{"filter", filter_json(*state)}}));
  } else {
    print_text(*state);
  }
  return kDone;
}

}  // namespace

Command add_show(CLI::App& program) {
  CLI::App* app = program.add_subcommand("show", "All about a loaded filter");
  app->formatter(std::make_shared<Help>("Usage: perilune show NAME [OPTIONS]"));
  const auto words = std::make_shared<Words>();
  app->add_option("NAME", words->name, "The filter's name");
  app->add_flag("--script", words->script, "The script's text, as it was loaded");
  app->add_flag("--json", words->json, "One JSON object");
  app->footer(kExamples);
  return {app, [words] { return show(*words); }};
}

}  // namespace perilune::cli
