#include "engine/script_program.h"

#include <utility>

#include <fmt/format.h>

#include "compiler/lua/checked_script.h"
#include "script/state/source.h"

namespace perilune::engine {

using packet::Cause;
using packet::Decision;
using packet::Malformed;
using packet::Verdict;

ScriptProgram::ScriptProgram(std::string path, Options chosen, Observer& told)
    : script_path(std::move(path)), options(std::move(chosen)), observer(&told), maps(options.map_memory) {}

std::optional<uint64_t> ScriptProgram::seed_of(unsigned worker) const {
  if (!options.seed.has_value()) return std::nullopt;
  return *options.seed + worker;
}

tl::expected<std::unique_ptr<script::State>, Diagnostics> ScriptProgram::load_state(unsigned worker) {
  script::Options state_options;
  state_options.limits = options.limits;
  state_options.function = options.function;
  state_options.maps = &maps;
  state_options.clock = options.packet_time ? &packet_clock : nullptr;
  state_options.events = observer;
  state_options.seed = seed_of(worker);
  state_options.worker = worker;
  state_options.record_line = options.record_lines;
  if (!text_) {
    auto text = script::read_script(script_path);
    if (!text) return tl::make_unexpected(std::move(text.error()));
    text_ = std::move(*text);
  }
  // The workers after the first run what was judged then.
  if (worker != 0) return script::State::load_text(*text_, script_path, script::folder_of(script_path), state_options);
  auto checked = compiler::load_checked(*text_, script_path, state_options);
  if (!checked) return tl::make_unexpected(std::move(checked.error()));
  return std::move(checked->state);
}

std::optional<Decision> ScriptProgram::decide_without_script(const packet::Location& location) const {
  Decision decision;
  if (location.malformed != Malformed::kNone) {
    decision.verdict = options.on_malformed;
    decision.cause = Cause::kMalformed;
    decision.malformed = location.malformed;
    return decision;
  }
  if (location.version == 0 && options.non_ip != NonIp::kAsk) {
    decision.verdict = options.non_ip == NonIp::kPass ? Verdict::kPass : Verdict::kBlock;
    decision.cause = Cause::kNotIp;
    return decision;
  }
  return std::nullopt;
}

Decision ScriptProgram::failed(const packet::Packet& packet, const script::ScriptError& error) {
  if (errors.add(error, packet.number)) observer->on_error(packet.number, error);
  Decision decision;
  decision.verdict = options.on_error;
  decision.cause = Cause::kError;
  decision.line = error.line;
  return decision;
}

Decision ScriptProgram::decided(std::optional<Verdict> verdict, uint32_t line) const {
  Decision decision;
  decision.verdict = verdict.value_or(options.default_verdict);
  decision.cause = verdict.has_value() ? Cause::kScript : Cause::kDefault;
  decision.line = line;
  return decision;
}

std::string malformed_by_script(Malformed malformed) {
  return fmt::format("the packet was malformed by the script: {}", packet::to_string(malformed));
}

}  // namespace perilune::engine
