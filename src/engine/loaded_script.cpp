#include "engine/loaded_script.h"

#include <utility>

#include "compiler/lua/checked_script.h"
#include "script/state/source.h"

namespace perilune::engine {

tl::expected<LoadedScript, Diagnostics> LoadedScript::load(const std::string& path, const LoadOptions& options) {
  auto text = script::read_script(path);
  if (!text) return tl::make_unexpected(std::move(text.error()));
  return load_text(std::move(*text), path, options);
}

tl::expected<LoadedScript, Diagnostics> LoadedScript::load_text(std::string text, const std::string& path,
                                                                const LoadOptions& options) {
  LoadedScript script;
  script.path_ = path;
  script.text_ = std::move(text);
  script.maps_ = std::make_unique<script::MapStore>(options.map_memory);
  script::Options state_options = options.state;
  state_options.maps = script.maps_.get();
  auto checked = compiler::load_checked(script.text_, path, state_options);
  if (!checked) return tl::make_unexpected(std::move(checked.error()));
  script.state_ = std::move(checked->state);
  script.warnings_ = std::move(checked->warnings);
  return script;
}

tl::expected<compiler::Compiled, Diagnostics> LoadedScript::compile(compiler::Target target,
                                                                    const packet::Policy& policy,
                                                                    const compiler::Options& options) const {
  target.asks_not_ip = target.has_frame && policy.non_ip == packet::NonIp::kAsk;
  return compiler::compile_filter(*state_, target, options);
}

tl::expected<std::unique_ptr<script::State>, Diagnostics> LoadedScript::load_again(script::Options options) const {
  options.maps = maps_.get();
  return script::State::load_text(text_, path_, script::folder_of(path_), options);
}

}  // namespace perilune::engine
