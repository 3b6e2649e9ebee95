#include "engine/script_program.h"

#include <utility>

#include <fmt/format.h>

namespace perilune::engine {

using packet::Cause;
using packet::Decision;
using packet::Malformed;
using packet::NonIp;
using packet::Verdict;

tl::expected<std::unique_ptr<ScriptProgram>, Diagnostics> ScriptProgram::load(const std::string& path,
                                                                              const Options& options,
                                                                              Observer& observer) {
  std::unique_ptr<ScriptProgram> program(new ScriptProgram(options, observer));
  auto script = LoadedScript::load(path, {program->state_options(0), options.map_memory});
  if (!script) return tl::make_unexpected(std::move(script.error()));
  program->script = std::move(*script);
  return program;
}

std::optional<uint64_t> ScriptProgram::seed_of(unsigned worker) const {
  if (!options.seed.has_value()) return std::nullopt;
  return *options.seed + worker;
}

script::Options ScriptProgram::state_options(unsigned worker) const {
  script::Options state;
  state.limits = options.limits;
  state.function = options.function;
  state.clock = options.packet_time ? &packet_clock : nullptr;
  state.events = observer;
  state.seed = seed_of(worker);
  state.worker = worker;
  state.record_line = options.record_lines;
  return state;
}

tl::expected<std::unique_ptr<script::State>, Diagnostics> ScriptProgram::take_state(unsigned worker) {
  if (worker == 0)
    if (auto first = script->take_state()) return first;
  return script->load_again(state_options(worker));
}

std::optional<Decision> ScriptProgram::decide_without_script(const packet::Location& location) const {
  Decision decision;
  if (location.malformed != Malformed::kNone) {
    decision.verdict = options.policy.on_malformed;
    decision.cause = Cause::kMalformed;
    decision.malformed = location.malformed;
    return decision;
  }
  if (location.version == 0 && options.policy.non_ip != NonIp::kAsk) {
    decision.verdict = options.policy.non_ip == NonIp::kPass ? Verdict::kPass : Verdict::kBlock;
    decision.cause = Cause::kNotIp;
    return decision;
  }
  return std::nullopt;
}

Decision ScriptProgram::failed(const packet::Packet& packet, const script::ScriptError& error) {
  if (errors.add(error, packet.number)) observer->on_error(packet.number, error);
  Decision decision;
  decision.verdict = options.policy.on_error;
  decision.cause = Cause::kError;
  decision.line = error.line;
  return decision;
}

Decision ScriptProgram::decided(std::optional<Verdict> verdict, uint32_t line) const {
  Decision decision;
  decision.verdict = verdict.value_or(options.policy.on_default);
  decision.cause = verdict.has_value() ? Cause::kScript : Cause::kDefault;
  decision.line = line;
  return decision;
}

std::string malformed_by_script(Malformed malformed) {
  return fmt::format("the packet was malformed by the script: {}", packet::to_string(malformed));
}

}  // namespace perilune::engine
