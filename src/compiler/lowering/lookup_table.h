// The entries of a constant table, ready to be looked up at packet time: what lowering_lookup.cpp emits code for.
//
// Made for tables of a million keys: an entry is 64 bytes without an allocation, and what is made of it is made once
// for each table, however often the lowering comes by.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/lowering/value.h"

namespace perilune::compiler {

/// A constant as a table holds it.
struct PlainConstant {
  AbstractValue::Kind kind = AbstractValue::Kind::kNil;
  ObjectId object = 0;    // kObject
  int64_t integer = 0;    // kBoolean, kInteger; kFloat: its bits
  std::string_view text;  // kString: stands in the Lua state as long as the table holds it

  bool operator==(const PlainConstant&) const = default;
  [[nodiscard]] AbstractValue value() const;
};

struct TableEntry {
  PlainConstant key;
  PlainConstant value;
};

class LookupTable {
 public:
  /// `entries` are all those of one table whose keys are of the kind: kString or kInteger.
  LookupTable(AbstractValue::Kind kind, std::vector<TableEntry> entries);

  /// In an order that is the same in each run: by key, or where there is a hash table of strings, by their hash.
  [[nodiscard]] std::span<const TableEntry> entries() const { return entries_; }
  [[nodiscard]] bool same_values() const { return same_values_; }

  /// Few enough to compare one by one.
  [[nodiscard]] bool is_short() const { return entries_.size() <= shortest_table_; }

  // A hash table of strings, when there are more.
  //   slots    of 16 bytes {u64 hash, u32 record, u32 index}, linear probing, at most half full; hash 0: empty
  //   records  {u64 length, the key's bytes padded with zeros to 8}; a power of two of bytes
  // The first slot of a hash is (hash >> 8) & (number of slots - 1).
  [[nodiscard]] const std::vector<uint8_t>& slots() const { return slots_; }
  [[nodiscard]] const std::vector<uint8_t>& records() const { return records_; }
  [[nodiscard]] size_t shortest() const { return shortest_; }  // key, in bytes
  [[nodiscard]] size_t longest() const { return longest_; }

  /// The hash of a string is h = length * kMultiplier, then for each 8 bytes, the last ones padded with zeros,
  /// h = (h ^ word) * kMultiplier, h ^= h >> 32; its lowest bit is set.
  static constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15ULL;
  static constexpr uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    return hash ^ (hash >> 32);
  }

 private:
  void hash_strings();

  std::vector<TableEntry> entries_;
  size_t shortest_table_;
  bool same_values_ = true;
  std::vector<uint8_t> slots_;
  std::vector<uint8_t> records_;
  size_t shortest_ = 0;
  size_t longest_ = 0;
};

}  // namespace perilune::compiler
