// The one road from a script to something that judges packets: read once, its main chunk run and judged, compiled for
// as many places as it is to run at. Every command and engine starts here; what follows is the engine's own, see
// engine.h (this process) and bpf/installation.h (the kernel).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "base/diagnostic.h"
#include "compiler/compiler.h"
#include "packet/policy.h"
#include "script/maps/map_store.h"
#include "script/state/state.h"

namespace perilune::engine {

/// What a script is loaded with. `maps` of the state's options is set here.
struct LoadOptions {
  script::Options state;
  uint64_t map_memory = script::MapStore::kDefaultLimit;  // bytes that all maps together may take
};

class LoadedScript {
 public:
  /// Reads the file, which may be a pipe, and runs its main chunk. What has an error by the rules of `perilune check`
  /// is refused (compiler/lua/checked_script.h).
  [[nodiscard]] static tl::expected<LoadedScript, Diagnostics> load(const std::string& path,
                                                                    const LoadOptions& options);
  /// The same for text that was read before, or stands in no file; `path` is its name in messages, and its folder is
  /// where `require` looks.
  [[nodiscard]] static tl::expected<LoadedScript, Diagnostics> load_text(std::string text, const std::string& path,
                                                                         const LoadOptions& options);

  /// For a place and what the policy asks of the script there. The state must not have been taken.
  [[nodiscard]] tl::expected<compiler::Compiled, Diagnostics> compile(compiler::Target target,
                                                                      const packet::Policy& policy = {},
                                                                      const compiler::Options& options = {}) const;

  /// Another state of the same text that shares the maps, for a further worker: it is not judged again.
  [[nodiscard]] tl::expected<std::unique_ptr<script::State>, Diagnostics> load_again(script::Options options) const;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& text() const { return text_; }  // as it was read, cleaned by script::read_script
  [[nodiscard]] const Diagnostics& warnings() const { return warnings_; }
  [[nodiscard]] script::MapStore& maps() const { return *maps_; }
  [[nodiscard]] script::State& state() const { return *state_; }
  [[nodiscard]] std::unique_ptr<script::State> take_state() { return std::move(state_); }

 private:
  LoadedScript() = default;

  std::string path_;
  std::string text_;
  std::unique_ptr<script::MapStore> maps_;  // before the state, which uses it
  std::unique_ptr<script::State> state_;
  Diagnostics warnings_;
};

}  // namespace perilune::engine
