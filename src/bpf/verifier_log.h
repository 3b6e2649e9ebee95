// Reading what the kernel's verifier wrote about a program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace perilune::bpf {

struct VerifierComplaint {
  std::string message;  // the verifier's last words, "R3 unbounded memory access..."
  std::string file;     // of the script's line it was at, as the user named it; empty: not in the script, or unknown
  uint32_t line = 0;
  std::string source;      // the line's text, as far as it is in the log
  bool too_large = false;  // it gave up, and found nothing wrong
};

/// `files`: the script's. Older kernels print a line's text without its place; then only `source` is set.
[[nodiscard]] VerifierComplaint read_verifier_log(const std::string& log, const std::vector<std::string>& files);

/// The error for a rejected program. Whatever the compiler accepts must load, so it asks for a report.
[[nodiscard]] Error verifier_error(const std::string& program, const VerifierComplaint& complaint);

}  // namespace perilune::bpf
