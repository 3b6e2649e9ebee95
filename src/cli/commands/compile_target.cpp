#include "cli/commands/compile_target.h"

#include <algorithm>
#include <utility>

#include "bpf/hook.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "hooks/hook_name.h"
#include "script/state/source.h"

namespace perilune::cli {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

}  // namespace

std::vector<NamedTarget> kinds_of_targets() {
  std::vector<NamedTarget> kinds;
  for (const bpf::Hook* hook : bpf::kernel_hooks())
    kinds.push_back({std::string(hook->name()), hook->any_target()});
  kinds.push_back({"native", compiler::Target()});
  return kinds;
}

Result<NamedTarget> parse_target(std::string_view text) {
  std::vector<std::string> names;
  for (NamedTarget& kind : kinds_of_targets()) {
    if (kind.name == text) return std::move(kind);
    names.push_back(kind.name);
  }
  Result<bpf::AttachPoint> point = hooks::parse_hook(text);
  if (!point) {
    return input_error(
        point.error().message,
        point.error().hint + fmt::format("\nor a kind alone: {} (this program's own engine)", fmt::join(names, ", ")));
  }
  return NamedTarget{std::string(text), point->hook->target(*point)};
}

void add_loading_options(CLI::App& app, CompiledScript& script) {
  app.add_option("--function", script.function, "The function that judges packets (default: filter)")
      ->type_name("NAME");
  app.add_option("--memory", script.memory, "Memory of the script while it is loaded (default: 64M)")
      ->type_name("SIZE");
}

std::optional<engine::LoadedScript> load_for_compiling(const CompiledScript& script) {
  engine::LoadOptions options;
  options.state.function = script.function;
  if (const Result<void> sound = read_bytes("--memory", script.memory, options.state.limits.memory); !sound) {
    print_error(sound.error());
    return std::nullopt;
  }
  auto loaded = engine::LoadedScript::load(script.path, options);
  if (loaded) return std::move(*loaded);
  print_diagnostics(loaded.error(), stderr);
  return std::nullopt;
}

std::string_view SourceLines::line(const std::string& file, uint32_t line) {
  const auto known = std::ranges::find_if(files_, [&](const auto& one) { return one->name == file; });
  if (known == files_.end()) {
    auto fresh = std::make_unique<File>();
    fresh->name = file;
    if (auto text = script::read_script(file)) fresh->text = std::move(*text);
    for (std::string_view rest = fresh->text; !rest.empty();) {
      const size_t end = rest.find('\n');
      fresh->lines.push_back(trimmed(rest.substr(0, end)));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    files_.push_back(std::move(fresh));
    return this->line(file, line);
  }
  const std::vector<std::string_view>& lines = (*known)->lines;
  return line >= 1 && line <= lines.size() ? lines[line - 1] : std::string_view();
}

}  // namespace perilune::cli
