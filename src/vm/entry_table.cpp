#include "vm/entry_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>

#include <sched.h>

namespace perilune::vm {
namespace {

constexpr unsigned kTriesBeforeYield = 1'000;

size_t round_up(size_t size) {
  return (size + 7) / 8 * 8;
}

// The next `left` (at most 8) bytes as a word.
uint64_t word_at(const uint8_t* bytes, size_t left) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, std::min<size_t>(left, 8));
  return word;
}

// Words that a reader may look at meanwhile.
void store_words(uint8_t* to, const uint8_t* from, size_t size) {
  for (size_t i = 0; i < size; i += 8) {
    std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(to + i))
        .store(word_at(from + i, size - i), std::memory_order_relaxed);
  }
}

__extension__ using Wide = unsigned __int128;

uint64_t mix(uint64_t a, uint64_t b) {
  const Wide product = Wide{a} * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

// Makes the shard's sequence number odd while a chain changes.
class EntryTable::Change {
 public:
  explicit Change(Shard& shard) : sequence_(&shard.sequence) {
    sequence_->store(sequence_->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~Change() { sequence_->store(sequence_->load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

 private:
  std::atomic<uint32_t>* sequence_;
};

EntryTable::EntryTable(size_t key_size, size_t value_size, uint32_t entries, uint32_t shards)
    : key_size_(key_size),
      key_stride_(round_up(key_size)),
      value_size_(value_size),
      stride_(sizeof(Entry) + key_stride_ + round_up(value_size)),
      entries_(entries),
      shard_mask_(shards - 1),
      bucket_mask_(std::max(std::bit_ceil(std::min(entries, uint32_t{1} << 30)), shards) - 1) {
  std::random_device device;  // senders of packets cannot choose keys that meet in one bucket
  seed_ = (uint64_t{device()} << 32) | device();
}

Result<std::unique_ptr<EntryTable>> EntryTable::make(size_t key_size, size_t value_size, uint32_t entries,
                                                     uint32_t shards) {
  std::unique_ptr<EntryTable> table(new EntryTable(key_size, value_size, entries, shards));
  auto memory = MappedMemory::allocate(table->stride_ * entries, "the entries of a map");
  if (!memory) return tl::make_unexpected(std::move(memory.error()));
  table->memory_ = std::move(*memory);
  const size_t buckets = size_t{table->bucket_mask_} + 1;
  table->buckets_ = std::make_unique<std::atomic<uint32_t>[]>(buckets);
  for (size_t i = 0; i < buckets; ++i)
    table->buckets_[i].store(kNone, std::memory_order_relaxed);
  table->shards_ = std::make_unique<Shard[]>(shards);
  return table;
}

uint32_t EntryTable::hash_of(const uint8_t* key) const {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15U;
  uint64_t hash = seed_ ^ key_size_;
  for (size_t i = 0; i < key_size_; i += 8)
    hash = mix(hash ^ word_at(key + i, key_size_ - i), kOdd ^ seed_);
  return static_cast<uint32_t>(mix(hash ^ kOdd, seed_ | 1));
}

bool EntryTable::has_key(uint32_t entry, const uint8_t* key) const {
  uint8_t* stored = bytes(entry) + sizeof(Entry);
  for (size_t i = 0; i < key_size_; i += 8) {
    const uint64_t word =
        std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(stored + i)).load(std::memory_order_relaxed);
    if (word != word_at(key + i, key_size_ - i)) return false;
  }
  return true;
}

// Ends also in a chain that is being changed: after as many steps as there are entries.
uint32_t EntryTable::walk(const uint8_t* key, uint32_t hash) const {
  uint32_t entry = bucket_of(hash).load(std::memory_order_acquire);
  for (uint32_t steps = 0; entry != kNone && steps < entries_; ++steps) {
    if (has_key(entry, key)) return entry;
    entry = at(entry).next.load(std::memory_order_acquire);
  }
  return kNone;
}

uint32_t EntryTable::find(const uint8_t* key, uint32_t hash) const {
  const std::atomic<uint32_t>& sequence = shard_of(hash).sequence;
  for (unsigned tries = 1;; ++tries) {
    if (tries % kTriesBeforeYield == 0) sched_yield();  // the thread that changes it may have lost its processor
    const uint32_t before = sequence.load(std::memory_order_acquire);
    if ((before & 1) != 0) continue;
    const uint32_t entry = walk(key, hash);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (sequence.load(std::memory_order_relaxed) == before) return entry;
  }
}

uint32_t EntryTable::find_locked(const uint8_t* key, uint32_t hash) const {
  return walk(key, hash);
}

uint32_t EntryTable::insert(const uint8_t* key, uint32_t hash, const uint8_t* value) {
  const uint32_t entry = take();
  std::atomic<uint32_t>& bucket = bucket_of(hash);
  const Change change(shard_of(hash));
  at(entry).hash = hash;
  store_words(bytes(entry) + sizeof(Entry), key, key_size_);
  store_words(this->value(entry), value, value_size_);
  at(entry).next.store(bucket.load(std::memory_order_relaxed), std::memory_order_release);
  bucket.store(entry, std::memory_order_release);
  return entry;
}

void EntryTable::write_value(uint32_t entry, const uint8_t* value) {
  store_words(this->value(entry), value, value_size_);
}

void EntryTable::erase(uint32_t entry) {
  std::atomic<uint32_t>* link = &bucket_of(at(entry).hash);
  {
    const Change change(shard_of(at(entry).hash));
    while (link->load(std::memory_order_relaxed) != entry)
      link = &at(link->load(std::memory_order_relaxed)).next;
    link->store(at(entry).next.load(std::memory_order_relaxed), std::memory_order_release);
  }
  give_back(entry);
}

bool EntryTable::holds(uint64_t address, size_t size) const {
  const uint64_t offset = address - reinterpret_cast<uint64_t>(memory_.data());
  if (offset >= stride_ * entries_) return false;
  const uint64_t inside = offset % stride_;
  const uint64_t begin = sizeof(Entry) + key_stride_;
  return inside >= begin && size <= value_size_ && inside - begin <= value_size_ - size;
}

uint32_t EntryTable::take() {
  const SpinGuard guard(free_lock_);
  if (free_ == kNone) return used_++;
  const uint32_t entry = free_;
  free_ = at(entry).next.load(std::memory_order_relaxed);
  return entry;
}

// A reader may still stand here: it goes on along the free ones and then sees that the sequence number has changed.
void EntryTable::give_back(uint32_t entry) {
  const SpinGuard guard(free_lock_);
  at(entry).next.store(free_, std::memory_order_relaxed);
  free_ = entry;
}

}  // namespace perilune::vm
