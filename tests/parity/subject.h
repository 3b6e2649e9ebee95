// What judges packets under comparison: a script in one engine, at one hook, with everything that can be seen of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/diagnostic.h"
#include "engine/engine.h"
#include "packet/packet.h"
#include "packets.h"

namespace perilune::parity {

/// What can be seen of one packet's judgement. `bytes` is valid until the next call of judge().
struct Observation {
  bool judged = true;  // false: it could not be run on this packet; nothing else is set
  packet::Verdict verdict = packet::Verdict::kBlock;
  packet::Cause cause = packet::Cause::kDefault;
  std::optional<uint32_t> line;    // nothing where the engine does not tell
  std::span<const uint8_t> bytes;  // of the packet afterwards
  std::optional<uint32_t> mark;    // when it was set
  bool mark_known = true;          // false: the hook has none
  std::vector<std::string> logs;   // "LINE: TEXT"
  bool logs_known = true;
};

/// A map's contents, sorted; as text.
struct MapContents {
  std::string name;
  std::vector<std::string> entries;  // "KEY = VALUE"
};

struct ErrorCount {
  std::string place;  // "FILE:LINE: MESSAGE"
  uint64_t count = 0;
};

class Subject {
 public:
  virtual ~Subject() = default;
  [[nodiscard]] virtual Observation judge(const StoredPacket& packet) = 0;
  [[nodiscard]] virtual std::vector<MapContents> maps() = 0;
  /// By place.
  [[nodiscard]] virtual std::vector<ErrorCount> errors() = 0;
};

/// An engine at a hook.
struct Configuration {
  std::string name;  // such as "native" or "kernel-tc"
  Feed feed = Feed::kAsCaptured;
  /// Refusals come as diagnostics.
  virtual tl::expected<std::unique_ptr<Subject>, Diagnostics> open(const std::string& script) const = 0;
  /// Why it cannot be had here; empty: it can.
  virtual std::string unavailable() const { return {}; }
  /// Which packets cannot be shown to it, whatever the script: lua is not asked about them either, so that maps and
  /// counts agree.
  virtual std::function<bool(const StoredPacket&)> cannot_show() const {
    return [](const StoredPacket&) { return false; };
  }
  /// Can scripts that set pkt.mark, that write to packets, run there? One that cannot is left out.
  bool may_mark = true;
  bool may_write = true;
  bool kernel = false;
  virtual ~Configuration() = default;
};

/// What all configurations of a run have in common.
struct Terms {
  uint64_t seed = 1;                  // of random()
  uint64_t instructions = 1'000'000;  // for one packet
};
/// Matching in lua backtracks and spends the budget on it, compiled matching does not: random scripts, whose loops all
/// end, get more than nearly all of them need.
inline constexpr uint64_t kPlenty = 100'000'000;

/// The engine that defines what scripts mean.
[[nodiscard]] std::unique_ptr<Configuration> lua_configuration(Feed feed, const Terms& terms);
/// All others that are built, in the order they are compared.
[[nodiscard]] std::vector<std::unique_ptr<Configuration>> configurations(const Terms& terms);

}  // namespace perilune::parity
