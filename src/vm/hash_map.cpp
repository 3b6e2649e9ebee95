// Hash maps: full is full (-E2BIG).
#include <atomic>
#include <cerrno>
#include <utility>

#include "vm/entry_table.h"
#include "vm/map_kinds.h"

namespace perilune::vm {
namespace {

constexpr uint32_t kOneShard = 256;  // a smaller map is not worth more
constexpr uint32_t kShards = 64;

class HashMap final : public Map {
 public:
  HashMap(const ir::MapSpec& spec, std::unique_ptr<EntryTable> table)
      : Map(spec.key_size, spec.value_size, spec.entries), table_(std::move(table)) {}

  uint8_t* lookup(const uint8_t* key) override {
    const uint32_t entry = table_->find(key, table_->hash_of(key));
    return entry == EntryTable::kNone ? nullptr : table_->value(entry);
  }

  int update(const uint8_t* key, const uint8_t* value, uint64_t flags) override {
    if (flags > kExist) return -EINVAL;
    const uint32_t hash = table_->hash_of(key);
    const SpinGuard guard(table_->lock_of(hash));
    const uint32_t entry = table_->find_locked(key, hash);
    if (entry != EntryTable::kNone) {
      if (flags == kNoExist) return -EEXIST;
      table_->write_value(entry, value);
      return 0;
    }
    if (flags == kExist) return -ENOENT;
    if (count_.fetch_add(1, std::memory_order_relaxed) >= entries()) {
      count_.fetch_sub(1, std::memory_order_relaxed);
      return -E2BIG;
    }
    table_->insert(key, hash, value);
    return 0;
  }

  int erase(const uint8_t* key) override {
    const uint32_t hash = table_->hash_of(key);
    const SpinGuard guard(table_->lock_of(hash));
    const uint32_t entry = table_->find_locked(key, hash);
    if (entry == EntryTable::kNone) return -ENOENT;
    table_->erase(entry);
    count_.fetch_sub(1, std::memory_order_relaxed);
    return 0;
  }

  uint64_t count() const override { return count_.load(std::memory_order_relaxed); }

  void for_each(const Visitor& visit) override {
    table_->for_each([&](uint32_t entry) { visit(table_->key(entry), table_->value(entry)); });
  }

  bool holds(uint64_t address, size_t size) const override { return table_->holds(address, size); }

 private:
  std::unique_ptr<EntryTable> table_;
  std::atomic<uint64_t> count_{0};  // never above entries() but while an update finds that there is no room
};

}  // namespace

Result<std::unique_ptr<Map>> make_hash_map(const ir::MapSpec& spec) {
  const uint32_t shards = spec.entries <= kOneShard ? 1 : kShards;
  auto table = EntryTable::make(spec.key_size, spec.value_size, spec.entries, shards);
  if (!table) return tl::make_unexpected(std::move(table.error()));
  return std::make_unique<HashMap>(spec, std::move(*table));
}

}  // namespace perilune::vm
