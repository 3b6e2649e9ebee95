#include "bpf/clock.h"

#include <atomic>
#include <cstddef>

#include <sys/timex.h>

#include "event/slot.h"

namespace perilune::bpf {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

/// Programs of older versions have the distance to the time since boot there, and keep it.
bool is_between_clocks(uint64_t offset) {
  constexpr int64_t kMost = 1000 * kSecond;
  const auto distance = static_cast<int64_t>(offset);
  return distance % kSecond == 0 && distance > -kMost && distance < kMost;
}

}  // namespace

uint64_t clock_offset() {
  timex clock{};
  return adjtimex(&clock) < 0 ? 0 : static_cast<uint64_t>(-int64_t{clock.tai} * kSecond);
}

Result<void> correct_clock(const Map& memory) {
  const Result<MappedValue> value = MappedValue::map(memory, true);
  if (!value) return tl::make_unexpected(value.error());
  const uint64_t offset = clock_offset();
  const std::span<uint8_t> bytes = value->bytes();
  for (size_t slot = 0; slot + PL_SLOT_SIZE <= bytes.size(); slot += PL_SLOT_SIZE) {
    // The program reads it meanwhile; an aligned store of eight bytes is whole.
    auto* at = reinterpret_cast<uint64_t*>(bytes.data() + slot + PL_CALL + offsetof(pl_call, time_offset));
    const std::atomic_ref<uint64_t> there(*at);
    if (is_between_clocks(there.load(std::memory_order_relaxed))) there.store(offset, std::memory_order_relaxed);
  }
  return {};
}

}  // namespace perilune::bpf
