// What the workers of both engines do alike: they locate the headers, settle what needs no script, and count.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/latest_time.h"
#include "engine/script_program.h"
#include "script/state/entry_point.h"

namespace perilune::engine {

class ScriptWorker : public PacketWorker {
 public:
  packet::Decision judge(const packet::Packet& packet) final {
    // A time that is too late to be one must not stop the clock of all later packets.
    if (shared_->options.packet_time && packet.time_ns < kLatestTime) {
      shared_->packet_clock.advance(packet.time_ns);
      if (!shared_->time_began.load(std::memory_order_relaxed) && !shared_->time_began.exchange(true)) [[unlikely]]
        begin_time(shared_->packet_clock.now_ns());
    }
    location_ = packet::locate(packet.bytes, packet.wire_length, packet.link);
    const std::optional<packet::Decision> settled = shared_->decide_without_script(location_);
    packet::Decision decision = settled.has_value() ? *settled : ask(packet);
    decision.location = &location_;
    statistics_.count(decision, location_);
    return decision;
  }

  Statistics statistics() const final {
    Statistics snapshot;
    snapshot += statistics_;
    return snapshot;
  }

 protected:
  ScriptWorker(ScriptProgram& shared, script::EntryPoint entry_point)
      : shared_(&shared), entry_point_(std::move(entry_point)) {}

  /// What the script says of the packet whose headers are at location_.
  virtual packet::Decision ask(const packet::Packet& packet) = 0;

  /// What was written to maps while the script loaded lives from the first packet on.
  virtual void begin_time(uint64_t now_ns) = 0;

  /// An error that no instruction of the script raised: at the return statement when it is known, else at the entry
  /// point.
  [[nodiscard]] script::ScriptError at(uint32_t line, std::string message) const {
    return {entry_point_.file, line != 0 ? line : entry_point_.line, std::move(message), {}};
  }

  ScriptProgram* shared_;
  packet::Location location_;

 private:
  script::EntryPoint entry_point_;
  Statistics statistics_;
};

}  // namespace perilune::engine
