// Runs a program without a shell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace perilune {

struct CommandResult {
  int status = 0;  // exit status; 128 + signal when it was killed
  std::string output;
  std::string errors;
};

/// Runs arguments[0] (looked for in PATH and in the sbin folders, where packet filters live) with `input` as its
/// standard input, waits, and gives back what it wrote. The program keeps our CAP_NET_ADMIN and CAP_NET_RAW. It fails
/// only when the program cannot be started: check `status`.
[[nodiscard]] Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                                const std::string& input = {});

/// What the tools of the packet filter say when the kernel lacks what they were asked for: a table, nf_tables as a
/// whole, an address family. Any other failure says nothing about what is there.
[[nodiscard]] bool says_missing(std::string_view errors);

/// Where run_command would find a program; empty: nowhere.
[[nodiscard]] std::string find_program(const std::string& name);

/// The arguments as one would type them.
[[nodiscard]] std::string to_line(const std::vector<std::string>& arguments);

}  // namespace perilune
