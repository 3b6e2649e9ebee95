#include "engine/native_maps.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace perilune::engine {
namespace {

using script::MapDeclaration;
using script::MapKind;

constexpr size_t kTimeBytes = 8;  // in front of values with a time to live

struct Entry {
  std::vector<uint8_t> key;
  std::vector<uint8_t> value;
  uint64_t written_ns = 0;
};

// u32 number of bits with the 8 of the family, family, address  ->  family, length, address
std::vector<uint8_t> lpm_key(const uint8_t* key) {
  std::vector<uint8_t> result(18);
  result[0] = key[4];
  result[1] = static_cast<uint8_t>(read_host<uint32_t>(key) - 8);
  std::memcpy(result.data() + 2, key + 5, 16);
  return result;
}

Entry converted(const MapDeclaration& declaration, const uint8_t* key, const uint8_t* value) {
  Entry entry;
  if (declaration.ttl_ns != 0) {
    entry.written_ns = read_host<uint64_t>(value);
    value += kTimeBytes;
  }
  entry.value.assign(value, value + declaration.value.size());
  if (declaration.kind == MapKind::kLpm) {
    entry.key = lpm_key(key);
  } else {
    entry.key.assign(key, key + declaration.key_size());
  }
  return entry;
}

void show_map(const MapDeclaration& declaration, vm::Map& from, script::Map& to) {
  std::vector<Entry> entries;
  from.for_each([&](const uint8_t* key, uint8_t* value) { entries.push_back(converted(declaration, key, value)); });
  // Maps with a time to live expect writes in the order of time.
  std::ranges::stable_sort(entries, {}, &Entry::written_ns);
  for (const script::Map::Entry& old : to.entries(script::Map::kNoTime))
    to.erase(old.key.data());
  for (const Entry& entry : entries)
    (void)to.set(entry.key.data(), entry.value.data(), entry.written_ns);
}

}  // namespace

void show_maps(std::span<const MapDeclaration> declarations, std::span<const std::unique_ptr<vm::Map>> maps,
               script::MapStore& store) {
  for (size_t i = 0; i < declarations.size() && i < maps.size(); ++i) {
    if (script::Map* shown = store.find(declarations[i].name); shown != nullptr) {
      show_map(declarations[i], *maps[i], *shown);
    }
  }
}

}  // namespace perilune::engine
