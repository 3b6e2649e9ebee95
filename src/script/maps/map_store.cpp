#include "script/maps/map_store.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "script/maps/map_kinds.h"
#include "script/maps/map_table.h"

namespace perilune::script {
namespace {

constexpr ShapePart kIndex{Scalar::kUnsigned, 4};  // the key of an array

std::unique_ptr<Map> make_map(const MapDeclaration& declaration, uint64_t hash_seed) {
  switch (declaration.kind) {
    case MapKind::kHash:
    case MapKind::kLru:
      return make_hash_map(declaration, hash_seed);
    case MapKind::kLpm:
      return make_lpm_map(declaration, hash_seed);
    case MapKind::kArray:
      return make_array_map(declaration);
    case MapKind::kCounter:
      return declaration.key.parts.empty() ? make_single_counter(declaration) : make_hash_map(declaration, hash_seed);
  }
  return nullptr;
}

// A declaration as a script would write it, for messages.
std::string text(const MapDeclaration& declaration) {
  std::string result = fmt::format("map.{}{{", to_string(declaration.kind));
  if (!declaration.key.parts.empty()) result += fmt::format("key={}, ", declaration.key.text());
  if (declaration.kind != MapKind::kCounter) result += fmt::format("value={}, ", declaration.value.text());
  result += fmt::format("size={}", declaration.size);
  if (declaration.ttl_ns != 0) result += fmt::format(", ttl={}", static_cast<double>(declaration.ttl_ns) / 1e9);
  if (!declaration.renew) result += ", renew=false";
  return result + "}";
}

// The bytes that the map takes when full. Every map has a fixed part: many tiny ones count too.
uint64_t memory_of(const MapDeclaration& declaration) {
  constexpr uint64_t kFixed = 4'096;
  if (declaration.kind == MapKind::kArray) return kFixed + uint64_t{declaration.size} * declaration.value.size();
  return kFixed + MapTable::memory_of(declaration.key_size(), declaration.value.size(), declaration.size);
}

uint64_t random_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace

std::string_view to_string(MapKind kind) {
  switch (kind) {
    case MapKind::kHash:
      return "hash";
    case MapKind::kLru:
      return "lru";
    case MapKind::kLpm:
      return "lpm";
    case MapKind::kArray:
      return "array";
    case MapKind::kCounter:
      return "counter";
  }
  return "hash";
}

size_t MapDeclaration::key_size() const {
  switch (kind) {
    case MapKind::kLpm:
      return lpm_key::kSize;
    case MapKind::kArray:
      return sizeof(uint32_t);
    case MapKind::kHash:
    case MapKind::kLru:
    case MapKind::kCounter:
      return key.size();
  }
  return 0;
}

std::string MapDeclaration::text() const {
  std::string text = fmt::format("map.{} {{", to_string(kind));
  if (!key.parts.empty()) text += fmt::format("key = {}, ", key.text());
  text += fmt::format("value = {}, size = {}", value.text(), size);
  if (ttl_ns != 0) text += fmt::format(", ttl = {} ns, renew = {}", ttl_ns, renew);
  return text + "}";
}

std::vector<Map::Entry> Map::entries(uint64_t now_ns) {
  const size_t size_of_one = key_size() + value_size();
  std::vector<uint8_t> buffer(count(now_ns) * size_of_one);
  const size_t copied = copy(buffer, now_ns);
  std::vector<Entry> result;
  result.reserve(copied);
  for (size_t i = 0; i < copied; ++i) {
    const auto record = buffer.begin() + static_cast<std::ptrdiff_t>(i * size_of_one);
    const auto value = record + static_cast<std::ptrdiff_t>(key_size());
    result.push_back({{record, value}, {value, value + static_cast<std::ptrdiff_t>(value_size())}});
  }
  if (declaration_.key.is_integer() || declaration_.kind == MapKind::kArray) {
    const ShapePart number = declaration_.kind == MapKind::kArray ? kIndex : declaration_.key.parts[0];
    std::ranges::sort(result, {}, [&](const Entry& entry) { return load_integer(number, entry.key.data()); });
  } else {
    std::ranges::sort(result, {}, &Entry::key);
  }
  return result;
}

std::string Map::key_text(std::span<const uint8_t> key) const {
  return script::value_text(declaration_.key, key);
}

std::string Map::value_text(std::span<const uint8_t> value) const {
  return script::value_text(declaration_.value, value);
}

MapStore::MapStore(uint64_t limit) : limit_(limit), hash_seed_(random_seed()) {}
MapStore::~MapStore() = default;

tl::expected<Map*, std::string> MapStore::declare(const MapDeclaration& declaration) {
  const std::lock_guard lock(mutex_);
  for (const auto& map : maps_) {
    if (map->declaration().name != declaration.name) continue;
    if (map->declaration() == declaration) return map.get();
    return tl::make_unexpected(fmt::format("map '{}' was declared as {} by another worker, and as {} by this one",
                                           declaration.name, text(map->declaration()), text(declaration)));
  }
  if (maps_.size() == kMaxMaps) {
    return tl::make_unexpected(
        fmt::format("map '{}' is one too many: a script has at most {}", declaration.name, kMaxMaps));
  }
  const uint64_t wanted = memory_of(declaration);
  if (wanted > limit_ - used_) {
    return tl::make_unexpected(
        fmt::format("map '{}' would take {} KiB when full; {} KiB are left of the {} KiB for maps", declaration.name,
                    (wanted + 1023) / 1024, (limit_ - used_) / 1024, limit_ / 1024));
  }
  maps_.push_back(make_map(declaration, hash_seed_));
  used_ += wanted;
  return maps_.back().get();
}

Map* MapStore::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(maps_, [&](const auto& map) { return map->declaration().name == name; });
  return found == maps_.end() ? nullptr : found->get();
}

void MapStore::begin_time(uint64_t now_ns) {
  for (Map* map : maps())
    map->begin_time(now_ns);
}

std::vector<Map*> MapStore::maps() const {
  const std::lock_guard lock(mutex_);
  std::vector<Map*> result;
  result.reserve(maps_.size());
  for (const auto& map : maps_)
    result.push_back(map.get());
  return result;
}

}  // namespace perilune::script
