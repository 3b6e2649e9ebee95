// A hash table of fixed-size keys and values with a bounded number of entries, in the order of their use: what one
// shard of a map is made of. Not thread safe; the map locks.
//
// Entries are numbered nodes in chunks that never move; a node is in the chain of its hash bucket and in a list from
// the newest to the oldest. The list makes eviction (least recently used) and expiry (oldest first, when writing is
// what renews an entry) cost as much as what they remove, however large the table is: an attacker who fills a map
// cannot make it slow.
//
//   find, insert, erase, touch: O(1)   memory: 4 bytes a bucket + (24 + key + value, rounded up to 8) an entry
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace perilune::script {

class MapTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  /// Room for at most `capacity` entries, with chains made for `expected` ones; the memory of entries is taken as they
  /// come.
  MapTable(size_t key_size, size_t value_size, uint32_t capacity, uint32_t expected);

  /// The bytes that a full table takes.
  [[nodiscard]] static uint64_t memory_of(size_t key_size, size_t value_size, uint64_t capacity);

  [[nodiscard]] uint32_t find(const uint8_t* key, uint64_t hash) const;
  /// The new entry, newest of all, its value zeros. kNone when there is no room. The key must not be there yet.
  [[nodiscard]] uint32_t insert(const uint8_t* key, uint64_t hash, uint64_t written_ns);
  void erase(uint32_t entry);
  /// Makes it the newest.
  void touch(uint32_t entry);

  [[nodiscard]] const uint8_t* key(uint32_t entry) const { return bytes(entry) + sizeof(Node); }
  [[nodiscard]] uint8_t* value(uint32_t entry) const { return bytes(entry) + sizeof(Node) + key_size_; }
  [[nodiscard]] uint64_t written_ns(uint32_t entry) const { return node(entry).written_ns; }
  void set_written_ns(uint32_t entry, uint64_t ns) { node(entry).written_ns = ns; }

  /// Copies the entries that `wanted` (given their number) lets through, key and value, oldest first, as many as fit;
  /// returns how many.
  template <typename Wanted>
  size_t copy(std::span<uint8_t> buffer, Wanted wanted) const {
    const size_t size_of_one = key_size_ + value_size_;
    size_t copied = 0;
    for (uint32_t entry = oldest_; entry != kNone && (copied + 1) * size_of_one <= buffer.size();
         entry = newer(entry)) {
      if (!wanted(entry)) continue;
      std::memcpy(buffer.data() + copied * size_of_one, key(entry),
                  size_of_one);  // the value stands right after the key
      ++copied;
    }
    return copied;
  }

  [[nodiscard]] uint32_t count() const { return count_; }
  [[nodiscard]] uint32_t oldest() const { return oldest_; }
  [[nodiscard]] uint32_t newer(uint32_t entry) const { return node(entry).newer; }

 private:
  struct Node {
    uint64_t written_ns;
    uint32_t hash;
    uint32_t next;  // in the bucket, or in the list of free nodes
    uint32_t newer;
    uint32_t older;
  };
  static constexpr uint32_t kNodesPerChunk = 1024;

  [[nodiscard]] uint8_t* bytes(uint32_t entry) const {
    return chunks_[entry / kNodesPerChunk].get() + size_t{entry % kNodesPerChunk} * stride_;
  }
  [[nodiscard]] Node& node(uint32_t entry) const { return *reinterpret_cast<Node*>(bytes(entry)); }
  [[nodiscard]] uint32_t& bucket(uint32_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  [[nodiscard]] uint32_t take_node();
  void link_newest(uint32_t entry);
  void unlink(uint32_t entry);

  size_t key_size_;
  size_t value_size_;
  size_t stride_;
  uint32_t capacity_;
  uint32_t count_ = 0;
  uint32_t nodes_ = 0;  // ever taken from the chunks
  uint32_t free_ = kNone;
  uint32_t newest_ = kNone;
  uint32_t oldest_ = kNone;
  std::vector<uint32_t> buckets_;  // a power of two
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
};

/// A keyed hash: without knowing `seed` no sender can choose keys that meet in one bucket.
[[nodiscard]] uint64_t hash_key(const uint8_t* key, size_t size, uint64_t seed);

}  // namespace perilune::script
