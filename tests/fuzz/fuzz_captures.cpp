// Any bytes as a capture file: the reader must neither crash nor hand out bytes that are not in the file, its numbers
// only grow, and it reads the same through a pipe that gives little at a time.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "hooks/capture/byte_source.h"
#include "hooks/capture/link_types.h"
#include "hooks/capture/reader.h"

namespace {

using perilune::hooks::CaptureReader;
using perilune::hooks::CaptureRecord;
using perilune::hooks::MemorySource;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

/// What must not depend on how the bytes arrive.
struct Outcome {
  uint64_t packets = 0;
  uint64_t unreadable = 0;
  uint64_t last_number = 0;
  uint64_t checksum = 0;
  std::string message;
  bool operator==(const Outcome&) const = default;
};

Outcome read_all(std::span<const uint8_t> file, size_t piece) {
  using Step = CaptureReader::Step;
  Outcome outcome;
  auto reader = perilune::hooks::open_capture(std::make_unique<MemorySource>(file, piece), "x");
  if (!reader) {
    outcome.message = reader.error().message;
    require(!outcome.message.empty(), "a refusal says why");
    return outcome;
  }
  CaptureRecord record;
  while (true) {
    const Step step = (*reader)->next(record);
    if (step == Step::kPacket) {
      ++outcome.packets;
      require(record.number > outcome.last_number, "packet numbers grow");
      require(record.bytes.size() <= file.size(), "a packet is not longer than its file");
      require(record.wire_length >= record.bytes.size(), "no packet is shorter than what was captured of it");
      outcome.last_number = record.number;
      for (const uint8_t byte : record.bytes)
        outcome.checksum = outcome.checksum * 31 + byte;
      for (const char letter : record.interface)
        outcome.checksum = outcome.checksum * 31 + static_cast<uint8_t>(letter);
      outcome.checksum = outcome.checksum * 31 + record.time_ns;
      if (const auto cooked = perilune::hooks::cooked_header(record.link, record.bytes)) {
        outcome.checksum += cooked->ifindex;
      }
    } else if (step == Step::kUnreadable) {
      ++outcome.unreadable;
      require(!(*reader)->error().message.empty(), "a packet left out has a reason");
    } else {
      if (step == Step::kBroken) outcome.message = (*reader)->error().message;
      require((*reader)->position() <= file.size(), "no more is read than there is");
      require(step == Step::kBroken || (*reader)->position() == file.size(), "an end without an error is the end");
      require((*reader)->next(record) == Step::kEnd, "the end stays the end");
      return outcome;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> file{data, size};
  require(read_all(file, SIZE_MAX) == read_all(file, 1 + size % 61), "the same through a pipe");
  return 0;
}
