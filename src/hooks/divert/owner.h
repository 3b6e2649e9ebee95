// Whose rule it is: process id, the time the process started (a pid may be in use again), its pid namespace (a
// container may share the network but not the pids), and which filter it runs: a rule that an ended run left behind is
// replaced by the next run of the same filter, and by no other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"
#include "hooks/divert.h"

namespace perilune::hooks::divert {

struct Owner {
  pid_t pid = 0;
  uint64_t start_time = 0;     // clock ticks after boot, field 22 of /proc/PID/stat
  uint64_t pid_namespace = 0;  // inode
  uint64_t filter = 0;         // identity_of() its words; 0: unknown, of a rule that an older version left behind

  friend bool operator==(const Owner&, const Owner&) = default;
};

/// A number for a filter and the traffic it is asked for: the script, the function, every word of --divert. Never 0.
/// Two runs of one script on different traffic are two filters: neither may take the other's rule away.
[[nodiscard]] uint64_t identity_of(const DivertSpec& spec);

/// This process, which runs that filter.
[[nodiscard]] Result<Owner> this_process(uint64_t filter);

/// Could the owner still be running? True also when it cannot be known: in another pid namespace. An error when /proc
/// could be read and was not.
[[nodiscard]] Result<bool> may_be_running(const Owner& owner);
/// Was it the same filter?
[[nodiscard]] bool is_same_filter(const Owner& one, const Owner& other);

/// Field 22 of a line of /proc/PID/stat, whatever the program's name looks like.
[[nodiscard]] std::optional<uint64_t> start_time_of_stat(std::string_view stat);

/// "PID:START:NAMESPACE:FILTER" with another separator where ':' is not allowed. Read without the last one, too.
[[nodiscard]] std::string to_text(const Owner& owner, char separator);
[[nodiscard]] std::optional<Owner> parse_owner(std::string_view text, char separator);

}  // namespace perilune::hooks::divert
