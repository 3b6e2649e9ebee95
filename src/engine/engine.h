// One interface, several engines: a script becomes a Program, a Program gives every thread a worker of its own.
//
// Knows no hook. Packets are the first kind of event scripts judge; a further kind adds a worker class and a binding
// beside PacketWorker, and leaves these as they are.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/diagnostic.h"
#include "engine/loaded_script.h"
#include "engine/statistics.h"
#include "packet/packet.h"
#include "packet/policy.h"
#include "script/state/clock.h"
#include "script/state/events.h"
#include "script/state/limits.h"

namespace perilune::script {
class MapStore;
}

namespace perilune::engine {

enum class Kind : uint8_t { kAuto, kKernel, kNative, kLua };
[[nodiscard]] std::string_view to_string(Kind kind);
[[nodiscard]] std::optional<Kind> parse_kind(std::string_view name);

/// How the native engine runs code: as the processor's own where there is a translation (else interpreted);
/// interpreted; interpreted with every access to memory checked (for tests).
enum class NativeCode : uint8_t { kMachine, kInterpreted, kChecked };

struct Options {
  Kind kind = Kind::kAuto;
  std::string function = "filter";
  script::Limits limits;
  packet::Policy policy;
  bool record_lines = false;  // Decision::line of the return statement
  bool packet_time = false;   // time.now() and times to live follow the packets (captures)
  NativeCode native_code = NativeCode::kMachine;
  std::optional<uint64_t> seed;
  uint64_t map_memory = LoadOptions().map_memory;
};

/// Script errors, once per place with a count. Shared by the workers of a program; locks itself.
class ErrorLog {
 public:
  struct Entry {
    script::ScriptError error;  // the first one seen there
    uint64_t count = 0;
    uint64_t first_event = 0;  // number of the packet
  };
  /// True when this is the first error at that file and line.
  bool add(const script::ScriptError& error, uint64_t event);
  [[nodiscard]] std::vector<Entry> entries() const;  // by file and line

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, uint32_t>, Entry> entries_;
};

/// What a program tells while it runs. Called on the worker's thread; implementations lock themselves.
class Observer : public script::EventSink {
 public:
  /// The first script error at each place.
  virtual void on_error(uint64_t event, const script::ScriptError& error) = 0;
};

/// Judges packets, on one thread.
class PacketWorker {
 public:
  virtual ~PacketWorker() = default;
  /// The decision, with what it refers to, is valid until the next call.
  [[nodiscard]] virtual packet::Decision judge(const packet::Packet& packet) = 0;
  /// Does it call Packet::need() before it looks at bytes after the headers?
  [[nodiscard]] virtual bool asks_for_bytes() const { return false; }
  /// Counted by judge(). Other threads may read a snapshot while the worker runs.
  [[nodiscard]] virtual Statistics statistics() const = 0;
};

class Program {
 public:
  virtual ~Program() = default;
  [[nodiscard]] virtual Kind kind() const = 0;
  /// One line for people: which engine, and why not a faster one.
  [[nodiscard]] virtual std::string explanation() const = 0;
  /// Worker 0 must be made first; workers may then run on threads of their own.
  [[nodiscard]] virtual tl::expected<std::unique_ptr<PacketWorker>, Diagnostics> packet_worker(unsigned index) = 0;
  [[nodiscard]] virtual const ErrorLog& errors() const = 0;
  /// Their contents as they are now; engines that keep them elsewhere copy them.
  [[nodiscard]] virtual script::MapStore& maps() = 0;
};

/// Loads the script, and with kAuto and kNative compiles it, so that it is known which engine will run it. `observer`
/// must outlive the program.
[[nodiscard]] tl::expected<std::unique_ptr<Program>, Diagnostics> open(const std::string& script_path,
                                                                       const Options& options, Observer& observer);

}  // namespace perilune::engine
