// What the workers of one program share, whichever engine runs them: the script's text, its maps, its clock, where its
// errors go; and what happens to packets that no script is asked about.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "script/maps/map_store.h"
#include "script/state/state.h"

namespace perilune::engine {

struct ScriptProgram {
  ScriptProgram(std::string path, Options chosen, Observer& told);

  std::string script_path;
  Options options;
  Observer* observer;
  script::PacketClock packet_clock;
  script::MapStore maps;
  ErrorLog errors;

  /// Runs the main chunk in a state for the worker of that number. The script is read once: all workers run the same,
  /// also when the file changes or was a pipe.
  [[nodiscard]] tl::expected<std::unique_ptr<script::State>, Diagnostics> load_state(unsigned worker);

  /// What random() starts from in that worker: they shall not draw the same numbers. Nothing: the system's choice.
  [[nodiscard]] std::optional<uint64_t> seed_of(unsigned worker) const;

  /// Malformed packets, and frames without IP unless the script wants them: the decision. Nothing: ask the script.
  [[nodiscard]] std::optional<packet::Decision> decide_without_script(const packet::Location& location) const;

  /// Notes a script error; the decision about its packet.
  [[nodiscard]] packet::Decision failed(const packet::Packet& packet, const script::ScriptError& error);

  /// What a verdict or the lack of one means.
  [[nodiscard]] packet::Decision decided(std::optional<packet::Verdict> verdict, uint32_t line) const;

 private:
  std::optional<std::string> text_;
};

/// The message of the script error when a packet is malformed after the script's writes.
[[nodiscard]] std::string malformed_by_script(packet::Malformed malformed);

}  // namespace perilune::engine
