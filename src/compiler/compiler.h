// A loaded script to eBPF code.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/diagnostic.h"
#include "compiler/target.h"
#include "ir/code.h"
#include "script/maps/map_store.h"
#include "script/state/state.h"

namespace perilune::compiler {

struct Compiled {
  ir::Image image;
  /// In the order of image.maps; their contents as the main chunk left them are in the state's store.
  std::vector<script::MapDeclaration> maps;
  std::string ir_text;  // when asked for
};

struct Options {
  bool keep_ir = false;
};

/// Compiles the entry point of `state`, whose main chunk has run. What cannot be compiled is an error that says where,
/// why and what to write instead; its codes are listed in docs/kernel-lua.md.
[[nodiscard]] tl::expected<Compiled, Diagnostics> compile_filter(script::State& state, const Target& target,
                                                                 const Options& options = {});

}  // namespace perilune::compiler
