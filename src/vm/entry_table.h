// A hash table of fixed-size keys and values for several threads, all of whose memory is there from the start: what
// hash, lru and lpm maps are made of.
//
// Buckets are chains of numbered entries. The buckets are dealt out to shards, each with a lock for threads that change
// something and a sequence number that is odd meanwhile. A reader takes no lock: it follows the chain and believes what
// it found when the sequence number is even and the same before and after. Everything it may look at while it is being
// changed is read as atomic words, and an entry's number is always that of an entry, so that a reader that strays into
// another chain reads nonsense but nothing else, and tries again.
//
//   find, insert, erase: O(1)     memory: 4 bytes a bucket + (16 + key + value, each rounded up to 8) an entry, taken
//   from the system as it is touched
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "vm/mapped_memory.h"
#include "vm/spin_lock.h"

namespace perilune::vm {

class EntryTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kMaxKeyBytes = 512;

  /// Memory for `entries`; the shards are a power of two.
  [[nodiscard]] static Result<std::unique_ptr<EntryTable>> make(size_t key_size, size_t value_size, uint32_t entries,
                                                                uint32_t shards);

  [[nodiscard]] uint32_t hash_of(const uint8_t* key) const;
  /// Any thread, without a lock.
  [[nodiscard]] uint32_t find(const uint8_t* key, uint32_t hash) const;

  /// Held by callers of what follows for a key of that hash.
  [[nodiscard]] SpinLock& lock_of(uint32_t hash) { return shard_of(hash).lock; }
  [[nodiscard]] uint32_t shard_number(uint32_t hash) const { return hash & shard_mask_; }
  [[nodiscard]] uint32_t find_locked(const uint8_t* key, uint32_t hash) const;
  /// The new entry with its value written. There must be a free one, and the key must not be there.
  uint32_t insert(const uint8_t* key, uint32_t hash, const uint8_t* value);
  [[nodiscard]] uint32_t hash(uint32_t entry) const { return at(entry).hash; }
  void write_value(uint32_t entry, const uint8_t* value);
  /// The entry must be there; the lock held is its hash's.
  void erase(uint32_t entry);

  [[nodiscard]] const uint8_t* key(uint32_t entry) const { return bytes(entry) + sizeof(Entry); }
  [[nodiscard]] uint8_t* value(uint32_t entry) const { return bytes(entry) + sizeof(Entry) + key_stride_; }
  [[nodiscard]] bool holds(uint64_t address, size_t size) const;

  /// Links for the lru map's order of use.
  [[nodiscard]] uint32_t& newer(uint32_t entry) const { return at(entry).newer; }
  [[nodiscard]] uint32_t& older(uint32_t entry) const { return at(entry).older; }

  /// Calls visit(entry) for each, under its shard's lock.
  template <typename Visit>
  void for_each(Visit visit) {
    for (uint32_t shard = 0; shard <= shard_mask_; ++shard) {
      const SpinGuard guard(shards_[shard].lock);
      for (uint32_t bucket = shard; bucket <= bucket_mask_; bucket += shard_mask_ + 1) {
        for (uint32_t entry = buckets_[bucket].load(std::memory_order_relaxed); entry != kNone;
             entry = at(entry).next.load(std::memory_order_relaxed)) {
          visit(entry);
        }
      }
    }
  }

 private:
  struct Entry {
    std::atomic<uint32_t> next;  // in the bucket, or among the free ones
    uint32_t hash;
    uint32_t newer;
    uint32_t older;
  };
  static_assert(sizeof(Entry) == 16);
  struct alignas(64) Shard {
    SpinLock lock;
    std::atomic<uint32_t> sequence{0};
  };
  class Change;

  EntryTable(size_t key_size, size_t value_size, uint32_t entries, uint32_t shards);
  [[nodiscard]] uint8_t* bytes(uint32_t entry) const { return memory_.data() + size_t{entry} * stride_; }
  [[nodiscard]] Entry& at(uint32_t entry) const { return *reinterpret_cast<Entry*>(bytes(entry)); }
  // A bucket's number ends in its shard's.
  [[nodiscard]] Shard& shard_of(uint32_t hash) const { return shards_[shard_number(hash)]; }
  [[nodiscard]] std::atomic<uint32_t>& bucket_of(uint32_t hash) const { return buckets_[hash & bucket_mask_]; }
  [[nodiscard]] bool has_key(uint32_t entry, const uint8_t* key) const;
  [[nodiscard]] uint32_t walk(const uint8_t* key, uint32_t hash) const;
  [[nodiscard]] uint32_t take();
  void give_back(uint32_t entry);

  size_t key_size_;
  size_t key_stride_;
  size_t value_size_;
  size_t stride_;
  uint32_t entries_;
  uint32_t shard_mask_;
  uint32_t bucket_mask_;
  uint64_t seed_;
  MappedMemory memory_;
  std::unique_ptr<std::atomic<uint32_t>[]> buckets_;
  std::unique_ptr<Shard[]> shards_;
  SpinLock free_lock_;
  uint32_t free_ = kNone;
  uint32_t used_ = 0;  // entries ever taken
};

}  // namespace perilune::vm
