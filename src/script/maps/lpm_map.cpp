// map.lpm: networks as keys; a read finds the longest one that holds the address.
//
// One hash table with the prefix length as part of the key, and a count of the prefixes of each length: a read asks the
// table once for each length in use, longest first. A block list has a handful of lengths (32, 24, 16), so this is a
// handful of probes; the worst case is 129. A trie would need a cache miss a level for the same answer.
//
// Example: with 192.0.2.0/24 and 192.0.0.0/16, the address 192.0.2.1 is asked for as /24 (found). With them, 192.0.3.1:
// as /24 (absent), as /16 (found); no other length is tried.
#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <vector>

#include <fmt/format.h>

#include "script/maps/map_expiry.h"
#include "script/maps/map_kinds.h"
#include "script/maps/map_table.h"

namespace perilune::script {
namespace {

using namespace lpm_key;
constexpr size_t kLengths = 129;

using Key = std::array<uint8_t, kSize>;

// `key` as it would be with a shorter prefix: the bits after it zero.
Key cut(const uint8_t* key, unsigned length) {
  Key result{};
  result[kFamily] = key[kFamily];
  result[kLength] = static_cast<uint8_t>(length);
  const size_t whole = length / 8;
  std::memcpy(result.data() + kAddress, key + kAddress, whole);
  if (length % 8 != 0) {
    result[kAddress + whole] = static_cast<uint8_t>(key[kAddress + whole] & (0xff00U >> (length % 8)));
  }
  return result;
}

class LpmMap final : public Map {
 public:
  LpmMap(const MapDeclaration& declaration, uint64_t hash_seed)
      : Map(declaration),
        seed_(hash_seed),
        expiry_(declaration),
        table_(kSize, declaration.value.size(), declaration.size, declaration.size) {}

  bool get(const uint8_t* key, uint8_t* value, uint64_t now_ns) override {
    const std::lock_guard lock(mutex_);
    const uint32_t entry = find_longest(key, now_ns);
    if (entry == MapTable::kNone) return false;
    std::copy_n(table_.value(entry), value_size(), value);
    return true;
  }

  Outcome set(const uint8_t* key, const uint8_t* value, uint64_t now_ns) override {
    const Key exact = cut(key, key[kLength]);
    const uint64_t hash = hash_of(exact);
    const std::lock_guard lock(mutex_);
    uint32_t entry = table_.find(exact.data(), hash);
    if (entry != MapTable::kNone && expiry_.expired(table_, entry, now_ns)) {
      remove(entry);
      entry = MapTable::kNone;
    }
    if (entry != MapTable::kNone) {
      expiry_.written(table_, entry, now_ns);
    } else {
      entry = table_.insert(exact.data(), hash, now_ns);
      if (entry == MapTable::kNone && purge(now_ns)) entry = table_.insert(exact.data(), hash, now_ns);
      if (entry == MapTable::kNone) return Outcome::kFull;
      ++in_use(exact[kFamily])[exact[kLength]];
    }
    std::copy_n(value, value_size(), table_.value(entry));
    return Outcome::kDone;
  }

  Outcome add(const uint8_t* key, int64_t amount, uint64_t now_ns, unsigned /*worker*/, int64_t& sum) override {
    const ShapePart& part = declaration().value.parts[0];
    const std::lock_guard lock(mutex_);
    const uint32_t entry = find_longest(key, now_ns);
    if (entry == MapTable::kNone) return Outcome::kAbsent;
    uint8_t* stored = table_.value(entry);
    const auto wrapped = static_cast<uint64_t>(load_integer(part, stored)) + static_cast<uint64_t>(amount);
    store_integer(part, static_cast<int64_t>(wrapped), stored);
    expiry_.written(table_, entry, now_ns);
    sum = load_integer(part, stored);
    return Outcome::kDone;
  }

  void erase(const uint8_t* key) override {
    const Key exact = cut(key, key[kLength]);
    const std::lock_guard lock(mutex_);
    const uint32_t entry = table_.find(exact.data(), hash_of(exact));
    if (entry != MapTable::kNone) remove(entry);
  }

  void begin_time(uint64_t now_ns) override { expiry_.begin_time(now_ns); }

  uint64_t count(uint64_t now_ns) override {
    const std::lock_guard lock(mutex_);
    purge(now_ns);
    return table_.count();
  }

  size_t copy(std::span<uint8_t> buffer, uint64_t now_ns) override {
    const std::lock_guard lock(mutex_);
    purge(now_ns);
    return table_.copy(buffer, [](uint32_t) { return true; });
  }

  std::string key_text(std::span<const uint8_t> key) const override {
    const bool is_ipv4 = key[kFamily] == 4;
    const Shape address{{{is_ipv4 ? Scalar::kIpv4 : Scalar::kIpv6, static_cast<uint16_t>(is_ipv4 ? 4 : 16)}}, false};
    return fmt::format("{}/{}", script::value_text(address, key.subspan(kAddress)), key[kLength]);
  }

 private:
  [[nodiscard]] uint64_t hash_of(const Key& key) const { return hash_key(key.data(), key.size(), seed_); }
  [[nodiscard]] std::array<uint32_t, kLengths>& in_use(uint8_t family) { return in_use_[family == 4 ? 0 : 1]; }

  uint32_t find_longest(const uint8_t* key, uint64_t now_ns) {
    const auto& lengths = in_use(key[kFamily]);
    for (unsigned length = key[kLength] + 1U; length-- > 0;) {
      if (lengths[length] == 0) continue;
      const Key candidate = cut(key, length);
      const uint32_t entry = table_.find(candidate.data(), hash_of(candidate));
      if (entry != MapTable::kNone && !expiry_.expired(table_, entry, now_ns)) return entry;
    }
    return MapTable::kNone;
  }

  void remove(uint32_t entry) {
    const uint8_t* key = table_.key(entry);
    --in_use(key[kFamily])[key[kLength]];
    table_.erase(entry);
  }

  bool purge(uint64_t now_ns) {
    bool removed = false;
    while (table_.oldest() != MapTable::kNone && expiry_.expired(table_, table_.oldest(), now_ns)) {
      remove(table_.oldest());
      removed = true;
    }
    return removed;
  }

  uint64_t seed_;
  std::mutex mutex_;
  MapExpiry expiry_;
  MapTable table_;
  std::array<std::array<uint32_t, kLengths>, 2> in_use_{};  // prefixes of each length: IPv4, IPv6
};

}  // namespace

std::unique_ptr<Map> make_lpm_map(const MapDeclaration& declaration, uint64_t hash_seed) {
  return std::make_unique<LpmMap>(declaration, hash_seed);
}

}  // namespace perilune::script
