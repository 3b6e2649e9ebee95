// BPF maps in our own process, shared by the machines of one program: hash, lru, lpm, array.
//
// Results are the kernel's: 0 or a negative errno, the same one that bpf_map_update_elem and its siblings give for the
// same call. A pointer to a value stays valid as long as the map lives: entries are never freed, a deleted one waits
// for the next key (its value then changes under a caller that still holds the pointer, as with the kernel's
// preallocated maps). All functions may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "ir/code.h"

namespace perilune::vm {

/// Flags of Map::update().
inline constexpr uint64_t kAny = 0, kNoExist = 1, kExist = 2;

class Map {
 public:
  Map(uint32_t key_size, uint32_t value_size, uint32_t entries)
      : key_size_(key_size), value_size_(value_size), entries_(entries) {}
  virtual ~Map() = default;
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;

  /// The value, aligned to 8 bytes; null when there is none. For an lpm map, that of the longest prefix no longer than
  /// the key's that holds it.
  [[nodiscard]] virtual uint8_t* lookup(const uint8_t* key) = 0;
  [[nodiscard]] virtual int update(const uint8_t* key, const uint8_t* value, uint64_t flags) = 0;
  [[nodiscard]] virtual int erase(const uint8_t* key) = 0;

  /// Entries that are there; of an array all.
  [[nodiscard]] virtual uint64_t count() const = 0;
  using Visitor = std::function<void(const uint8_t* key, uint8_t* value)>;
  /// Each entry once, in no particular order; what others insert or delete meanwhile may be seen or not. The visitor
  /// must not call the map, but may write to the value.
  virtual void for_each(const Visitor& visit) = 0;

  /// Are all these bytes inside one value? For the checked interpreter.
  [[nodiscard]] virtual bool holds(uint64_t address, size_t size) const = 0;

  [[nodiscard]] uint32_t key_size() const { return key_size_; }
  [[nodiscard]] uint32_t value_size() const { return value_size_; }
  [[nodiscard]] uint32_t entries() const { return entries_; }

 private:
  uint32_t key_size_;
  uint32_t value_size_;
  uint32_t entries_;
};

/// An empty map (spec.initial is not looked at). Fails when its shape is none the kernel would take, or for want of
/// memory.
[[nodiscard]] Result<std::unique_ptr<Map>> make_map(const ir::MapSpec& spec);

}  // namespace perilune::vm
