// What the workers of one program share, whichever engine runs them: the loaded script with its maps, its clock, where
// its errors go; and what happens to packets that no script is asked about.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "engine/engine.h"

namespace perilune::engine {

struct ScriptProgram {
  /// Loads the script, with a state for worker 0. All workers run the text that was read here, also when the file
  /// changes or was a pipe.
  [[nodiscard]] static tl::expected<std::unique_ptr<ScriptProgram>, Diagnostics> load(const std::string& path,
                                                                                      const Options& options,
                                                                                      Observer& observer);

  Options options;
  Observer* observer;
  script::PacketClock packet_clock;
  std::atomic<bool> time_began = false;  // of the packets' clock
  ErrorLog errors;
  std::optional<LoadedScript> script;  // empty only while it is being loaded

  /// Worker 0's state the first time, then one more for that worker.
  [[nodiscard]] tl::expected<std::unique_ptr<script::State>, Diagnostics> take_state(unsigned worker);

  /// What random() starts from in that worker: they must not draw the same numbers. Nothing: the system's choice.
  [[nodiscard]] std::optional<uint64_t> seed_of(unsigned worker) const;

  /// Malformed packets, and frames without IP unless the script wants them: the decision. Nothing: ask the script.
  [[nodiscard]] std::optional<packet::Decision> decide_without_script(const packet::Location& location) const;

  /// Notes a script error; the decision about its packet.
  [[nodiscard]] packet::Decision failed(const packet::Packet& packet, const script::ScriptError& error);

  /// What a verdict or the lack of one means.
  [[nodiscard]] packet::Decision decided(std::optional<packet::Verdict> verdict, uint32_t line) const;

 private:
  ScriptProgram(Options chosen, Observer& told) : options(std::move(chosen)), observer(&told) {}
  [[nodiscard]] script::Options state_options(unsigned worker) const;
};

/// The message of the script error when a packet is malformed after the script's writes.
[[nodiscard]] std::string malformed_by_script(packet::Malformed malformed);

}  // namespace perilune::engine
