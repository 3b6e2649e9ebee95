// What `perilune run` was asked to do, after its options were checked against each other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/report/report.h"
#include "engine/engine.h"
#include "hooks/divert.h"
#include "packet/packet.h"

namespace perilune::cli {

struct RunOptions {
  std::string script;
  engine::Options engine;
  bool json = false;
  Detail detail = Detail::kNotable;

  // Captures.
  std::vector<std::string> captures;
  std::string filter;
  std::string interface;
  packet::Direction direction = packet::Direction::kIn;
  std::string write_to;      // empty: nowhere
  bool write_passed = true;  // which packets go to write_to
  bool write_blocked = true;

  // Live traffic.
  std::optional<hooks::QueueRange> queues;
  bool any_free_queue = false;  // the numbers are where the search begins
  std::optional<hooks::DivertSpec> divert;
  bool fail_open = false;
};

/// "N" or "N-M", 0 to 65535, N <= M.
[[nodiscard]] Result<hooks::QueueRange> parse_queues(std::string_view text);

/// Which engine, and why not a faster one.
[[nodiscard]] std::string explanation(const engine::Program& program);
/// Prints why a script cannot be run; returns the exit status.
[[nodiscard]] int refuse(const Diagnostics& diagnostics);

/// Judges the captures; returns the exit status.
[[nodiscard]] int run_captures(const RunOptions& options);
/// Judges live traffic until a signal ends it; returns the exit status.
[[nodiscard]] int run_live(const RunOptions& options);
/// Removes the firewall rules that runs left behind; returns the exit status.
[[nodiscard]] int run_undivert();

}  // namespace perilune::cli
