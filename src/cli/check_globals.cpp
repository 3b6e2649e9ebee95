#include "cli/check_globals.h"

#include <algorithm>
#include <array>

#include "cli/suggest.h"
#include "compiler/globals.h"

namespace perilune::cli {
namespace {

/// Names of stock Lua that the sandbox leaves out, and what to do instead.
struct LeftOut {
  std::string_view name;
  std::string_view why;
};
constexpr std::array<LeftOut, 9> kLeftOut = {{
    {"io", "scripts cannot reach files: compute tables at load from modules (require), report with log()"},
    {"os", "scripts cannot reach the system: the time is time.now()"},
    {"debug", "scripts cannot reach the interpreter"},
    {"package", "modules are found by require, in the script's folder only"},
    {"dofile", "use require for files in the script's folder"},
    {"loadfile", "use require for files in the script's folder"},
    {"load", "scripts cannot compile text while they run"},
    {"collectgarbage", "memory is limited with --memory and collected automatically"},
    {"coroutine", "a filter answers at once, for every packet"},
}};

void collect_locals(const compiler::Prototype& function, std::set<std::string>& names) {
  for (const compiler::Local& local : function.locals) {
    if (!local.name.starts_with('(')) names.insert(local.name);  // "(for state)" is the compiler's own
  }
  for (const compiler::Prototype& child : function.children)
    collect_locals(child, names);
}

std::string hint_for(const std::string& name, const std::vector<std::string>& known) {
  const auto* left_out =
      std::find_if(kLeftOut.begin(), kLeftOut.end(), [&](const LeftOut& l) { return l.name == name; });
  if (left_out != kLeftOut.end()) return std::string(left_out->why);
  if (name == "hdr" || name == "pld" || name == "pkt") {
    return "it is a parameter of the filter, in this place: function filter(hdr, pld, pkt)";
  }
  if (const std::string meant = nearest(name, known); !meant.empty()) return fmt::format("did you mean '{}'?", meant);
  return fmt::format("if it is meant to be nil, say so once: {} = nil", name);
}

}  // namespace

Diagnostics unknown_globals(const std::vector<CompiledFile>& files, const std::set<std::string>& provided,
                            const std::set<std::string>& defined) {
  std::set<std::string> known = provided;
  known.insert(defined.begin(), defined.end());
  std::vector<std::vector<compiler::GlobalAccess>> accesses;
  for (const CompiledFile& file : files) {
    accesses.push_back(compiler::global_accesses(file.main));
    for (const compiler::GlobalAccess& access : accesses.back()) {
      if (access.write) known.insert(access.name);
    }
  }

  Diagnostics found;
  for (size_t i = 0; i < files.size(); ++i) {
    std::set<std::string> candidates = known;
    collect_locals(files[i].main, candidates);
    const std::vector<std::string> list(candidates.begin(), candidates.end());
    std::set<std::pair<std::string, uint32_t>> told;
    for (const compiler::GlobalAccess& access : accesses[i]) {
      if (access.write || known.contains(access.name) || !told.insert({access.name, access.line}).second) continue;
      Diagnostic diagnostic;
      diagnostic.severity = access.in_function ? Severity::kError : Severity::kWarning;
      diagnostic.code = "unknown-global";
      diagnostic.file = files[i].name;
      diagnostic.line = access.line;
      diagnostic.message = fmt::format("'{}' is read here, but nothing defines it: it is nil", access.name);
      diagnostic.hint = hint_for(access.name, list);
      found.push_back(std::move(diagnostic));
    }
  }
  return found;
}

}  // namespace perilune::cli
