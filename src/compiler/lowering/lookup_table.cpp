#include "compiler/lowering/lookup_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

namespace perilune::compiler {
namespace {

using Kind = AbstractValue::Kind;

constexpr size_t kFewIntegers = 12;
constexpr size_t kFewStrings = 3;
constexpr size_t kSlot = 16;

uint64_t hash_of(std::string_view text) {
  uint64_t hash = text.size() * LookupTable::kMultiplier;
  for (size_t at = 0; at < text.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min<size_t>(8, text.size() - at));
    hash = LookupTable::mix(hash, word);
  }
  return hash | 1;  // 0 is an empty slot
}

size_t record_size(std::string_view text) {
  return 8 + (text.size() + 7) / 8 * 8;
}

}  // namespace

AbstractValue PlainConstant::value() const {
  switch (kind) {
    case Kind::kBoolean:
      return AbstractValue::boolean(integer != 0);
    case Kind::kInteger:
      return AbstractValue::integer_constant(integer);
    case Kind::kFloat:
      return AbstractValue::float_constant(std::bit_cast<double>(integer));
    case Kind::kString:
      return AbstractValue::string_constant(std::string(text));
    case Kind::kObject:
      return AbstractValue::object_constant(object);
    default:
      return AbstractValue::nil();
  }
}

LookupTable::LookupTable(AbstractValue::Kind kind, std::vector<TableEntry> entries)
    : entries_(std::move(entries)), shortest_table_(kind == Kind::kString ? kFewStrings : kFewIntegers) {
  for (const TableEntry& entry : entries_)
    same_values_ = same_values_ && entry.value == entries_.front().value;
  if (kind == Kind::kString && !is_short()) {
    hash_strings();
  } else {
    std::ranges::sort(entries_, [](const TableEntry& a, const TableEntry& b) {
      return std::tie(a.key.text, a.key.integer) < std::tie(b.key.text, b.key.integer);
    });
  }
}

void LookupTable::hash_strings() {
  const size_t slots = std::bit_ceil(entries_.size() * 2);
  struct Hashed {
    uint64_t hash;
    size_t entry;
  };
  std::vector<Hashed> order;
  order.reserve(entries_.size());
  size_t bytes = 8;
  shortest_ = SIZE_MAX;
  for (size_t n = 0; n < entries_.size(); ++n) {
    const std::string_view text = entries_[n].key.text;
    order.push_back({hash_of(text), n});
    bytes += record_size(text);
    longest_ = std::max(longest_, text.size());
    shortest_ = std::min(shortest_, text.size());
  }
  // In the order of their slots, all memory below is written from its beginning to its end.
  const auto first_slot = [slots](uint64_t hash) { return (hash >> 8) & (slots - 1); };
  std::ranges::sort(order, [&](const Hashed& a, const Hashed& b) {
    const uint64_t slot_a = first_slot(a.hash);
    const uint64_t slot_b = first_slot(b.hash);
    if (slot_a != slot_b) return slot_a < slot_b;
    if (a.hash != b.hash) return a.hash < b.hash;
    return entries_[a.entry].key.text < entries_[b.entry].key.text;
  });
  std::vector<TableEntry> sorted;
  sorted.reserve(entries_.size());
  slots_.resize(slots * kSlot);
  records_.resize(std::bit_ceil(bytes));
  const auto taken = [this](size_t slot) {
    uint64_t hash = 0;
    std::memcpy(&hash, &slots_[slot * kSlot], sizeof hash);
    return hash != 0;
  };
  size_t record = 0;
  for (const Hashed& hashed : order) {
    const TableEntry& entry = entries_[hashed.entry];
    size_t slot = first_slot(hashed.hash);
    while (taken(slot))
      slot = (slot + 1) & (slots - 1);
    const std::pair<uint32_t, uint32_t> places(static_cast<uint32_t>(record), static_cast<uint32_t>(sorted.size()));
    std::memcpy(&slots_[slot * kSlot], &hashed.hash, 8);
    std::memcpy(&slots_[slot * kSlot + 8], &places.first, 4);
    std::memcpy(&slots_[slot * kSlot + 12], &places.second, 4);
    const uint64_t length = entry.key.text.size();
    std::memcpy(&records_[record], &length, 8);
    std::memcpy(&records_[record + 8], entry.key.text.data(), length);
    record += record_size(entry.key.text);
    sorted.push_back(entry);
  }
  entries_ = std::move(sorted);
}

}  // namespace perilune::compiler
