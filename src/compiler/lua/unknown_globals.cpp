#include "compiler/lua/unknown_globals.h"

#include "base/spelling.h"
#include "compiler/lua/globals.h"
#include "script/state/left_out.h"

namespace perilune::compiler {
namespace {

void collect_locals(const Prototype& function, std::set<std::string>& names) {
  for (const Local& local : function.locals) {
    if (!local.name.starts_with('(')) names.insert(local.name);  // "(for state)" is the compiler's own
  }
  for (const Prototype& child : function.children)
    collect_locals(child, names);
}

std::string hint_for(const std::string& name, const std::vector<std::string_view>& candidates) {
  if (const script::LeftOut* known = script::left_out(name)) return std::string(known->instead);
  if (name == "hdr" || name == "pld" || name == "pkt") {
    return "it is a parameter of the filter, in this place: function filter(hdr, pld, pkt)";
  }
  if (name == "net") return "it is a module: local net = require 'net'";
  if (std::string meant = did_you_mean(name, candidates); !meant.empty()) return meant;
  return fmt::format("if it is meant to be nil, say so once: {} = nil", name);
}

}  // namespace

Diagnostics unknown_globals(const std::vector<CompiledFile>& files, const std::set<std::string>& provided,
                            const std::set<std::string>& defined) {
  std::set<std::string> known = provided;
  known.insert(defined.begin(), defined.end());
  bool by_other_ways = false;
  std::vector<std::vector<GlobalAccess>> accesses;
  for (const CompiledFile& file : files) {
    accesses.push_back(global_accesses(file.main));
    by_other_ways = by_other_ways || hands_out_environment(file.main);
    for (const GlobalAccess& access : accesses.back()) {
      if (access.write) known.insert(access.name);
    }
  }

  Diagnostics found;
  for (size_t i = 0; i < files.size(); ++i) {
    std::set<std::string> candidates = known;
    collect_locals(files[i].main, candidates);
    const std::vector<std::string_view> list(candidates.begin(), candidates.end());
    std::set<std::pair<std::string, uint32_t>> told;
    for (const GlobalAccess& access : accesses[i]) {
      if (access.write || known.contains(access.name) || !told.insert({access.name, access.line}).second) continue;
      Diagnostic diagnostic;
      diagnostic.severity = access.in_function && !by_other_ways ? Severity::kError : Severity::kWarning;
      diagnostic.code = "unknown-global";
      diagnostic.file = files[i].name;
      diagnostic.line = access.line;
      diagnostic.message = script::left_out(access.name) != nullptr
                               ? fmt::format("'{}' is not available in the sandbox: it is nil", access.name)
                               : fmt::format("'{}' is read here, but nothing defines it: it is nil", access.name);
      diagnostic.hint = hint_for(access.name, list);
      found.push_back(std::move(diagnostic));
    }
  }
  return found;
}

}  // namespace perilune::compiler
