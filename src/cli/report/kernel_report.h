// Filters in the kernel, in words and in JSON.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bpf/inspection.h"
#include "cli/json.h"

namespace perilune::cli {

/// {"packets":..,"passed":..,"blocked":..,...}
[[nodiscard]] Json counters_json(const std::array<uint64_t, PL_COUNTERS>& counters);
/// Everything known: {"name":..,"script":..,"hooks":[..],"maps":[..],..}
[[nodiscard]] Json filter_json(const bpf::FilterState& state);
[[nodiscard]] Json stray_json(const bpf::Stray& stray);

/// "native", "generic (its driver has no XDP)", "tcx", "netfilter link"
[[nodiscard]] std::string mode_text(const bpf::AttachmentState& state);
/// "3 s", "5 min", "2 h", "11 days"
[[nodiscard]] std::string age_text(uint64_t time_ns);
/// "2026-11-24 17:03:11"
[[nodiscard]] std::string time_text(uint64_t time_ns);
/// "script error" texts: "ssh.lua:14: attempt to index a nil value"
[[nodiscard]] std::string site_text(const bpf::Attachment& attachment, const ir::Site& site);

/// Script errors of one kind at one place.
struct CountedError {
  std::string place;
  std::string message;
  uint64_t count = 0;
};
/// Those of an attachment that happened; where a message has a number of the packet, it shows "...".
[[nodiscard]] std::vector<CountedError> counted_errors(const bpf::AttachmentState& attachment);
/// Where and why a script broke a packet, by the values of its record (PL_SITE_BROKEN_PACKET).
[[nodiscard]] ir::Site broken_packet(std::span<const uint64_t, 2> values);

/// Rows of words with their columns aligned; numbers to the right where `right` says so.
class Table {
 public:
  explicit Table(std::vector<std::string> head, std::vector<bool> right);
  void add(std::vector<std::string> row);
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> right_;
};

}  // namespace perilune::cli
