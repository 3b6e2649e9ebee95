#include "engine/statistics.h"

#include <atomic>

namespace perilune::engine {
namespace {

// One thread writes, others read snapshots: relaxed loads and stores, no locked instruction.
void increment(uint64_t& counter) {
  const std::atomic_ref<uint64_t> shared(counter);
  shared.store(shared.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

uint64_t read(const uint64_t& counter) {
  // atomic_ref takes no const object before C++26; nothing is written.
  return std::atomic_ref<uint64_t>(const_cast<uint64_t&>(counter)).load(std::memory_order_relaxed);
}

uint64_t& by_verdict(Statistics& statistics, packet::Verdict verdict) {
  switch (verdict) {
    case packet::Verdict::kPass:
      return statistics.passed;
    case packet::Verdict::kBlock:
      return statistics.blocked;
    case packet::Verdict::kReject:
      return statistics.rejected;
    case packet::Verdict::kReply:
      return statistics.replied;
  }
  return statistics.blocked;
}

}  // namespace

void Statistics::count(const packet::Decision& decision, const packet::Location& location) {
  increment(packets);
  increment(by_verdict(*this, decision.verdict));
  if (decision.modified) increment(modified);
  if (decision.cause == packet::Cause::kError) increment(errors);
  if (location.malformed != packet::Malformed::kNone) {
    increment(malformed[static_cast<size_t>(location.malformed)]);
  } else if (location.version == 0) {
    increment(not_ip);
  }
  if (location.truncated) increment(truncated);
}

Statistics& Statistics::operator+=(const Statistics& other) {
  packets += read(other.packets);
  passed += read(other.passed);
  blocked += read(other.blocked);
  rejected += read(other.rejected);
  replied += read(other.replied);
  modified += read(other.modified);
  not_ip += read(other.not_ip);
  truncated += read(other.truncated);
  errors += read(other.errors);
  for (size_t i = 0; i < malformed.size(); ++i)
    malformed[i] += read(other.malformed[i]);
  return *this;
}

}  // namespace perilune::engine
