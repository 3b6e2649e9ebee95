// `perilune unload NAME... | --all`: filters out of the kernel, with their tables and counters.
#include <algorithm>
#include <functional>

#include "bpf/installation.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/json.h"
#include "cli/stream.h"
#include "cli/terminal.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  sudo perilune unload ssh        its attachments, programs, maps and pins are gone
  sudo perilune unload --all      everything of ours, in every namespace, leftovers of interrupted loads included

Exit status: 0 done; 1 an unknown name; 2 it cannot run here.)";

struct Words {
  std::vector<std::string> names;
  bool all = false;
  bool json = false;
};

int unload_all(const Words& words) {
  const Result<bpf::Removal> removal = bpf::uninstall_all();
  if (!removal) return print_error(removal.error());
  for (const std::string& name : removal->names)
    note_change(fmt::format("{}: unloaded", name));
  if (removal->strays != 0)
    note_change(fmt::format("{} attachments that had lost their name: detached", removal->strays));
  if (words.json) {
    print_to(stdout, "{}\n", to_line({{"unloaded", removal->names}, {"strays", removal->strays}}));
    return kDone;
  }
  if (removal->names.empty() && removal->strays == 0) print_to(stdout, "nothing was loaded\n");
  for (const std::string& name : removal->names)
    print_to(stdout, "{}: unloaded\n", printable(name));
  if (removal->strays != 0) print_to(stdout, "{} attachments that had lost their name: detached\n", removal->strays);
  return kDone;
}

int unload(const Words& words) {
  if (words.all && !words.names.empty()) {
    return print_error(input_error("--all unloads everything: it goes without names", "perilune unload --all").value());
  }
  if (words.all) return unload_all(words);
  if (words.names.empty()) {
    return print_error(input_error("no name given", "'perilune list' shows them; --all unloads everything").value());
  }
  // Names that are not listed come first, so that nothing is unloaded when one of them is wrong. What an interrupted
  // load left behind is not listed either, and can be unloaded.
  const Result<std::vector<std::string>> installed = bpf::installed_names();
  if (!installed) return print_error(installed.error());
  std::vector<std::string> names = words.names;
  const auto is_there = [&](const std::string& name) {
    return std::ranges::find(*installed, name) != installed->end();
  };
  std::stable_partition(names.begin(), names.end(), std::not_fn(is_there));
  int status = kDone;
  for (const std::string& name : names) {
    const Result<void> gone = bpf::uninstall(name);
    if (!gone) {
      status = std::max(status, print_error(gone.error()));
      if (!is_there(name)) return status;
      continue;
    }
    note_change(fmt::format("{}: unloaded", name));
    if (words.json) {
      print_to(stdout, "{}\n", to_line({{"unloaded", Json::array({name})}}));
    } else {
      print_to(stdout, "{}: unloaded\n", printable(name));
    }
  }
  return status;
}

}  // namespace

Command add_unload(CLI::App& program) {
  CLI::App* app = program.add_subcommand("unload", "Take filters out of the kernel");
  app->formatter(std::make_shared<Help>("Usage: perilune unload NAME... | --all [OPTIONS]"));
  const auto words = std::make_shared<Words>();
  app->add_option("NAME", words->names, "The filters' names");
  app->add_flag("--all", words->all, "Everything of ours");
  app->add_flag("--json", words->json, "JSON Lines");
  app->footer(kExamples);
  return {app, [words] { return unload(*words); }};
}

}  // namespace perilune::cli
