// The packets that benchmarks run on: those of capture files, sorted into kinds.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "packet/location.h"

namespace perilune::bench {

struct Sample {
  std::vector<uint8_t> bytes;  // the frame, whole, from the Ethernet header on
  uint64_t time_ns = 0;
  std::string origin;  // "FILE packet N"
  packet::Location location;
  /// "TCP, no payload", "UDP, up to 255 bytes", "fragment", ...
  std::string kind;

  [[nodiscard]] std::basic_string<uint8_t> payload() const {
    return {bytes.data() + location.payload, bytes.data() + location.end};
  }
};

/// All whole Ethernet packets of the captures, in their order. `skipped` counts those that were not (other link types,
/// cut by the snap length, shorter than an Ethernet header, longer than `longest`).
struct Packets {
  std::vector<Sample> samples;
  size_t skipped = 0;
  size_t files = 0;
};
[[nodiscard]] Result<Packets> read_packets(const std::vector<std::string>& paths, size_t longest);

/// At most `most` of them, evenly spread.
[[nodiscard]] std::vector<const Sample*> spread(const std::vector<const Sample*>& samples, size_t most);

}  // namespace perilune::bench
