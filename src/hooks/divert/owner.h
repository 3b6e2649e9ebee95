// Whose rule it is: process id, the time the process started (a pid may be in use again) and its pid namespace (a
// container may share the network but not the pids).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace perilune::hooks::divert {

struct Owner {
  pid_t pid = 0;
  uint64_t start_time = 0;     // clock ticks after boot, field 22 of /proc/PID/stat
  uint64_t pid_namespace = 0;  // inode; 0: unknown

  friend bool operator==(const Owner&, const Owner&) = default;
};

/// This process.
[[nodiscard]] Owner this_process();

/// Could the owner still be running? True also when it cannot be known: in another pid namespace.
[[nodiscard]] bool may_be_running(const Owner& owner);

/// Field 22 of a line of /proc/PID/stat, whatever the program's name looks like.
[[nodiscard]] std::optional<uint64_t> start_time_of_stat(std::string_view stat);

/// "PID:START:NAMESPACE" with another separator where ':' is not allowed.
[[nodiscard]] std::string to_text(const Owner& owner, char separator);
[[nodiscard]] std::optional<Owner> parse_owner(std::string_view text, char separator);

}  // namespace perilune::hooks::divert
