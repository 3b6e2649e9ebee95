// Lpm maps: prefixes as keys (u32 length in bits, in the machine's byte order, then the bytes); a look-up finds the
// longest one that holds the key.
//
// One hash table with the length as part of the key, and a count of the prefixes of each length: a look-up asks the
// table once for each length in use, longest first. A block list has a handful of lengths (32, 24, 16), so this is a
// handful of probes, none of which takes a lock; the worst case is one a bit. A trie would need a cache miss a level
// for the same answer.
//
// Example: with 192.0.2.0/24 and 192.0.0.0/16, the key 192.0.2.1/32 is asked for as /24 (found). With them,
// 192.0.3.1/32: as /24 (absent), as /16 (found); no other length is tried. 192.0.2.1/20 finds the /16: prefixes longer
// than the key do not hold it.
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "vm/entry_table.h"
#include "vm/map_kinds.h"

namespace perilune::vm {
namespace {

constexpr size_t kLengthBytes = 4;
constexpr size_t kMaxLengths = (EntryTable::kMaxKeyBytes - kLengthBytes) * 8 + 1;

using Key = std::array<uint8_t, EntryTable::kMaxKeyBytes>;

uint32_t length_of(const uint8_t* key) {
  uint32_t length;
  std::memcpy(&length, key, sizeof length);
  return length;
}

class LpmMap final : public Map {
 public:
  LpmMap(const ir::MapSpec& spec, std::unique_ptr<EntryTable> table)
      : Map(spec.key_size, spec.value_size, spec.entries),
        longest_(static_cast<uint32_t>((spec.key_size - kLengthBytes) * 8)),
        table_(std::move(table)),
        prefixes_(longest_ + 1) {}

  uint8_t* lookup(const uint8_t* key) override {
    const uint32_t length = length_of(key);
    if (length > longest_) return nullptr;
    Key cut;
    std::memcpy(cut.data(), key, key_size());
    for (size_t word = length / 64 + 1; word-- > 0;) {
      uint64_t lengths = in_use_[word].load(std::memory_order_relaxed);
      if (word == length / 64) lengths &= ~uint64_t{0} >> (63 - length % 64);
      for (; lengths != 0; lengths &= ~(uint64_t{1} << (63 - std::countl_zero(lengths)))) {
        const auto shorter = static_cast<uint32_t>(word * 64 + 63 - static_cast<unsigned>(std::countl_zero(lengths)));
        cut_to(cut, shorter);
        const uint32_t entry = table_->find(cut.data(), table_->hash_of(cut.data()));
        if (entry != EntryTable::kNone) return table_->value(entry);
      }
    }
    return nullptr;
  }

  int update(const uint8_t* key, const uint8_t* value, uint64_t flags) override {
    const uint32_t length = length_of(key);
    if (flags > kExist || length > longest_) return -EINVAL;
    const Key exact = exact_key(key);
    const uint32_t hash = table_->hash_of(exact.data());
    const SpinGuard guard(table_->lock_of(hash));
    const uint32_t entry = table_->find_locked(exact.data(), hash);
    if (entry != EntryTable::kNone) {
      if (flags == kNoExist) return -EEXIST;
      table_->write_value(entry, value);
      return 0;
    }
    if (flags == kExist) return -ENOENT;
    if (count_.load(std::memory_order_relaxed) == entries()) return -ENOSPC;
    table_->insert(exact.data(), hash, value);
    count_.fetch_add(1, std::memory_order_relaxed);
    if (prefixes_[length]++ == 0) in_use_[length / 64].fetch_or(bit(length), std::memory_order_release);
    return 0;
  }

  int erase(const uint8_t* key) override {
    const uint32_t length = length_of(key);
    if (length > longest_) return -EINVAL;
    const Key exact = exact_key(key);
    const uint32_t hash = table_->hash_of(exact.data());
    const SpinGuard guard(table_->lock_of(hash));
    const uint32_t entry = table_->find_locked(exact.data(), hash);
    if (entry == EntryTable::kNone) return -ENOENT;
    table_->erase(entry);
    count_.fetch_sub(1, std::memory_order_relaxed);
    if (--prefixes_[length] == 0) in_use_[length / 64].fetch_and(~bit(length), std::memory_order_relaxed);
    return 0;
  }

  uint64_t count() const override { return count_.load(std::memory_order_relaxed); }

  void for_each(const Visitor& visit) override {
    table_->for_each([&](uint32_t entry) { visit(table_->key(entry), table_->value(entry)); });
  }

  bool holds(uint64_t address, size_t size) const override { return table_->holds(address, size); }

 private:
  static uint64_t bit(uint32_t length) { return uint64_t{1} << (length % 64); }

  // Shortens the prefix: the bits after it zero.
  void cut_to(Key& key, uint32_t length) const {
    std::memcpy(key.data(), &length, sizeof length);
    size_t whole = kLengthBytes + length / 8;
    if (length % 8 != 0) {
      key[whole] = static_cast<uint8_t>(key[whole] & (0xff00U >> (length % 8)));
      ++whole;
    }
    std::memset(key.data() + whole, 0, key_size() - whole);
  }

  [[nodiscard]] Key exact_key(const uint8_t* key) const {
    Key exact;
    std::memcpy(exact.data(), key, key_size());
    cut_to(exact, length_of(key));
    return exact;
  }

  uint32_t longest_;
  std::unique_ptr<EntryTable> table_;  // one shard: its lock is the map's
  std::atomic<uint64_t> count_{0};
  std::vector<uint32_t> prefixes_;                                    // of each length, under the lock
  std::array<std::atomic<uint64_t>, kMaxLengths / 64 + 1> in_use_{};  // bit i: there are prefixes of length i
};

}  // namespace

Result<std::unique_ptr<Map>> make_lpm_map(const ir::MapSpec& spec) {
  auto table = EntryTable::make(spec.key_size, spec.value_size, spec.entries, 1);
  if (!table) return tl::make_unexpected(std::move(table.error()));
  return std::make_unique<LpmMap>(spec, std::move(*table));
}

}  // namespace perilune::vm
