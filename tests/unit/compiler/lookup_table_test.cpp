#include "compiler/lowering/lookup_table.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace perilune::compiler {
namespace {

using Kind = AbstractValue::Kind;

TableEntry entry(std::string_view key, int64_t value) {
  TableEntry made;
  made.key.kind = Kind::kString;
  made.key.text = key;
  made.value.kind = Kind::kInteger;
  made.value.integer = value;
  return made;
}

std::vector<std::string> names(size_t count) {
  std::vector<std::string> all;
  for (size_t n = 0; n < count; ++n)
    all.push_back(std::string(n % 23, 'x') + std::to_string(n));
  return all;
}

std::vector<TableEntry> entries(const std::vector<std::string>& keys) {
  std::vector<TableEntry> all;
  for (size_t n = 0; n < keys.size(); ++n)
    all.push_back(entry(keys[n], static_cast<int64_t>(n)));
  return all;
}

uint64_t number(const std::vector<uint8_t>& bytes, size_t at, size_t size) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);
  return value;
}

/// As the compiled code looks; the entry's number, or -1.
int64_t find(const LookupTable& table, std::string_view key) {
  uint64_t hash = key.size() * LookupTable::kMultiplier;
  for (size_t at = 0; at < key.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, key.data() + at, std::min<size_t>(8, key.size() - at));
    hash = LookupTable::mix(hash, word);
  }
  hash |= 1;
  const size_t slots = table.slots().size() / 16;
  for (size_t slot = (hash >> 8) & (slots - 1);; slot = (slot + 1) & (slots - 1)) {
    const uint64_t there = number(table.slots(), slot * 16, 8);
    if (there == 0) return -1;
    const size_t record = number(table.slots(), slot * 16 + 8, 4);
    if (there != hash || number(table.records(), record, 8) != key.size()) continue;
    if (std::memcmp(table.records().data() + record + 8, key.data(), key.size()) != 0) continue;
    return static_cast<int64_t>(number(table.slots(), slot * 16 + 12, 4));
  }
}

TEST(LookupTable, EveryStringIsFoundAndNoOther) {
  for (const size_t count : {4U, 5U, 64U, 1000U, 40'000U}) {
    const auto keys = names(count);
    const LookupTable table(Kind::kString, entries(keys));
    EXPECT_FALSE(table.is_short());
    for (size_t n = 0; n < count; ++n) {
      const int64_t found = find(table, keys[n]);
      ASSERT_GE(found, 0) << keys[n];
      EXPECT_EQ(table.entries()[static_cast<size_t>(found)].value.integer, static_cast<int64_t>(n));
      EXPECT_EQ(find(table, keys[n] + "y"), -1);
    }
    EXPECT_EQ(find(table, ""), -1);
  }
}

TEST(LookupTable, TheSameWhateverTheOrder) {
  const auto keys = names(5000);
  auto forth = entries(keys);
  auto back = forth;
  std::ranges::reverse(back);
  const LookupTable one(Kind::kString, std::move(forth));
  const LookupTable other(Kind::kString, std::move(back));
  EXPECT_EQ(one.slots(), other.slots());
  EXPECT_EQ(one.records(), other.records());
}

TEST(LookupTable, LengthsAndValues) {
  const auto keys = names(50);
  const LookupTable table(Kind::kString, entries(keys));
  EXPECT_EQ(table.shortest(), 1U);
  EXPECT_EQ(table.longest(), 24U);
  EXPECT_FALSE(table.same_values());
  std::vector<TableEntry> equal = entries(keys);
  for (TableEntry& one : equal)
    one.value.integer = 7;
  EXPECT_TRUE(LookupTable(Kind::kString, std::move(equal)).same_values());
}

TEST(LookupTable, FewAreInOrder) {
  const std::vector<std::string> keys{"c", "a", "b"};
  const LookupTable table(Kind::kString, entries(keys));
  EXPECT_TRUE(table.is_short());
  ASSERT_EQ(table.entries().size(), 3U);
  EXPECT_EQ(table.entries()[0].key.text, "a");
  EXPECT_EQ(table.entries()[2].key.text, "c");
  EXPECT_TRUE(LookupTable(Kind::kInteger, {}).entries().empty());
}

}  // namespace
}  // namespace perilune::compiler
