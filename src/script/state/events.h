// What a script tells the outside: log lines and errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perilune::script {

/// A run-time error, located. `message` has no "file:line:" in front; `traceback` is Lua's, ours removed.
struct ScriptError {
  std::string file;   // as the user named the script (or module)
  uint32_t line = 0;  // 0: unknown
  std::string message;
  std::string traceback;
};

/// Receives what a state produces, on the thread that runs it; implementations shared by workers lock themselves.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// `log(...)` or `print(...)`; `event` is the packet's number (0 while loading), `line` the script's.
  virtual void on_log(uint64_t event, uint32_t line, std::string_view text) = 0;
};

}  // namespace perilune::script
