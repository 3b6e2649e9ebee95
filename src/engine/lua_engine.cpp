#include "engine/lua_engine.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/script_worker.h"
#include "script/packet/packet_binding.h"
#include "script/state/entry_point.h"

namespace perilune::engine {
namespace {

using packet::Decision;
using packet::Malformed;
using packet::Verdict;
using script::PacketBinding;

class LuaWorker final : public ScriptWorker {
 public:
  LuaWorker(ScriptProgram& shared, std::unique_ptr<script::State> state)
      : ScriptWorker(shared, script::find_entry_point(*state, shared.script->path())),
        state_(std::move(state)),
        binding_(*state_) {}

  [[nodiscard]] bool ready() const { return binding_.ready(); }

 private:
  Decision ask(const packet::Packet& packet) override {
    binding_.begin(packet, location_);
    const Decision decision = call(packet);
    binding_.end();
    return decision;
  }

  void begin_time(uint64_t now_ns) override { shared_->script->maps().begin_time(now_ns); }

  Decision call(const packet::Packet& packet) {
    if (!state_->call(binding_, packet.number)) return shared_->failed(packet, state_->error());
    const PacketBinding::ScriptResult result = binding_.read_result(state_->lua());
    const uint32_t line = state_->return_line();
    state_->finish();
    if (result.kind == PacketBinding::ResultKind::kInvalid) return shared_->failed(packet, at(line, result.problem));

    const bool has_opinion = result.kind == PacketBinding::ResultKind::kVerdict;
    Decision decision = shared_->decided(has_opinion ? std::optional(result.verdict) : std::nullopt, line);
    // Writes to a packet that goes nowhere need no checksums, and cannot be wrong.
    if (decision.verdict == Verdict::kPass || decision.verdict == Verdict::kReply) {
      if (const Malformed malformed = binding_.commit(decision); malformed != Malformed::kNone) {
        return shared_->failed(packet, at(line, malformed_by_script(malformed)));
      }
    }
    return decision;
  }

  std::unique_ptr<script::State> state_;
  PacketBinding binding_;
};

class LuaProgram final : public Program {
 public:
  LuaProgram(std::unique_ptr<ScriptProgram> shared, std::string explanation)
      : shared_(std::move(shared)), explanation_(std::move(explanation)) {}

  Kind kind() const override { return Kind::kLua; }
  std::string explanation() const override { return explanation_; }
  const ErrorLog& errors() const override { return shared_->errors; }
  script::MapStore& maps() override { return shared_->script->maps(); }

  tl::expected<std::unique_ptr<PacketWorker>, Diagnostics> packet_worker(unsigned index) override {
    auto state = shared_->take_state(index);
    if (!state) return tl::make_unexpected(std::move(state.error()));
    auto worker = std::make_unique<LuaWorker>(*shared_, std::move(*state));
    if (!worker->ready()) {
      return tl::make_unexpected(Diagnostics{{Severity::kError, "memory", shared_->script->path(), 0,
                                              "the script left no memory for the packets' views",
                                              "let it build smaller tables, or raise the memory limit"}});
    }
    return worker;
  }

 private:
  std::unique_ptr<ScriptProgram> shared_;
  std::string explanation_;
};

}  // namespace

std::unique_ptr<Program> open_lua(std::unique_ptr<ScriptProgram> shared, std::string explanation) {
  return std::make_unique<LuaProgram>(std::move(shared), std::move(explanation));
}

}  // namespace perilune::engine
