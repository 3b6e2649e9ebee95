// Tables shared between workers, and with whatever reads them from outside: what `map.hash`, `map.lru`, `map.lpm`,
// `map.array` and `map.counter` give. Keys and values have declared shapes and the number of entries has a bound, as
// the kernel's maps have.
//
// Every worker runs the script's main chunk, so every worker declares every map: the first one makes it, the others
// must declare it alike and get the same. Maps live as long as their store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "script/maps/map_shape.h"

namespace perilune::script {

enum class MapKind : uint8_t { kHash, kLru, kLpm, kArray, kCounter };
[[nodiscard]] std::string_view to_string(MapKind kind);  // "hash", ...

struct MapDeclaration {
  MapKind kind = MapKind::kHash;
  std::string name;
  Shape key;            // kArray: none (the index); kCounter: may be none (one number)
  Shape value;          // kCounter: one u64
  uint32_t size = 1;    // entries
  uint64_t ttl_ns = 0;  // an entry is gone this long after it was written; 0: never
  bool renew = true;    // false: after it was first written; later writes do not prolong its life

  /// Bytes of a key, whatever the kind.
  [[nodiscard]] size_t key_size() const;
  /// All but the name in one spelling: "map.hash {key = 'ip', value = 'u64', size = 1024, ttl = 5000000000 ns}".
  [[nodiscard]] std::string text() const;
  bool operator==(const MapDeclaration&) const = default;
};

/// Keys and values are bytes of the declared shapes (map_shape.h). All functions may be called from any thread.
///
/// Times are nanoseconds by the clock of the caller. An entry written at time 0 (before the first packet of a capture
/// has set the clock) counts as written at the first other time the map hears of.
class Map {
 public:
  enum class Outcome : uint8_t { kDone, kFull, kAbsent };
  /// For `now_ns`: the clock is that of the packets, and there was none yet. Nothing expires, and what is written lives
  /// from the first time that is known. (0 is a time: captures may count from their first packet.)
  static constexpr uint64_t kNoTime = ~uint64_t{0};

  explicit Map(MapDeclaration declaration) : declaration_(std::move(declaration)) {}
  virtual ~Map() = default;
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;

  [[nodiscard]] const MapDeclaration& declaration() const { return declaration_; }

  /// Copies the value; false when there is none (or it has expired).
  [[nodiscard]] virtual bool get(const uint8_t* key, uint8_t* value, uint64_t now_ns) = 0;
  /// kFull: the key is new and there is no room for it.
  [[nodiscard]] virtual Outcome set(const uint8_t* key, const uint8_t* value, uint64_t now_ns) = 0;
  virtual void erase(const uint8_t* key) = 0;
  /// Adds to an integer value, wrapping at its width, as one step; an absent one counts as 0. `sum` is the new value
  /// (undefined for counters). kAbsent: an lpm map, where only what is there can be added to. `worker` spreads
  /// counters.
  [[nodiscard]] virtual Outcome add(const uint8_t* key, int64_t amount, uint64_t now_ns, unsigned worker,
                                    int64_t& sum) = 0;
  /// Entries that are there and not expired; for an array its size.
  [[nodiscard]] virtual uint64_t count(uint64_t now_ns) = 0;

  /// Copies entries, each its key and then its value, into `buffer`, as many as fit, oldest first; returns how many. An
  /// array's are those that are not zero.
  [[nodiscard]] virtual size_t copy(std::span<uint8_t> buffer, uint64_t now_ns) = 0;

  /// There is a first time now: from it on live the entries that were written at kNoTime.
  virtual void begin_time(uint64_t /*now_ns*/) {}

  struct Entry {
    std::vector<uint8_t> key;
    std::vector<uint8_t> value;
  };
  /// A copy of all entries, in the order of their keys: integers and indices as numbers, others as bytes.
  [[nodiscard]] std::vector<Entry> entries(uint64_t now_ns);
  [[nodiscard]] size_t key_size() const { return declaration_.key_size(); }
  [[nodiscard]] size_t value_size() const { return declaration_.value.size(); }

  /// For people: "192.0.2.1", "192.0.2.0/24" (lpm), "7" (array), "" (a counter without a key).
  [[nodiscard]] virtual std::string key_text(std::span<const uint8_t> key) const;
  [[nodiscard]] std::string value_text(std::span<const uint8_t> value) const;

 private:
  MapDeclaration declaration_;
};

class MapStore {
 public:
  static constexpr uint64_t kDefaultLimit = uint64_t{256} << 20;
  static constexpr size_t kMaxMaps = 64;  // what the kernel allows a program

  /// `limit`: bytes that all maps together may take when full.
  explicit MapStore(uint64_t limit = kDefaultLimit);
  ~MapStore();
  MapStore(const MapStore&) = delete;
  MapStore& operator=(const MapStore&) = delete;

  /// The map of that name, made if there is none. Fails with a sentence when another worker declared it differently, or
  /// when the store's memory does not suffice. The declaration must be sound (map_declaration.cpp checks what scripts
  /// write).
  [[nodiscard]] tl::expected<Map*, std::string> declare(const MapDeclaration& declaration);

  /// Null when there is none.
  [[nodiscard]] Map* find(std::string_view name) const;
  /// Of all maps.
  void begin_time(uint64_t now_ns);
  /// In the order they were declared.
  [[nodiscard]] std::vector<Map*> maps() const;

 private:
  mutable std::mutex mutex_;
  uint64_t limit_;
  uint64_t used_ = 0;
  uint64_t hash_seed_;
  std::vector<std::unique_ptr<Map>> maps_;
};

}  // namespace perilune::script
