// `perilune explain SCRIPT...`: which engine runs a script, what keeps it from a faster one, and what each line costs.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <unistd.h>

#include "cli/command.h"
#include "cli/commands/compile_target.h"
#include "cli/confined.h"
#include "cli/help.h"
#include "cli/json.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "cli/units.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  perilune explain ssh.lua                      for every kind of hook
  perilune explain dns.lua --at netfilter:input     for one: can it be loaded there, and what does it cost?
  perilune explain ssh.lua --json

A script that compiles runs in the kernel ('perilune load') and on captures and queues with the native engine; what does
not compile is run by the lua engine, with the same result. docs/kernel-lua.md lists every reason with its way out.
The cost of a line is the number of eBPF instructions made of it; of those only the ones on a packet's way are run. What
'perilune load' counts includes the entry that finds the headers, which is about the same for every script.
Exit status: 0 explained; 1 the script is at fault, or with --at it does not compile there; 2 it cannot run here.)";

struct ExplainOptions {
  std::vector<std::string> scripts;
  CompiledScript loading;  // the options alone
  std::vector<std::string> at;
  bool json = false;
};

struct LineCost {
  std::string file;
  uint32_t line = 0;  // 0: belongs to no line
  uint64_t instructions = 0;
};

struct Verdict {
  NamedTarget target;
  std::optional<ir::Image> image;  // when it compiles
  Diagnostics refusals;            // when not
  bool misses_frame = false;       // it compiles, but `pkt.frame`, which it uses, is nil there
};

std::vector<LineCost> line_costs(const ir::Image& image) {
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> counts;
  const std::vector<ir::LineRecord>& records = image.code.lines;
  const size_t first = records.empty() ? image.code.insns.size() : records.front().insn;
  if (first != 0) counts[{0, 0}] += first;
  for (size_t i = 0; i < records.size(); ++i) {
    const size_t end = i + 1 < records.size() ? records[i + 1].insn : image.code.insns.size();
    counts[{records[i].line == 0 ? 0 : records[i].file, records[i].line}] += end - records[i].insn;
  }
  std::vector<LineCost> costs;
  for (const auto& [where, count] : counts) {
    if (count == 0) continue;
    const std::string file = where.first < image.files.size() ? image.files[where.first] : std::string();
    costs.push_back({file, where.second, count});
  }
  return costs;
}

std::string_view map_type(ir::MapType type) {
  switch (type) {
    case ir::MapType::kHash:
      return "hash";
    case ir::MapType::kLru:
      return "lru";
    case ir::MapType::kLpm:
      return "lpm";
    case ir::MapType::kArray:
      return "array";
  }
  return "?";
}

bool compiles_for_kernel(const Verdict& verdict) {
  return verdict.image && verdict.target.target.kernel && !verdict.misses_frame;
}

/// A script that looks at `pkt.frame` can be loaded where there are no frames, but there it is nil. Native code has
/// frames: what it uses says what the script looks at. Does the script compile to native code?
bool mark_missing_frames(const engine::LoadedScript& script, std::vector<Verdict>& verdicts) {
  std::optional<ir::Image> native;
  const auto known = std::ranges::find_if(verdicts, [](const Verdict& one) { return !one.target.target.kernel; });
  if (known != verdicts.end()) {
    native = known->image;
  } else if (auto compiled = script.compile(compiler::Target())) {
    native = std::move(compiled->image);
  }
  for (Verdict& verdict : verdicts)
    verdict.misses_frame = verdict.image && !verdict.target.target.has_frame && native && native->uses_frame;
  return native.has_value();
}

/// "kernel" means: at one of the places asked for.
std::string_view fastest_engine(const std::vector<Verdict>& verdicts, bool natively) {
  if (std::ranges::any_of(verdicts, compiles_for_kernel)) return "kernel";
  return natively ? "native" : "lua";
}

// ---- text

void print_engine(const std::string& script, const std::vector<Verdict>& verdicts, bool natively) {
  std::vector<std::string> kernel;
  bool native = false;
  for (const Verdict& verdict : verdicts) {
    if (compiles_for_kernel(verdict)) kernel.push_back(verdict.target.name);
    native = native || (verdict.image && !verdict.target.target.kernel);
  }
  std::string engines;
  if (!kernel.empty()) engines = fmt::format("kernel ({})", fmt::join(kernel, ", "));
  if (native) engines += engines.empty() ? "native" : ", native";
  const bool compiles = std::ranges::any_of(verdicts, [](const Verdict& verdict) { return verdict.image.has_value(); });
  if (engines.empty()) {
    engines = compiles   ? "none of those asked for, because it needs frames"
              : natively ? "native ('perilune run'), because it does not compile for where it was asked for"
                         : "lua, because it does not compile";
  }
  print_to(stdout, "{}: engine: {}\n", printable(script), printable(engines));
  std::vector<std::string> frameless;
  for (const Verdict& verdict : verdicts)
    if (verdict.misses_frame) frameless.push_back(verdict.target.name);
  if (frameless.empty()) return;
  print_to(stdout, "\nat {} it can be loaded, but there are no frames: pkt.frame, which it uses, is nil\n",
           printable(fmt::format("{}", fmt::join(frameless, ", "))));
}

bool same_place(const Diagnostic& a, const Diagnostic& b) {
  return a.code == b.code && a.file == b.file && a.line == b.line && a.message == b.message;
}

/// Each refusal once, with the places it stands for in front.
void print_refusals(const std::vector<Verdict>& verdicts) {
  std::vector<std::pair<Diagnostic, std::vector<std::string>>> all;
  for (const Verdict& verdict : verdicts) {
    for (const Diagnostic& refusal : verdict.refusals) {
      const auto known = std::ranges::find_if(all, [&](const auto& one) { return same_place(one.first, refusal); });
      if (known == all.end()) {
        all.push_back({refusal, {verdict.target.name}});
      } else {
        known->second.push_back(verdict.target.name);
      }
    }
  }
  for (const auto& [refusal, names] : all) {
    print_to(stdout, "\nnot at {}, because of\n", printable(fmt::format("{}", fmt::join(names, ", "))));
    print_diagnostics({refusal}, stdout);
  }
}

void print_cost(const Verdict& verdict) {
  const ir::Image& image = *verdict.image;
  const std::vector<LineCost> costs = line_costs(image);
  SourceLines source;
  const Palette palette(STDOUT_FILENO);
  print_to(stdout, "\n{} instructions at {}:\n", grouped(image.code.insns.size()), printable(verdict.target.name));
  std::string file;
  for (const LineCost& cost : costs) {
    if (cost.line != 0 && image.files.size() > 1 && cost.file != file) {
      file = cost.file;
      print_to(stdout, "{}\n", printable(file));
    }
    constexpr size_t kWidth = 80;
    std::string text = cost.line == 0 ? "(no line: entry, errors)" : printable(source.line(cost.file, cost.line));
    if (text.size() > kWidth && cost.line != 0)
      text = printable(source.line(cost.file, cost.line).substr(0, kWidth)) + "...";
    print_to(stdout, "{:>7} {}  {}\n", grouped(cost.instructions),
             palette.paint(Colour::kDim, fmt::format("{:>5}", cost.line == 0 ? "" : fmt::format("{}", cost.line))),
             text);
  }
  print_to(stdout, "tables {} bytes, constant strings {} bytes, variables {} bytes\n", grouped(image.tables.size()),
           grouped(image.constants.size()), grouped(image.worker.size()));
  for (const ir::MapSpec& map : image.maps) {
    print_to(stdout, "map {} ({}): {} bytes key, {} bytes value, {} entries\n", printable(map.name), map_type(map.type),
             map.key_size, map.value_size, grouped(map.entries));
  }
}

// ---- JSON

Json refusal_json(const Diagnostic& refusal) {
  return {{"code", refusal.code},
          {"file", refusal.file},
          {"line", refusal.line},
          {"message", refusal.message},
          {"hint", refusal.hint}};
}

Json verdict_json(const Verdict& verdict) {
  Json json = {{"hook", verdict.target.name}, {"compiles", verdict.image.has_value()}};
  if (!verdict.image) {
    json["refusals"] = Json::array();
    for (const Diagnostic& refusal : verdict.refusals)
      json["refusals"].push_back(refusal_json(refusal));
    return json;
  }
  const ir::Image& image = *verdict.image;
  if (verdict.misses_frame) json["misses_frame"] = true;
  json["instructions"] = image.code.insns.size();
  json["tables_bytes"] = image.tables.size();
  json["constants_bytes"] = image.constants.size();
  json["variables_bytes"] = image.worker.size();
  json["writes"] = image.writes;
  json["sets_mark"] = image.sets_mark;
  json["logs"] = image.uses_events;
  json["maps"] = Json::array();
  for (const ir::MapSpec& map : image.maps) {
    json["maps"].push_back({{"name", map.name},
                            {"type", map_type(map.type)},
                            {"key_bytes", map.key_size},
                            {"value_bytes", map.value_size},
                            {"entries", map.entries}});
  }
  json["lines"] = Json::array();
  for (const LineCost& cost : line_costs(image))
    json["lines"].push_back({{"file", cost.file}, {"line", cost.line}, {"instructions", cost.instructions}});
  return json;
}

void print_json(const std::string& script, const std::vector<Verdict>& verdicts, bool natively) {
  Json json = {{"script", script}, {"engine", fastest_engine(verdicts, natively)}, {"hooks", Json::array()}};
  for (const Verdict& verdict : verdicts)
    json["hooks"].push_back(verdict_json(verdict));
  print_to(stdout, "{}\n", to_line(json));
}

/// One script; the exit status.
int explain_one(const std::string& path, const ExplainOptions& options, const std::vector<NamedTarget>& targets) {
  CompiledScript script = options.loading;
  script.path = path;
  const auto loaded = load_for_compiling(script);
  if (!loaded) return kInputAtFault;
  std::vector<Verdict> verdicts;
  for (const NamedTarget& target : targets) {
    const auto alike =
        std::ranges::find_if(verdicts, [&](const Verdict& one) { return one.target.target == target.target; });
    if (alike != verdicts.end()) {
      verdicts.push_back({target, alike->image, alike->refusals, false});
      continue;
    }
    auto compiled = loaded->compile(target.target);
    Verdict verdict{target, {}, {}, false};
    if (compiled) {
      verdict.image = std::move(compiled->image);
    } else {
      verdict.refusals = std::move(compiled.error());
    }
    verdicts.push_back(std::move(verdict));
  }
  const bool natively = mark_missing_frames(*loaded, verdicts);
  const auto first = std::ranges::find_if(verdicts, [](const Verdict& verdict) { return verdict.image.has_value(); });
  if (options.json) {
    print_json(path, verdicts, natively);
  } else {
    print_engine(path, verdicts, natively);
    print_refusals(verdicts);
    if (first != verdicts.end()) print_cost(*first);
  }
  const bool refused = std::ranges::any_of(verdicts, [](const Verdict& verdict) { return !verdict.image.has_value(); });
  return refused && !options.at.empty() ? kInputAtFault : kDone;
}

int explain(const ExplainOptions& options) {
  if (options.scripts.empty()) {
    return print_error(input_error("no script given", "perilune explain SCRIPT...").value());
  }
  std::vector<NamedTarget> targets;
  for (const std::string& text : options.at) {
    Result<NamedTarget> target = parse_target(text);
    if (!target) return print_error(target.error());
    targets.push_back(std::move(*target));
  }
  if (targets.empty()) targets = kinds_of_targets();
  confine_to_scripts();
  int status = kDone;
  for (size_t i = 0; i < options.scripts.size(); ++i) {
    if (i != 0 && !options.json) print_to(stdout, "\n");
    status = std::max(status, explain_one(options.scripts[i], options, targets));
  }
  return status;
}

}  // namespace

Command add_explain(CLI::App& program) {
  CLI::App* app = program.add_subcommand("explain", "Say which engine runs a script, why, and what its lines cost");
  app->formatter(std::make_shared<Help>("Usage: perilune explain SCRIPT... [--at HOOK]... [--json]"));
  const auto options = std::make_shared<ExplainOptions>();
  app->add_option("SCRIPT", options->scripts, "Lua scripts with filters");
  add_loading_options(*app, options->loading);
  app->add_option("--at", options->at,
                  "Where it is to run: a hook as for load, or its name\nalone, or native (default: each of these)")
      ->type_name("HOOK")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_flag("--json", options->json, "One JSON object for each script, a line each");
  app->footer(kExamples);
  return {app, [options] { return explain(*options); }};
}

}  // namespace perilune::cli
