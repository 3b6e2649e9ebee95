// `perilune compile SCRIPT`: the code that a script becomes, to look at.
#include <charconv>

#include <unistd.h>

#include "cli/command.h"
#include "cli/commands/compile_target.h"
#include "cli/help.h"
#include "cli/report/output.h"
#include "cli/terminal.h"
#include "ir/generate/passes.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  perilune compile ssh.lua                           eBPF, with the line of the script that each part belongs to
  perilune compile ssh.lua --emit ir                 the form before it: values, blocks, no registers yet
  perilune compile dns.lua --emit bpf --at tc:eth0:out

Nothing is loaded, and no privileges are needed. 'perilune explain' says what each line costs.
Exit status: 0 done; 1 the script does not compile there, or something given is wrong; 2 it cannot run here.)";

struct CompileOptions {
  CompiledScript script;
  std::string emit = "bpf";
  std::string at = "native";
};

/// "; file 0 line 12" becomes "; ssh.lua:12: return false".
std::string place(std::string_view text, const std::vector<std::string>& files, SourceLines& source) {
  constexpr std::string_view kFile = "; file ";
  constexpr std::string_view kLine = " line ";
  size_t file = 0;
  uint32_t line = 0;
  const size_t middle = text.find(kLine);
  if (!text.starts_with(kFile) || middle == std::string_view::npos) return std::string(text);
  std::from_chars(text.data() + kFile.size(), text.data() + middle, file);
  std::from_chars(text.data() + middle + kLine.size(), text.data() + text.size(), line);
  if (file >= files.size()) return std::string(text);
  return fmt::format("; {}:{}: {}", printable(files[file]), line, printable(source.line(files[file], line)));
}

int compile(const CompileOptions& options) {
  if (options.script.path.empty()) {
    return print_error(input_error("no script given", "perilune compile SCRIPT --emit ir|bpf").value());
  }
  if (options.emit != "ir" && options.emit != "bpf") {
    return print_error(input_error(fmt::format("--emit: '{}' is neither ir nor bpf", options.emit),
                                   "ir is the form between Lua and eBPF, bpf the eBPF instructions")
                           .value());
  }
  const Result<NamedTarget> target = parse_target(options.at);
  if (!target) return print_error(target.error());
  const auto loaded = load_for_compiling(options.script);
  if (!loaded) return kInputAtFault;
  const auto compiled = loaded->compile(target->target, {}, {.keep_ir = options.emit == "ir"});
  if (!compiled) {
    print_diagnostics(compiled.error(), stderr);
    return kInputAtFault;
  }
  const std::string text = options.emit == "ir" ? compiled->ir_text : ir::disassemble(compiled->image.code);
  SourceLines source;
  Output out(STDOUT_FILENO);
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = rest.find('\n');
    out.print("{}", place(rest.substr(0, end), compiled->image.files, source));
    out.end_line();
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  out.flush();
  return out.error() ? print_error(*out.error()) : kDone;
}

}  // namespace

Command add_compile(CLI::App& program) {
  CLI::App* app = program.add_subcommand("compile", "Show the code that a script becomes");
  app->formatter(std::make_shared<Help>("Usage: perilune compile SCRIPT [--emit ir|bpf] [--at HOOK]"));
  const auto options = std::make_shared<CompileOptions>();
  app->add_option("SCRIPT", options->script.path, "The Lua script with the filter");
  add_loading_options(*app, options->script);
  app->add_option("--emit", options->emit, "What to print (default: bpf)")->type_name("ir|bpf");
  app->add_option("--at", options->at,
                  "Where it is to run: a hook as for load, or its name\nalone, or native (default: native)")
      ->type_name("HOOK");
  app->footer(kExamples);
  return {app, [options] { return compile(*options); }};
}

}  // namespace perilune::cli
