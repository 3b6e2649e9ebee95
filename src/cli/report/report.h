// What a run tells its user: packets, log lines, script errors and the summary, as text for people or as JSON Lines.
//
// The formats know nothing of captures and queues. They are not locked: callers with several threads call them under a
// lock.
//
// JSON Lines: one object a line, distinguished by the member that is always there:
//   {"packet":N,"verdict":...,...}   {"log":{...}}   {"error":{...}}   {"summary":{...}}   {"statistics":{...}}
//   (SIGUSR1)
// All of it is valid UTF-8: log lines come escaped from the script's state, other bytes that are not text (in file
// names, in error messages) become U+FFFD. "time" is a string, seconds since 1970 with nine decimals: a JSON number
// would lose the nanoseconds in most readers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/report/output.h"
#include "cli/terminal.h"
#include "engine/engine.h"
#include "engine/statistics.h"
#include "hooks/queue.h"
#include "packet/packet.h"
#include "script/state/events.h"

namespace perilune::cli {

/// Which packets get a line.
enum class Detail { kSummary, kNotable, kAll };

/// Blocked, rejected, replied to, rewritten, or decided by a script error: what an administrator wants to see.
[[nodiscard]] inline bool is_notable(const packet::Decision& decision) {
  return decision.verdict != packet::Verdict::kPass || decision.modified || decision.cause == packet::Cause::kError;
}

/// "ssh.lua:14", "malformed: ip-length", "no opinion", "not IP", "error at ssh.lua:9": who decided, in a few words.
[[nodiscard]] std::string reason(const packet::Decision& decision, std::string_view script);

/// Where a packet came from, as the user named it.
struct Origin {
  std::string file;               // empty on live hooks
  bool several = false;           // text lines name the file or the queue only when there are several
  std::optional<uint16_t> queue;  // live
  // Of a filter in the kernel:
  std::string filter{};  // its name; empty: none
  std::string hook{};
  uint32_t cpu = 0;
  uint64_t time_ns = 0;  // of what is reported
};

struct Summary {
  engine::Statistics statistics;
  std::vector<engine::ErrorLog::Entry> errors;
  std::string engine;       // "lua"
  std::string explanation;  // which engine, and why not a faster one
  double seconds = 0;
  bool final = true;  // false: asked for on the way (SIGUSR1); JSON then calls it "statistics"
  bool interrupted = false;
  uint64_t problems = 0;                      // with captures: what could not be read
  std::optional<hooks::QueueCounters> queue;  // live
  uint64_t lost_lines = 0;                    // live: output that could not be written
  uint64_t lost_error_lines = 0;              // live: the same of standard error
};

class Report {
 public:
  virtual ~Report() = default;
  virtual void packet(const Origin& origin, const packet::Packet& packet, const packet::Decision& decision) = 0;
  /// `event` 0: while the script was loaded.
  virtual void log(const Origin& origin, uint64_t event, uint32_t line, std::string_view text) = 0;
  /// The first script error at its place.
  virtual void script_error(const Origin& origin, uint64_t event, const script::ScriptError& error) = 0;
  /// A capture that could not be read to its end, or another error that does not end the run.
  virtual void broken(const Error& error) = 0;
  virtual void summary(const Summary& summary) = 0;
};

/// `script` is the script as the user named it.
[[nodiscard]] std::unique_ptr<Report> text_report(Output& output, std::string script, int fd);
[[nodiscard]] std::unique_ptr<Report> json_report(Output& output, std::string script);

/// The last part of a path: packet lines and comments have the script's name, not its way.
[[nodiscard]] std::string_view file_name(std::string_view path);
/// "192.0.2.1", "2001:db8::1"; empty for frames without IP.
[[nodiscard]] std::string source_address(const packet::Packet& packet, const packet::Location& location);
[[nodiscard]] std::string destination_address(const packet::Packet& packet, const packet::Location& location);
/// "tcp", "udp", ...; "protocol 112"; for frames without IP "arp" or "ethertype 0x88cc".
[[nodiscard]] std::string protocol_name(const packet::Location& location);

}  // namespace perilune::cli
