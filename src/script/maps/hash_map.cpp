// map.hash, map.lru, and map.counter with a key: tables in shards, each with a lock of its own.
//
// `size` is exact for every kind: a hash map counts its entries in one place; an lru map gives each shard its part of
// the size. So an lru map of up to kOneShard entries evicts exactly the least recently used one, and a larger one the
// least recently used of the new key's shard, much as the kernel's does.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "script/maps/map_expiry.h"
#include "script/maps/map_kinds.h"
#include "script/maps/map_table.h"

namespace perilune::script {
namespace {

constexpr uint32_t kOneShard = 4'096;
constexpr uint32_t kShards = 16;

class HashMap final : public Map {
 public:
  HashMap(const MapDeclaration& declaration, uint64_t hash_seed)
      : Map(declaration), seed_(hash_seed), evicts_(declaration.kind == MapKind::kLru), expiry_(declaration) {
    const uint32_t shards = declaration.size <= kOneShard ? 1 : kShards;
    for (uint32_t i = 0; i < shards; ++i) {
      // A hash map's keys may all fall into one shard; its size is kept by count_.
      const uint32_t part = declaration.size / shards + (i < declaration.size % shards ? 1 : 0);
      shards_.push_back(std::make_unique<Shard>(declaration, evicts_ ? part : declaration.size, part));
    }
  }

  bool get(const uint8_t* key, uint8_t* value, uint64_t now_ns) override {
    const uint64_t hash = hash_of(key);
    Shard& shard = shard_of(hash);
    const std::lock_guard lock(shard.mutex);
    const uint32_t entry = shard.table.find(key, hash);
    if (entry == MapTable::kNone || expiry_.expired(shard.table, entry, now_ns)) return false;
    if (evicts_) shard.table.touch(entry);
    std::copy_n(shard.table.value(entry), value_size(), value);
    return true;
  }

  Outcome set(const uint8_t* key, const uint8_t* value, uint64_t now_ns) override {
    return change(key, now_ns, [&](uint8_t* stored) { std::copy_n(value, value_size(), stored); });
  }

  Outcome add(const uint8_t* key, int64_t amount, uint64_t now_ns, unsigned /*worker*/, int64_t& sum) override {
    const ShapePart& part = declaration().value.parts[0];
    return change(key, now_ns, [&](uint8_t* stored) {
      const auto wrapped = static_cast<uint64_t>(load_integer(part, stored)) + static_cast<uint64_t>(amount);
      store_integer(part, static_cast<int64_t>(wrapped), stored);
      sum = load_integer(part, stored);
    });
  }

  void erase(const uint8_t* key) override {
    const uint64_t hash = hash_of(key);
    Shard& shard = shard_of(hash);
    const std::lock_guard lock(shard.mutex);
    const uint32_t entry = shard.table.find(key, hash);
    if (entry == MapTable::kNone) return;
    shard.table.erase(entry);
    count_.fetch_sub(1, std::memory_order_relaxed);
  }

  void begin_time(uint64_t now_ns) override { expiry_.begin_time(now_ns); }

  uint64_t count(uint64_t now_ns) override {
    if (!expiry_.enabled()) return count_.load(std::memory_order_relaxed);
    if (!evicts_) {
      purge(now_ns);
      return count_.load(std::memory_order_relaxed);
    }
    uint64_t total = 0;
    for (const auto& shard : shards_) {
      const std::lock_guard lock(shard->mutex);
      const MapTable& table = shard->table;
      for (uint32_t entry = table.oldest(); entry != MapTable::kNone; entry = table.newer(entry)) {
        if (!expiry_.expired(table, entry, now_ns)) ++total;
      }
    }
    return total;
  }

  size_t copy(std::span<uint8_t> buffer, uint64_t now_ns) override {
    const size_t size_of_one = key_size() + value_size();
    size_t copied = 0;
    for (const auto& shard : shards_) {
      const std::lock_guard lock(shard->mutex);
      copied += shard->table.copy(buffer.subspan(copied * size_of_one),
                                  [&](uint32_t entry) { return !expiry_.expired(shard->table, entry, now_ns); });
    }
    return copied;
  }

 private:
  struct Shard {
    Shard(const MapDeclaration& declaration, uint32_t capacity, uint32_t expected)
        : table(declaration.key.size(), declaration.value.size(), capacity, expected) {}
    std::mutex mutex;
    MapTable table;
  };

  [[nodiscard]] uint64_t hash_of(const uint8_t* key) const { return hash_key(key, declaration().key.size(), seed_); }
  // The table uses the hash's low half, the choice of the shard its top.
  [[nodiscard]] Shard& shard_of(uint64_t hash) { return *shards_[(hash >> 60) % shards_.size()]; }

  // Runs `write` on the entry of `key`, which is zeros when it is new.
  template <typename Write>
  Outcome change(const uint8_t* key, uint64_t now_ns, Write write) {
    const uint64_t hash = hash_of(key);
    Shard& shard = shard_of(hash);
    if (change_in(shard, key, hash, now_ns, write) == Outcome::kDone) return Outcome::kDone;
    // Full. Something expired may still stand in the way, in any shard.
    if (purge(now_ns) == 0) return Outcome::kFull;
    return change_in(shard, key, hash, now_ns, write);
  }

  template <typename Write>
  Outcome change_in(Shard& shard, const uint8_t* key, uint64_t hash, uint64_t now_ns, Write write) {
    const std::lock_guard lock(shard.mutex);
    MapTable& table = shard.table;
    uint32_t entry = table.find(key, hash);
    if (entry != MapTable::kNone && expiry_.expired(table, entry, now_ns)) {
      table.erase(entry);
      count_.fetch_sub(1, std::memory_order_relaxed);
      entry = MapTable::kNone;
    }
    if (entry != MapTable::kNone) {
      expiry_.written(table, entry, now_ns);
      if (evicts_) table.touch(entry);
      write(table.value(entry));
      return Outcome::kDone;
    }
    if (count_.fetch_add(1, std::memory_order_relaxed) >= declaration().size && !evicts_) {
      count_.fetch_sub(1, std::memory_order_relaxed);
      return Outcome::kFull;
    }
    entry = table.insert(key, hash, now_ns);
    if (entry == MapTable::kNone && evicts_ && table.oldest() != MapTable::kNone) {
      table.erase(table.oldest());
      count_.fetch_sub(1, std::memory_order_relaxed);
      entry = table.insert(key, hash, now_ns);
    }
    if (entry == MapTable::kNone) {  // no memory
      count_.fetch_sub(1, std::memory_order_relaxed);
      return Outcome::kFull;
    }
    write(table.value(entry));
    return Outcome::kDone;
  }

  // For maps in the order of writing. Locks one shard at a time.
  uint32_t purge(uint64_t now_ns) {
    if (evicts_ || !expiry_.enabled()) return 0;
    uint32_t removed = 0;
    for (const auto& shard : shards_) {
      const std::lock_guard lock(shard->mutex);
      removed += expiry_.purge(shard->table, now_ns);
    }
    count_.fetch_sub(removed, std::memory_order_relaxed);
    return removed;
  }

  uint64_t seed_;
  bool evicts_;
  MapExpiry expiry_;
  std::atomic<uint64_t> count_{0};
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace

std::unique_ptr<Map> make_hash_map(const MapDeclaration& declaration, uint64_t hash_seed) {
  return std::make_unique<HashMap>(declaration, hash_seed);
}

}  // namespace perilune::script
