#include "script/maps/map_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "base/bytes.h"

namespace perilune::script {
namespace {

constexpr size_t kNodeSize = 24;

constexpr size_t stride_of(size_t key_size, size_t value_size) {
  return (kNodeSize + key_size + value_size + 7) & ~size_t{7};
}

// The high and the low half of a 64 by 64 bit product, mixed: every input bit reaches every output bit.
uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

// After wyhash (Wang Yi, 2019): eight bytes a multiplication, the length in the last one.
uint64_t hash_key(const uint8_t* key, size_t size, uint64_t seed) {
  constexpr uint64_t kFirst = 0xa0761d6478bd642fU;
  constexpr uint64_t kSecond = 0xe7037ed1a0b428dbU;
  uint64_t state = seed ^ kFirst;
  const size_t total = size;
  for (; size > 8; size -= 8, key += 8)
    state = mix(state ^ read_host<uint64_t>(key), kSecond ^ seed);
  uint64_t last = 0;
  std::memcpy(&last, key, size);
  return mix(mix(state ^ last, kSecond ^ seed) ^ total, kFirst);
}

MapTable::MapTable(size_t key_size, size_t value_size, uint32_t capacity, uint32_t expected)
    : key_size_(key_size),
      value_size_(value_size),
      stride_(stride_of(key_size, value_size)),
      capacity_(capacity),
      buckets_(std::bit_ceil(std::max(expected, 1U)), kNone) {
  static_assert(sizeof(Node) == kNodeSize);
  chunks_.reserve(capacity / kNodesPerChunk + 1);
}

uint64_t MapTable::memory_of(size_t key_size, size_t value_size, uint64_t capacity) {
  return capacity * stride_of(key_size, value_size) + std::bit_ceil(std::max<uint64_t>(capacity, 1)) * sizeof(uint32_t);
}

uint32_t MapTable::find(const uint8_t* key, uint64_t hash) const {
  const auto short_hash = static_cast<uint32_t>(hash);
  uint32_t entry = buckets_[short_hash & (buckets_.size() - 1)];
  while (entry != kNone) {
    const Node& here = node(entry);
    if (here.hash == short_hash && std::memcmp(this->key(entry), key, key_size_) == 0) return entry;
    entry = here.next;
  }
  return kNone;
}

uint32_t MapTable::take_node() {
  if (count_ >= capacity_) return kNone;
  if (free_ != kNone) {
    const uint32_t entry = free_;
    free_ = node(entry).next;
    return entry;
  }
  if (nodes_ % kNodesPerChunk == 0) {
    const size_t wanted = std::min(kNodesPerChunk, capacity_ - nodes_) * stride_;
    std::unique_ptr<uint8_t[]> chunk(new (std::nothrow) uint8_t[wanted]);
    if (!chunk) return kNone;
    chunks_.push_back(std::move(chunk));  // reserved: does not allocate
  }
  return nodes_++;
}

uint32_t MapTable::insert(const uint8_t* key, uint64_t hash, uint64_t written_ns) {
  const uint32_t entry = take_node();
  if (entry == kNone) return kNone;
  const auto short_hash = static_cast<uint32_t>(hash);
  uint32_t& head = bucket(short_hash);
  new (bytes(entry)) Node{written_ns, short_hash, head, kNone, kNone};
  head = entry;
  std::memcpy(bytes(entry) + sizeof(Node), key, key_size_);
  std::memset(value(entry), 0, value_size_);
  link_newest(entry);
  ++count_;
  return entry;
}

void MapTable::erase(uint32_t entry) {
  Node& here = node(entry);
  uint32_t* link = &bucket(here.hash);
  while (*link != entry)
    link = &node(*link).next;
  *link = here.next;
  unlink(entry);
  here.next = free_;
  free_ = entry;
  --count_;
}

void MapTable::touch(uint32_t entry) {
  if (newest_ == entry) return;
  unlink(entry);
  link_newest(entry);
}

void MapTable::link_newest(uint32_t entry) {
  Node& here = node(entry);
  here.newer = kNone;
  here.older = newest_;
  if (newest_ != kNone) node(newest_).newer = entry;
  newest_ = entry;
  if (oldest_ == kNone) oldest_ = entry;
}

void MapTable::unlink(uint32_t entry) {
  const Node& here = node(entry);
  (here.newer != kNone ? node(here.newer).older : newest_) = here.older;
  (here.older != kNone ? node(here.older).newer : oldest_) = here.newer;
}

}  // namespace perilune::script
