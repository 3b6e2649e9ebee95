// The filters that are measured beside a hand-written one, and how: packet by packet, both programs in turn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/packets.h"
#include "bpf/hook.h"

namespace perilune::bench {

struct Filter {
  std::string name;
  std::string script;     // in examples/
  std::string reference;  // in bench/reference/
  /// The kind of packets the filter is about, and whether one is of it. They make a row of their own.
  std::string subject;
  bool (*is_subject)(const Sample&) = nullptr;
  bool keeps_state = false;  // verdicts depend on the packets before: cannot be compared packet by packet
  uint64_t rate = 0;         // rate-limit: packets per second, instead of the script's
};
[[nodiscard]] const std::vector<Filter>& filters();

/// Verdicts and bytes of a program beside those of the engine `lua`, over all packets.
struct Agreement {
  size_t packets = 0;
  size_t blocked = 0;
  size_t changed = 0;
  std::vector<std::string> differences;  // a sentence each
};
[[nodiscard]] Result<Agreement> compare_with_lua(const std::string& script, int program_fd, const bpf::Hook* hook,
                                                 const std::vector<Sample>& samples);

struct Effort {
  uint32_t repeat = 20000;  // runs a system call
  unsigned rounds = 3;      // the best counts
};
/// Nanoseconds of one run of each program for this packet: the best of all rounds, programs in turn.
[[nodiscard]] Result<std::vector<double>> measure(const std::vector<int>& programs, const bpf::Hook* hook,
                                                  const Sample& sample, const Effort& effort);

}  // namespace perilune::bench
