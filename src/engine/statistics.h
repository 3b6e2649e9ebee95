// Counters of what happened to packets; one per worker, added up for reports.
#pragma once

#include <array>
#include <cstdint>

#include "packet/packet.h"

namespace perilune::engine {

struct Statistics {
  uint64_t packets = 0;  // judged (what a capture filter left out is not counted)
  uint64_t passed = 0;
  uint64_t blocked = 0;
  uint64_t rejected = 0;
  uint64_t replied = 0;
  uint64_t modified = 0;
  uint64_t not_ip = 0;     // frames without IP, also counted by verdict
  uint64_t truncated = 0;  // cut by the capture's snap length, also counted by verdict
  uint64_t errors = 0;     // packets whose verdict came from a script error
  std::array<uint64_t, packet::kMalformedKinds> malformed{};  // by reason, also counted by verdict

  /// Counts one packet. One thread may count while others add these counters to their own with +=.
  void count(const packet::Decision& decision, const packet::Location& location);
  /// Safe while another thread counts in `other`; the sum is then some moments old, and its parts a packet apart.
  Statistics& operator+=(const Statistics& other);
};

}  // namespace perilune::engine
