// Lru maps: a new key in a full one takes the place of the least recently used.
//
// Each shard has its part of the entries and an order of use of its own. So a map of up to kOneShard entries evicts
// exactly the least recently used one, and a larger one the least recently used of the new key's shard, much as the
// kernel's does (script/maps/hash_map.cpp draws the line at the same size: the engines agree below it).
#include <cerrno>
#include <memory>
#include <utility>

#include "vm/entry_table.h"
#include "vm/map_kinds.h"

namespace perilune::vm {
namespace {

constexpr uint32_t kOneShard = 4'096;
constexpr uint32_t kShards = 16;

class LruMap final : public Map {
 public:
  LruMap(const ir::MapSpec& spec, std::unique_ptr<EntryTable> table, uint32_t shards)
      : Map(spec.key_size, spec.value_size, spec.entries),
        table_(std::move(table)),
        shards_(shards),
        orders_(std::make_unique<Order[]>(shards)) {
    for (uint32_t i = 0; i < shards; ++i)
      orders_[i].capacity = spec.entries / shards + (i < spec.entries % shards ? 1 : 0);
  }

  uint8_t* lookup(const uint8_t* key) override {
    const uint32_t hash = table_->hash_of(key);
    const SpinGuard guard(table_->lock_of(hash));
    const uint32_t entry = table_->find_locked(key, hash);
    if (entry == EntryTable::kNone) return nullptr;
    touch(order_of(hash), entry);
    return table_->value(entry);
  }

  int update(const uint8_t* key, const uint8_t* value, uint64_t flags) override {
    if (flags > kExist) return -EINVAL;
    const uint32_t hash = table_->hash_of(key);
    const SpinGuard guard(table_->lock_of(hash));
    Order& order = order_of(hash);
    uint32_t entry = table_->find_locked(key, hash);
    if (entry != EntryTable::kNone) {
      if (flags == kNoExist) return -EEXIST;
      table_->write_value(entry, value);
      touch(order, entry);
      return 0;
    }
    if (flags == kExist) return -ENOENT;
    if (order.count == order.capacity) remove(order, order.oldest);
    entry = table_->insert(key, hash, value);
    link_newest(order, entry);
    ++order.count;
    return 0;
  }

  int erase(const uint8_t* key) override {
    const uint32_t hash = table_->hash_of(key);
    const SpinGuard guard(table_->lock_of(hash));
    const uint32_t entry = table_->find_locked(key, hash);
    if (entry == EntryTable::kNone) return -ENOENT;
    remove(order_of(hash), entry);
    return 0;
  }

  uint64_t count() const override {
    uint64_t total = 0;
    for (uint32_t i = 0; i < shards_; ++i) {
      const SpinGuard guard(table_->lock_of(i));
      total += orders_[i].count;
    }
    return total;
  }

  void for_each(const Visitor& visit) override {
    table_->for_each([&](uint32_t entry) { visit(table_->key(entry), table_->value(entry)); });
  }

  bool holds(uint64_t address, size_t size) const override { return table_->holds(address, size); }

 private:
  struct alignas(64) Order {
    uint32_t newest = EntryTable::kNone;
    uint32_t oldest = EntryTable::kNone;
    uint32_t count = 0;
    uint32_t capacity = 0;
  };

  [[nodiscard]] Order& order_of(uint32_t hash) { return orders_[table_->shard_number(hash)]; }

  void remove(Order& order, uint32_t entry) {
    unlink(order, entry);
    table_->erase(entry);
    --order.count;
  }

  void touch(Order& order, uint32_t entry) {
    if (order.newest == entry) return;
    unlink(order, entry);
    link_newest(order, entry);
  }

  void link_newest(Order& order, uint32_t entry) {
    table_->newer(entry) = EntryTable::kNone;
    table_->older(entry) = order.newest;
    (order.newest == EntryTable::kNone ? order.oldest : table_->newer(order.newest)) = entry;
    order.newest = entry;
  }

  void unlink(Order& order, uint32_t entry) {
    const uint32_t newer = table_->newer(entry);
    const uint32_t older = table_->older(entry);
    (newer == EntryTable::kNone ? order.newest : table_->older(newer)) = older;
    (older == EntryTable::kNone ? order.oldest : table_->newer(older)) = newer;
  }

  std::unique_ptr<EntryTable> table_;
  uint32_t shards_;
  std::unique_ptr<Order[]> orders_;  // of each shard, under its lock (an array: not every vector aligns as asked)
};

}  // namespace

Result<std::unique_ptr<Map>> make_lru_map(const ir::MapSpec& spec) {
  const uint32_t shards = spec.entries <= kOneShard ? 1 : kShards;
  auto table = EntryTable::make(spec.key_size, spec.value_size, spec.entries, shards);
  if (!table) return tl::make_unexpected(std::move(table.error()));
  return std::make_unique<LruMap>(spec, std::move(*table), shards);
}

}  // namespace perilune::vm
