#include "engine/native_engine.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "base/realtime.h"
#include "compiler/events.h"
#include "engine/native_maps.h"
#include "engine/native_slot.h"
#include "engine/script_worker.h"
#include "ir/error_text.h"
#include "packet/edit.h"
#include "packet/record.h"
#include "script/library/random.h"
#include "script/state/entry_point.h"
#include "script/state/text.h"
#include "vm/program.h"

namespace perilune::engine {
namespace {

using packet::Decision;
using packet::Malformed;
using packet::Verdict;

/// What is left of the state that a script was compiled from.
struct Leftovers {
  compiler::Compiled compiled;
  script::EntryPoint entry_point;
  script::Random random;  // after the main chunk has drawn from it
};

Leftovers leftovers_of(LoadedScript& script, compiler::Compiled compiled) {
  const std::unique_ptr<script::State> state = script.take_state();
  return {std::move(compiled), script::find_entry_point(*state, script.path()), state->random()};
}

class NativeWorker final : public ScriptWorker, private vm::Environment {
 public:
  NativeWorker(ScriptProgram& shared, const Leftovers& script, script::Random random)
      : ScriptWorker(shared, script.entry_point),
        script_(&script),
        random_(random),
        fuel_(shared.options.limits.call_instructions) {}

  [[nodiscard]] Result<void> start(vm::Program& program) {
    program_ = &program;
    auto machine = program.machine(*this);
    if (!machine) return tl::make_unexpected(std::move(machine.error()));
    machine_ = std::move(*machine);
    machine_->call().fuel_limit = fuel_;
    return {};
  }

  [[nodiscard]] bool asks_for_bytes() const override { return true; }

 private:
  Decision ask(const packet::Packet& packet) override {
    packet_ = &packet;
    fill_slot(machine_->slot(), packet, location_);
    pl_call& call = machine_->call();
    call.error_site = 0;
    call.log_lines = 0;
    call.fuel = fuel_;
    call.time_override = shared_->options.packet_time ? shared_->packet_clock.now_ns() : system_clock_.now_ns();
    const uint64_t result = machine_->run(nullptr);
    if (call.log_lines > PL_MOST_LOG_LINES) [[unlikely]]
      log_at(call.log_site, [&](const ir::Site&) { return script::more_lines(call.log_lines - PL_MOST_LOG_LINES); });
    const uint32_t line = shared_->options.record_lines ? static_cast<uint32_t>(result >> PL_LINE_SHIFT) : 0;
    switch (result & 0xff) {
      case PL_PASS:
        return settle(packet, Verdict::kPass, line);
      case PL_BLOCK:
        return settle(packet, Verdict::kBlock, line);
      case PL_REJECT:
        return settle(packet, Verdict::kReject, line);
      case PL_REPLY:
        return settle(packet, Verdict::kReply, line);
      case PL_NO_OPINION:
        return settle(packet, std::nullopt, line);
      default:
        return shared_->failed(packet, script_error());
    }
  }

  void begin_time(uint64_t now_ns) override {
    program_->stamp_entries(now_ns);
    shared_->script->maps().begin_time(now_ns);  // maps that the code does not use stay there
  }

  Decision settle(const packet::Packet& packet, std::optional<Verdict> verdict, uint32_t line) {
    Decision decision = shared_->decided(verdict, line);
    if (decision.verdict != Verdict::kPass && decision.verdict != Verdict::kReply) return decision;
    const pl_packet& record = record_of(machine_->slot());
    if (record.dirty_end != 0) {
      if (const Malformed malformed = commit(packet, decision); malformed != Malformed::kNone) {
        return shared_->failed(packet, at(line, malformed_by_script(malformed)));
      }
    }
    decision.mark_set = record.mark_set != 0;
    if (decision.mark_set) decision.mark = record.mark;
    return decision;
  }

  // What the filter wrote, as a packet in the slot.
  Malformed commit(const packet::Packet& packet, Decision& decision) {
    const pl_packet& record = record_of(machine_->slot());
    if (record.arrived_length != 0) {  // all of it is in the slot
      const std::span<uint8_t> after{machine_->slot() + PL_FRAME, record.captured};
      return finish(packet, after, record.captured, decision);
    }
    packet.need(packet.bytes.size());
    pull_frame(machine_->slot(), packet, packet.bytes.size());
    std::span<uint8_t> after{machine_->slot() + PL_FRAME, packet.bytes.size()};
    if (packet.bytes.size() > PL_FRAME_MAX) [[unlikely]] {
      long_frame_.assign(packet.bytes.begin(), packet.bytes.end());
      std::ranges::copy(after.first(PL_FRAME_MAX), long_frame_.begin());
      after = long_frame_;
    }
    return finish(packet, after, packet.wire_length, decision);
  }

  Malformed finish(const packet::Packet& packet, std::span<uint8_t> after, size_t wire_length, Decision& decision) {
    const packet::Edit edit = packet::finish_edit(packet, location_, after, wire_length);
    if (edit.location.malformed != Malformed::kNone) return edit.location.malformed;
    decision.modified = edit.differs;
    if (edit.differs) decision.bytes = after;
    return Malformed::kNone;
  }

  [[nodiscard]] script::ScriptError script_error() const {
    const ir::Image& image = script_->compiled.image;
    const pl_call& call = machine_->call();
    if (call.error_site >= image.errors.size()) return at(0, "an error of an unknown place");
    const ir::Site& site = image.errors[call.error_site];
    return {site.file < image.files.size() ? image.files[site.file] : shared_->script->path(),
            site.line,
            ir::error_text(site, call.error_values[0], call.error_values[1]),
            {}};
  }

  // vm::Environment
  void pull(void* /*context*/, uint64_t upto) override { pull_frame(machine_->slot(), *packet_, upto); }
  void replace_payload(uint64_t length) override { replace_in_slot(machine_->slot(), *packet_, location_, length); }
  uint64_t random() override { return random_.next(); }
  int output(std::span<const uint8_t> record) override {
    pl_event event{};
    if (record.size() < sizeof event) return 0;
    std::memcpy(&event, record.data(), sizeof event);
    if (event.kind != PL_EVENT_LOG) return 0;
    log_at(event.site, [&](const ir::Site& site) { return compiler::log_text(site, record.subspan(sizeof event)); });
    return 0;
  }

  /// A line of the log call `site`; `text_of` makes its text.
  void log_at(uint32_t site, const auto& text_of) {
    const std::vector<ir::Site>& logs = script_->compiled.image.logs;
    if (site < logs.size()) shared_->observer->on_log(packet_->number, logs[site].line, text_of(logs[site]));
  }

  const Leftovers* script_;
  vm::Program* program_ = nullptr;
  script::Random random_;
  script::SystemClock system_clock_;
  uint64_t fuel_;
  std::unique_ptr<vm::Machine> machine_;
  const packet::Packet* packet_ = nullptr;
  std::vector<uint8_t> long_frame_;  // a changed frame that is longer than the slot's copy of it
};

class NativeProgram final : public Program {
 public:
  NativeProgram(std::unique_ptr<ScriptProgram> shared, Leftovers script)
      : shared_(std::move(shared)), script_(std::move(script)) {}

  [[nodiscard]] Result<void> start() {
    vm::Options options;
    options.machine_code = shared_->options.native_code != NativeCode::kInterpreted;
    options.checked = shared_->options.native_code == NativeCode::kChecked;
    // Each iteration of a loop takes from the packet's budget, which is to end first: its error names the limit.
    const uint64_t iterations = shared_->options.limits.call_instructions + options.patience;
    options.patience = static_cast<uint32_t>(std::min<uint64_t>(iterations, UINT32_MAX));
    auto program = vm::Program::load(script_.compiled.image, options);
    if (!program) return tl::make_unexpected(std::move(program.error()));
    vm_ = std::move(*program);
    // Else from the first packet on: see ScriptWorker.
    if (!shared_->options.packet_time) vm_->stamp_entries(realtime_ns());
    return {};
  }

  Kind kind() const override { return Kind::kNative; }
  std::string explanation() const override {
    return vm_->translated() ? "engine: native (machine code)" : "engine: native (interpreted)";
  }
  const ErrorLog& errors() const override { return shared_->errors; }

  script::MapStore& maps() override {
    const std::lock_guard lock(maps_mutex_);
    show_maps(script_.compiled.maps, vm_->maps(), shared_->script->maps());
    return shared_->script->maps();
  }

  tl::expected<std::unique_ptr<PacketWorker>, Diagnostics> packet_worker(unsigned index) override {
    auto worker = std::make_unique<NativeWorker>(*shared_, script_, random_of(index));
    if (auto started = worker->start(*vm_); !started) {
      return tl::make_unexpected(Diagnostics{{Severity::kError, "native-code", shared_->script->path(), 0,
                                              std::move(started.error().message), "use --engine lua"}});
    }
    return worker;
  }

 private:
  // As if the main chunk had run in a state of that worker's own.
  [[nodiscard]] script::Random random_of(unsigned index) const {
    if (index == 0) return script_.random;
    const std::optional<uint64_t> seed = shared_->seed_of(index);
    script::Random random(seed.has_value() ? *seed : script::Random::system_seed());
    while (random.drawn() < script_.random.drawn())
      (void)random.next();
    return random;
  }

  std::unique_ptr<ScriptProgram> shared_;
  Leftovers script_;
  std::unique_ptr<vm::Program> vm_;
  std::mutex maps_mutex_;
};

}  // namespace

Result<std::unique_ptr<Program>> open_native(std::unique_ptr<ScriptProgram> shared, compiler::Compiled compiled) {
  Leftovers script = leftovers_of(*shared->script, std::move(compiled));
  auto program = std::make_unique<NativeProgram>(std::move(shared), std::move(script));
  if (auto started = program->start(); !started) return tl::make_unexpected(std::move(started.error()));
  return program;
}

}  // namespace perilune::engine
