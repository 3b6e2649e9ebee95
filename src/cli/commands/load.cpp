// `perilune load NAME SCRIPT --at HOOK...`: a filter into the running kernel, where it stays.
#include "bpf/hook.h"
#include "bpf/inspection.h"
#include "bpf/place.h"
#include "cli/command.h"
#include "cli/commands/kernel_filter.h"
#include "cli/help.h"
#include "cli/json.h"
#include "cli/report/kernel_report.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "hooks/hook_name.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Add @NETNS to a hook of a network namespace: its name, a process id, or a path.

Examples:
  sudo perilune load ssh ssh.lua --at xdp:eth0
  sudo perilune load names dns.lua --at tc:eth0:in --at tc:eth0:out     both or none
  sudo perilune load guard ssh.lua --at netfilter:forward@router
  sudo perilune load mail ssh.lua --at cgroup:unit:postfix.service:out
  sudo perilune list                                   what is loaded
  sudo perilune unload ssh

The filter works on after this command ends, and until it is unloaded or the machine restarts.
Exit status: 0 loaded; 1 a bad script, name or hook; 2 it cannot run here (permissions, kernel).)";

std::string help_on_hooks() {
  std::string text = "\nHooks:\n";
  for (const bpf::Hook* hook : bpf::kernel_hooks())
    text += fmt::format("  {}\n      {}\n", hook->spelling(), hook->summary());
  return text;
}

struct Words {
  std::string name;
  std::string script;
  std::vector<std::string> hooks;
  std::string netns;
  JudgingWords judging;
  bool json = false;
};

void print_loaded(const bpf::Installed& installed, bool json, std::string_view what) {
  const bpf::Manifest& manifest = installed.manifest;
  note_change(fmt::format("{}: {} at {}", manifest.name, what, fmt::join(installed.places, ", ")));
  if (json) {
    Json hooks = Json::array();
    for (size_t i = 0; i < manifest.attachments.size(); ++i) {
      const bpf::Attachment& attachment = manifest.attachments[i];
      Json one = {{"hook", installed.places[i]},
                  {"instructions", attachment.insns},
                  {"verified_instructions", attachment.verified_insns},
                  {"load_ms", static_cast<double>(attachment.load_ns) / 1e6}};
      if (attachment.mode != bpf::XdpMode::kNone) one["mode"] = bpf::to_string(attachment.mode);
      if (!attachment.why_generic.empty()) one["why_generic"] = attachment.why_generic;
      if (!installed.usages[i].empty()) one["usage"] = installed.usages[i];
      hooks.push_back(std::move(one));
    }
    Json json_line = {{"name", manifest.name},     {"script", manifest.script},
                      {"engine", "kernel"},        {"compile_ms", static_cast<double>(manifest.compile_ns) / 1e6},
                      {"hooks", std::move(hooks)}, {"notes", installed.notes}};
    print_to(stdout, "{}\n", to_line({{std::string(what), std::move(json_line)}}));
    return;
  }
  for (size_t i = 0; i < manifest.attachments.size(); ++i) {
    const bpf::Attachment& attachment = manifest.attachments[i];
    std::string mode;
    if (attachment.mode == bpf::XdpMode::kNative) mode = ", native";
    if (attachment.mode == bpf::XdpMode::kGeneric) {
      mode = attachment.why_generic.empty() ? ", generic" : fmt::format(", generic: {}", attachment.why_generic);
    }
    print_to(stdout, "{}: {} at {}{} (engine: kernel, {} instructions, {:.1f} ms)\n", manifest.name, what,
             printable(installed.places[i]), mode, grouped(attachment.insns),
             static_cast<double>(attachment.load_ns + manifest.compile_ns) / 1e6);
    if (!installed.usages[i].empty()) print_to(stdout, "  use it by: {}\n", printable(installed.usages[i]));
  }
  for (const std::string& note : installed.notes)
    print_to(stderr, "perilune: note: {}\n", printable(note));
}

int load(const Words& words) {
  if (words.name.empty() || words.script.empty() || words.hooks.empty()) {
    return print_error(input_error(words.name.empty()     ? "no name given"
                                   : words.script.empty() ? fmt::format("no script given for '{}'", words.name)
                                                          : "no hook given: say where with --at",
                                   "perilune load NAME SCRIPT --at HOOK, such as: perilune load ssh ssh.lua --at "
                                   "xdp:eth0")
                           .value());
  }
  if (const Result<void> sound = bpf::check_filter_name(words.name); !sound) return print_error(sound.error());
  std::vector<bpf::AttachPoint> points;
  for (const std::string& text : words.hooks) {
    Result<bpf::AttachPoint> point = hooks::parse_hook(text, words.netns);
    if (!point) return print_error(point.error());
    // The script is compiled for the interface as the kernel calls it, whatever name of it was given.
    Result<bpf::AttachPoint> there = bpf::resolve(*point);
    if (!there) return print_error(there.error());
    points.push_back(std::move(*there));
  }
  const Result<bpf::FilterOptions> options = understand_judging(words.judging, {});
  if (!options) return print_error(options.error());
  const auto installation = compile_for_kernel(words.name, words.script, *options, points);
  if (!installation) return installation.error();
  std::string verifier_log;
  const Result<bpf::Features> features = bpf::probe_features();
  if (!features) return print_error(features.error());
  const Result<bpf::Installed> installed = bpf::install(*installation, points, *features, &verifier_log);
  if (!installed) return refuse_installation(installed.error(), words.name, verifier_log);
  print_loaded(*installed, words.json, "loaded");
  return kDone;
}

// ---- reload

constexpr const char* kReloadExamples = R"(
Examples:
  sudo perilune reload ssh                 after ssh.lua was edited
  sudo perilune reload ssh new-ssh.lua     another script in its place

No packet passes unjudged meanwhile. Maps that the new script declares alike keep what is in them, and get what its main
chunk writes under keys that are new; others start empty, and a note says so. Counters go on. If anything fails the
filter stays as it was.
Exit status: 0 reloaded; 1 a bad script or an unknown name; 2 it cannot run here.)";

int reload(const Words& words) {
  if (words.name.empty()) return print_error(input_error("no name given", "'perilune list' shows them").value());
  const Result<bpf::Manifest> present = bpf::find_manifest(words.name);
  if (!present) return print_error(present.error());
  const Result<bpf::FilterOptions> options = understand_judging(words.judging, present->options);
  if (!options) return print_error(options.error());
  // Interfaces may have got other names since.
  const Result<bpf::FilterState> state = bpf::inspect(words.name, bpf::Depth::kCounters);
  if (!state) return print_error(state.error());
  std::vector<bpf::AttachPoint> points;
  for (const bpf::AttachmentState& attachment : state->attachments)
    points.push_back(attachment.now);
  const std::string& script = words.script.empty() ? present->script : words.script;
  const auto installation = compile_for_kernel(words.name, script, *options, points);
  if (!installation) return installation.error();
  std::string verifier_log;
  const Result<bpf::Installed> installed = bpf::replace(*installation, &verifier_log);
  if (!installed) return refuse_installation(installed.error(), words.name, verifier_log);
  print_loaded(*installed, words.json, "reloaded");
  return kDone;
}

}  // namespace

Command add_load(CLI::App& program) {
  CLI::App* app = program.add_subcommand("load", "Put a filter into the kernel, where it stays");
  app->formatter(std::make_shared<Help>("Usage: perilune load NAME SCRIPT --at HOOK... [OPTIONS]"));
  const auto words = std::make_shared<Words>();
  app->add_option("NAME", words->name, "The name the filter will have");
  app->add_option("SCRIPT", words->script, "The Lua script with the filter");
  app->add_option("--at", words->hooks, "Where; several times for several hooks: all or none")
      ->type_name("HOOK")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_option("--netns", words->netns, "The network namespace of hooks that name none")->type_name("NETNS");
  declare_judging(*app, words->judging, false);
  app->add_flag("--json", words->json, "One JSON object");
  app->footer(help_on_hooks() + kExamples);
  return {app, [words] { return load(*words); }};
}

Command add_reload(CLI::App& program) {
  CLI::App* app = program.add_subcommand("reload", "Put another script in a loaded filter's place");
  app->formatter(std::make_shared<Help>("Usage: perilune reload NAME [SCRIPT] [OPTIONS]"));
  const auto words = std::make_shared<Words>();
  app->add_option("NAME", words->name, "The filter's name");
  app->add_option("SCRIPT", words->script, "The new script (default: the file it was loaded from)");
  declare_judging(*app, words->judging, true);
  app->add_flag("--json", words->json, "One JSON object");
  app->footer(kReloadExamples);
  return {app, [words] { return reload(*words); }};
}

}  // namespace perilune::cli
