// When entries of a map are gone, and which is the oldest: shared by the kinds that have times to live.
#pragma once

#include <atomic>
#include <cstdint>

#include "script/maps/map_store.h"
#include "script/maps/map_table.h"

namespace perilune::script {

class MapExpiry {
 public:
  explicit MapExpiry(const MapDeclaration& declaration) : ttl_ns_(declaration.ttl_ns), renew_(declaration.renew) {}

  [[nodiscard]] bool enabled() const { return ttl_ns_ != 0; }

  [[nodiscard]] bool expired(const MapTable& table, uint32_t entry, uint64_t now_ns) {
    if (ttl_ns_ == 0 || now_ns == Map::kNoTime) return false;
    const uint64_t written = table.written_ns(entry);
    const uint64_t since = written != Map::kNoTime ? written : first_time(now_ns);
    return now_ns > since && now_ns - since >= ttl_ns_;
  }

  void begin_time(uint64_t now_ns) { (void)first_time(now_ns); }

  /// Notes a write to an entry that was there.
  void written(MapTable& table, uint32_t entry, uint64_t now_ns) const {
    if (ttl_ns_ == 0 || !renew_) return;
    table.set_written_ns(entry, now_ns);
    table.touch(entry);
  }

  /// Removes what has expired, oldest first, from a table whose order is that of writing; returns how many.
  uint32_t purge(MapTable& table, uint64_t now_ns) {
    uint32_t removed = 0;
    for (; table.oldest() != MapTable::kNone && expired(table, table.oldest(), now_ns); ++removed) {
      table.erase(table.oldest());
    }
    return removed;
  }

 private:
  /// From when what was written at kNoTime lives: the first time that the map hears of.
  uint64_t first_time(uint64_t now_ns) {
    uint64_t first = first_ns_.load(std::memory_order_relaxed);
    if (first == Map::kNoTime && first_ns_.compare_exchange_strong(first, now_ns, std::memory_order_relaxed))
      return now_ns;
    return first;
  }

  uint64_t ttl_ns_;
  bool renew_;
  std::atomic<uint64_t> first_ns_{Map::kNoTime};
};

}  // namespace perilune::script
