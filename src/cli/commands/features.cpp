// `perilune features`: what this kernel can do, tried out.
#include "bpf/features.h"

#include "bpf/hook.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/json.h"
#include "cli/stream.h"
#include "cli/terminal.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Each feature is tried with a program of a few instructions; nothing is attached and nothing stays. The kernel named with
a feature is the first one of kernel.org that has it, as a hint: distributions differ.
Exit status: 0 done; 2 this process may not load programs at all.)";

int print_features(bool json) {
  const Result<bpf::Features> probed = bpf::probe_features();
  if (!probed) return print_error(probed.error());
  const bpf::Features& found = *probed;
  if (json) {
    Json list = Json::object();
    for (const bpf::FeatureName& feature : bpf::feature_list())
      list[std::string(feature.name)] = bpf::is_there(found, feature);
    print_to(stdout, "{}\n", to_line({{"permitted", found.permitted}, {"features", std::move(list)}}));
  }
  if (!found.permitted) return print_error(bpf::not_permitted(found));
  if (json) return kDone;
  const Palette palette(1);
  for (const bpf::FeatureName& feature : bpf::feature_list()) {
    const bool there = bpf::is_there(found, feature);
    print_to(stdout, "{}  {:<18}{}{}\n", palette.paint(there ? Colour::kGreen : Colour::kRed, there ? "yes" : "no "),
             feature.name, feature.what, there ? "" : fmt::format(" (kernel {})", feature.since));
  }
  const std::string hooks = bpf::available_hooks(found);
  print_to(stdout, "\nhooks: {}\n", hooks.empty() ? "none ('perilune run --queue' works without them)" : hooks);
  return kDone;
}

}  // namespace

Command add_features(CLI::App& program) {
  CLI::App* app = program.add_subcommand("features", "What this kernel can do");
  app->formatter(std::make_shared<Help>("Usage: perilune features [--json]"));
  const auto json = std::make_shared<bool>(false);
  app->add_flag("--json", *json, "One JSON object");
  app->footer(kExamples);
  return {app, [json] { return print_features(*json); }};
}

}  // namespace perilune::cli
