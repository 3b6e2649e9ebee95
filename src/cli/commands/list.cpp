// `perilune list`: everything of ours that is in the kernel.
#include "cli/command.h"
#include "cli/help.h"
#include "cli/report/kernel_report.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "cli/units.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Everything of ours, in every network namespace; a line for each hook. Also what was left half-way by a killed load, and
attachments of ours that are pinned elsewhere.
Exit status: 0 (also when nothing is loaded); 2 it cannot be seen from here.)";

void print_text(const std::vector<bpf::FilterState>& states, const std::vector<bpf::Stray>& strays) {
  if (states.empty() && strays.empty()) {
    print_to(stdout, "nothing is loaded\n");
    return;
  }
  Table table({"NAME", "HOOK", "MODE", "PACKETS", "BLOCKED", "REPLIED", "ERRORS", "LOADED", "SCRIPT"},
              {false, false, false, true, true, true, true, true, false});
  bool rows = false;
  for (const bpf::FilterState& state : states) {
    for (const bpf::AttachmentState& attachment : state.attachments) {
      const auto& counters = attachment.counters;
      std::string mode = attachment.attached ? attachment.mode == bpf::XdpMode::kNone
                                                   ? mode_text(attachment)
                                                   : std::string(bpf::to_string(attachment.mode))
                                             : "detached";
      table.add({printable(state.name), printable(attachment.place), std::move(mode),
                 grouped(counters[PL_COUNT_PACKETS]), grouped(counters[PL_COUNT_BLOCK] + counters[PL_COUNT_REJECT]),
                 grouped(counters[PL_COUNT_REPLY]), grouped(counters[PL_COUNT_ERROR]),
                 age_text(state.manifest.first_time_ns) + " ago", printable(state.manifest.script)});
      rows = true;
    }
  }
  if (rows) table.print();
  for (const bpf::FilterState& state : states) {
    for (const bpf::AttachmentState& attachment : state.attachments) {
      if (!attachment.remark.empty()) {
        print_to(stdout, "{}: {}: {}\n", printable(state.name), printable(attachment.place), attachment.remark);
      }
    }
    if (!state.problem.empty()) {
      print_to(stdout, "{}: {}{}\n", printable(state.name), state.problem,
               state.hint.empty() ? "" : " (" + state.hint + ")");
    } else if (state.unfinished) {
      print_to(stdout, "{}: {}\n", printable(state.name),
               state.under_way ? "a reload is under way" : "a reload was interrupted; reload it again");
    }
  }
  for (const bpf::Stray& stray : strays) {
    print_to(stdout,
             "link {} ({}, {}): of perilune, but pinned elsewhere or by a process under way ('perilune unload --all' "
             "detaches it)\n",
             stray.link_id, printable(stray.program), stray.where);
  }
}

int list(bool json) {
  const Result<std::vector<bpf::FilterState>> states = bpf::inspect_all(bpf::Depth::kCounters);
  if (!states) return print_error(states.error());
  const Result<std::vector<bpf::Stray>> strays = bpf::inspect_strays();
  if (!strays) return print_error(strays.error());
  if (!json) {
    print_text(*states, *strays);
    return kDone;
  }
  for (const bpf::FilterState& state : *states)
    print_to(stdout, "{}\n", to_line({{"filter", filter_json(state)}}));
  for (const bpf::Stray& stray : *strays)
    print_to(stdout, "{}\n", to_line({{"stray", stray_json(stray)}}));
  return kDone;
}

}  // namespace

Command add_list(CLI::App& program) {
  CLI::App* app = program.add_subcommand("list", "What is loaded in the kernel");
  app->formatter(std::make_shared<Help>("Usage: perilune list [--json]"));
  const auto json = std::make_shared<bool>(false);
  app->add_flag("--json", *json, "JSON Lines: an object for each filter");
  app->footer(kExamples);
  return {app, [json] { return list(*json); }};
}

}  // namespace perilune::cli
