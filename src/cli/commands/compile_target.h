// What `compile` and `explain` share: a script loaded as for the kernel, and the places it can be compiled for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/diagnostic.h"
#include "base/result.h"
#include "bpf/attach_point.h"
#include "compiler/target.h"
#include "engine/loaded_script.h"

namespace perilune::cli {

struct NamedTarget {
  std::string name;  // as the user wrote it, or the kind's: "xdp", "native"
  compiler::Target target;
};

/// Each kind of place once, the kernel's first.
[[nodiscard]] std::vector<NamedTarget> kinds_of_targets();

/// A kind alone (`xdp`, `tc`, `netfilter`, `native`), or a hook as `load` takes it (`tc:eth0:out`). A mistake is the
/// user's fault.
[[nodiscard]] Result<NamedTarget> parse_target(std::string_view text);

/// What is to be compiled; the options of both that say how it is loaded.
struct CompiledScript {
  std::string path;
  std::string function = "filter";
  std::string memory;  // as the user wrote it; empty: the default
};
void add_loading_options(CLI::App& app, CompiledScript& script);

/// Log lines of the main chunk are dropped. Prints why not.
[[nodiscard]] std::optional<engine::LoadedScript> load_for_compiling(const CompiledScript& script);

/// The lines of a script's files, for listings.
class SourceLines {
 public:
  /// Line `line` (from 1) of the file, without the space around it; empty when it cannot be read or has no such line.
  [[nodiscard]] std::string_view line(const std::string& file, uint32_t line);

 private:
  struct File {
    std::string name;
    std::string text;
    std::vector<std::string_view> lines;
  };
  std::vector<std::unique_ptr<File>> files_;
};

}  // namespace perilune::cli
