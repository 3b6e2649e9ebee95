#include "engine/lua_engine.h"

#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <lauxlib.h>

#include "script/map_store.h"
#include "script/packet_binding.h"
#include "script/source.h"
#include "script/state.h"

namespace perilune::engine {
namespace {

using packet::Cause;
using packet::Decision;
using packet::Malformed;
using packet::Verdict;
using script::PacketBinding;

// What the workers of a program share.
struct Shared {
  Shared(std::string path, Options chosen, std::string why, Observer& told)
      : script_path(std::move(path)),
        options(std::move(chosen)),
        explanation(std::move(why)),
        observer(&told),
        maps(options.map_memory) {}

  std::string script_path;
  Options options;
  std::string explanation;
  Observer* observer;
  script::PacketClock packet_clock;
  script::MapStore maps;
  ErrorLog errors;
};

// Where the entry point begins: the place of errors that belong to no line of it.
struct Place {
  std::string file;
  uint32_t line = 0;
};

// Called protected: pushing the name may raise. Argument 1: lua_Debug to fill; argument 2: the name of the entry point.
int inspect_entry_point(lua_State* L) {
  auto* info = static_cast<lua_Debug*>(lua_touserdata(L, 1));
  lua_pushglobaltable(L);
  lua_pushstring(L, static_cast<const char*>(lua_touserdata(L, 2)));
  lua_rawget(L, -2);
  if (lua_isfunction(L, -1)) lua_getinfo(L, ">S", info);
  return 0;
}

Place find_entry_point(lua_State* L, const std::string& function, const std::string& script_path) {
  lua_Debug info{};
  lua_pushcfunction(L, inspect_entry_point);
  lua_pushlightuserdata(L, &info);
  lua_pushlightuserdata(L, const_cast<char*>(function.c_str()));
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) lua_pop(L, 1);
  if (info.source == nullptr || info.source[0] != '@') return {script_path, 0};
  return {info.source + 1, static_cast<uint32_t>(info.linedefined > 0 ? info.linedefined : 0)};
}

class LuaWorker final : public PacketWorker {
 public:
  LuaWorker(Shared& shared, std::unique_ptr<script::State> state)
      : shared_(&shared),
        state_(std::move(state)),
        binding_(*state_),
        entry_point_(find_entry_point(state_->lua(), shared.options.function, shared.script_path)) {}

  [[nodiscard]] bool ready() const { return binding_.ready(); }

  Decision judge(const packet::Packet& packet) override {
    if (shared_->options.packet_time) shared_->packet_clock.advance(packet.time_ns);
    location_ = packet::locate(packet.bytes, packet.wire_length, packet.link);
    Decision decision = decide(packet);
    statistics_.count(decision, location_);
    return decision;
  }

  const packet::Location& location() const override { return location_; }

  Statistics statistics() const override {
    Statistics snapshot;
    snapshot += statistics_;
    return snapshot;
  }

 private:
  Decision decide(const packet::Packet& packet) {
    const Options& options = shared_->options;
    Decision decision;
    if (location_.malformed != Malformed::kNone) {
      decision.verdict = options.on_malformed;
      decision.cause = Cause::kMalformed;
      decision.malformed = location_.malformed;
      return decision;
    }
    if (location_.version == 0 && options.non_ip != NonIp::kAsk) {
      decision.verdict = options.non_ip == NonIp::kPass ? Verdict::kPass : Verdict::kBlock;
      decision.cause = Cause::kNotIp;
      return decision;
    }
    binding_.begin(packet, location_);
    decision = ask(packet);
    binding_.end();
    return decision;
  }

  Decision ask(const packet::Packet& packet) {
    if (!state_->call(binding_, packet.number)) return failed(packet, state_->error());
    const PacketBinding::ScriptResult result = binding_.read_result(state_->lua());
    const uint32_t line = state_->return_line();
    state_->finish();
    if (result.kind == PacketBinding::ResultKind::kInvalid) return failed(packet, at(line, result.problem));

    Decision decision;
    const bool has_opinion = result.kind == PacketBinding::ResultKind::kVerdict;
    decision.verdict = has_opinion ? result.verdict : shared_->options.default_verdict;
    decision.cause = has_opinion ? Cause::kScript : Cause::kDefault;
    decision.line = line;
    // Writes to a packet that goes nowhere need no checksums, and cannot be wrong.
    if (decision.verdict == Verdict::kPass || decision.verdict == Verdict::kReply) {
      if (const Malformed malformed = binding_.commit(decision); malformed != Malformed::kNone) {
        return failed(
            packet, at(line, fmt::format("the packet was malformed by the script: {}", packet::to_string(malformed))));
      }
    }
    return decision;
  }

  // An error that Lua itself did not raise: at the return statement when it is known, else at the entry point.
  script::ScriptError at(uint32_t line, std::string message) const {
    return {entry_point_.file, line != 0 ? line : entry_point_.line, std::move(message), {}};
  }

  Decision failed(const packet::Packet& packet, const script::ScriptError& error) {
    if (shared_->errors.add(error, packet.number)) shared_->observer->on_error(packet.number, error);
    Decision decision;
    decision.verdict = shared_->options.on_error;
    decision.cause = Cause::kError;
    decision.line = error.line;
    return decision;
  }

  Shared* shared_;
  std::unique_ptr<script::State> state_;
  PacketBinding binding_;
  Place entry_point_;
  packet::Location location_;
  Statistics statistics_;
};

class LuaProgram final : public Program {
 public:
  LuaProgram(const std::string& script_path, const Options& options, std::string explanation, Observer& observer)
      : shared_(script_path, options, std::move(explanation), observer) {}

  Kind kind() const override { return Kind::kLua; }
  std::string explanation() const override { return shared_.explanation; }
  const ErrorLog& errors() const override { return shared_.errors; }
  script::MapStore& maps() override { return shared_.maps; }

  tl::expected<std::unique_ptr<PacketWorker>, Diagnostics> packet_worker(unsigned index) override {
    const Options& options = shared_.options;
    script::Options state_options;
    state_options.limits = options.limits;
    state_options.function = options.function;
    state_options.maps = &shared_.maps;
    state_options.clock = options.packet_time ? &shared_.packet_clock : nullptr;
    state_options.events = shared_.observer;
    if (options.seed.has_value())
      state_options.seed = *options.seed + index;  // workers shall not draw the same numbers
    state_options.worker = index;
    state_options.record_line = options.record_lines;
    if (!text_) {  // read once: all workers run the same script, also when the file changes or was a pipe
      auto text = script::read_script(shared_.script_path);
      if (!text) return tl::make_unexpected(std::move(text.error()));
      text_ = std::move(*text);
    }
    auto state =
        script::State::load_text(*text_, shared_.script_path, script::folder_of(shared_.script_path), state_options);
    if (!state.has_value()) return tl::make_unexpected(std::move(state.error()));
    auto worker = std::make_unique<LuaWorker>(shared_, std::move(*state));
    if (!worker->ready()) {
      return tl::make_unexpected(Diagnostics{{Severity::kError, "memory", shared_.script_path, 0,
                                              "the script left no memory for the packets' views",
                                              "let it build smaller tables, or raise the memory limit"}});
    }
    return worker;
  }

 private:
  Shared shared_;
  std::optional<std::string> text_;  // of the script
};

}  // namespace

std::unique_ptr<Program> open_lua(const std::string& script_path, const Options& options, std::string explanation,
                                  Observer& observer) {
  return std::make_unique<LuaProgram>(script_path, options, std::move(explanation), observer);
}

}  // namespace perilune::engine
