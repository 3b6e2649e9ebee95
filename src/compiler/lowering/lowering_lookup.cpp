// Look-ups in large constant tables: a hash table in the read-only memory, made at load (lookup_table.h).
//
//   integers   slots of 16 bytes {u64 key, u64 index + 1}, 0: empty; or, where keys are dense, an array of indices
//
// Exact: a hash that agrees is followed by a comparison of all bytes. Cost: a few loads for a name that is not there,
// whatever the table's size.
#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "compiler/lowering/lowering.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;

constexpr uint64_t kMultiplier = LookupTable::kMultiplier;

void put(std::vector<uint8_t>& bytes, size_t at, uint64_t value, size_t size) {
  std::memcpy(bytes.data() + at, &value, size);
}

}  // namespace

// The value that belongs to entry `index`; one path for each type among the values.
void Lowering::found_value(const LookupTable& table, ir::Value index, uint32_t result) {
  const std::span<const TableEntry> entries = table.entries();
  if (table.same_values()) return set(result, entries[0].value.value());
  bool integers = true;
  bool booleans = true;
  bool strings = true;
  for (const auto& [key, value] : entries) {
    integers = integers && value.kind == Kind::kInteger;
    booleans = booleans && value.kind == Kind::kBoolean;
    strings = strings && value.kind == Kind::kString;
  }
  const auto table_of = [&](size_t stride, auto fill) {
    std::vector<uint8_t> bytes(std::bit_ceil(entries.size()) * stride);
    for (size_t n = 0; n < entries.size(); ++n)
      fill(bytes, n);
    const uint32_t base = tables_.add(bytes, 8, bytes.size() + 64);
    return b_.offset(b_.tables(base), b_.binary(Op::kShl, index, std::countr_zero(stride)),
                     static_cast<int64_t>(bytes.size() - 1));
  };
  if (integers || booleans) {
    const ir::Value pointer = table_of(8, [&](std::vector<uint8_t>& bytes, size_t n) {
      put(bytes, n * 8, static_cast<uint64_t>(entries[n].value.integer), 8);
    });
    const ir::Value value = b_.load(8, pointer, 0);
    return set(result, integers ? AbstractValue::dynamic_integer(value) : AbstractValue::dynamic_boolean(value));
  }
  if (strings) {
    int64_t most = 0;
    int64_t least = INT64_MAX;
    const ir::Value pointer = table_of(8, [&](std::vector<uint8_t>& bytes, size_t n) {
      const std::string text(entries[n].value.text);
      put(bytes, n * 8, static_cast<uint64_t>(constants_.add(text)), 4);
      put(bytes, n * 8 + 4, text.size(), 4);
      most = std::max(most, static_cast<int64_t>(text.size()));
      least = std::min(least, static_cast<int64_t>(text.size()));
    });
    AbstractValue text = AbstractValue::dynamic_string(b_.load(4, pointer, 0), b_.load(4, pointer, 4), most);
    text.least = least;
    return set(result, std::move(text));
  }
  // Few different values of mixed types: a path for each.
  std::vector<PlainConstant> distinct;
  std::vector<uint64_t> numbers;
  for (const auto& [key, value] : entries) {
    const auto n = static_cast<size_t>(std::ranges::find(distinct, value) - distinct.begin());
    if (n == distinct.size()) distinct.push_back(value);
    if (distinct.size() > 32) break;
    numbers.push_back(n);
  }
  if (distinct.size() > 32) {
    refuse("mixed-table", "a table looked up with a key from the packet has many values of different types",
           "give all its values one type: integers, booleans or strings");
  }
  const ir::Value pointer =
      table_of(8, [&](std::vector<uint8_t>& bytes, size_t n) { put(bytes, n * 8, numbers[n], 8); });
  const ir::Value which = b_.load(8, pointer, 0);
  const State before = st_;
  for (size_t n = 0; n < distinct.size(); ++n) {
    if (n + 1 == distinct.size()) {
      set(result, distinct[n].value());
      outcome();
      break;
    }
    const ir::BlockId yes = b_.new_block();
    const ir::BlockId no = b_.new_block();
    b_.branch(Condition::kEq, which, static_cast<int64_t>(n), yes, no);
    resume(yes, before);
    set(result, distinct[n].value());
    outcome();
    resume(no, before);
  }
}

void Lowering::finish_lookup(const LookupTable& table, ir::BlockId found, ir::BlockId absent, const State& before,
                             uint32_t result) {
  const ir::Value index = b_.parameters(found)[0];
  resume(absent, before);
  set(result, AbstractValue::nil());
  outcome();
  resume(found, before);
  const size_t outcomes = outcomes_.size();
  found_value(table, index, result);
  if (outcomes_.size() == outcomes) outcome();
}

void Lowering::look_up_strings(const LookupTable& table, const StringParts& key, uint32_t result) {
  const size_t slots_size = table.slots().size();
  auto& known = lookup_tables_[&table];
  if (known == 0) {
    if (slots_size + table.records().size() > (size_t{1} << 30))
      refuse("too-large", "a table of more than 1 GiB", "use fewer keys");
    const uint32_t slots_at = tables_.add(table.slots(), 16, slots_size + 64);
    const uint32_t records_at = tables_.add(table.records(), 16, table.records().size() + 64);
    lookup_places_.push_back({slots_at, records_at, table.records().size()});
    known = static_cast<uint32_t>(lookup_places_.size());
  }
  const LookupPlace place = lookup_places_[known - 1];

  const State before = st_;
  const ir::BlockId absent = b_.new_block();
  const ir::BlockId found = b_.new_block(1);
  const ir::BlockId possible = b_.new_block();
  // A key whose length no entry has is not there.
  b_.branch(Condition::kUgt, b_.sub(key.length, number(static_cast<int64_t>(table.shortest()))),
            number(static_cast<int64_t>(table.longest() - table.shortest())), ir::Edge{absent, {}},
            ir::Edge{possible, {}});
  b_.switch_to(possible);
  // The hash: a word an iteration, the last one masked.
  const ir::BlockId head = b_.new_block(2);
  b_.jump(head, {number(0), b_.binary(Op::kMul, key.length, static_cast<int64_t>(kMultiplier))});
  b_.switch_to(head);
  make_loop(head);
  const ir::Value done = b_.parameters(head)[0];
  const ir::Value hash = b_.parameters(head)[1];
  const ir::BlockId more = b_.new_block();
  const ir::BlockId hashed = b_.new_block();
  const ir::BlockId part = b_.new_block();
  const ir::BlockId step = b_.new_block(1);
  b_.branch(Condition::kUlt, done, key.length, more, hashed);
  b_.switch_to(more);
  const ir::Value word = b_.load(8, at(b_.add(key.offset, done)), 0);
  const ir::Value left = b_.sub(key.length, done);
  b_.branch(Condition::kUlt, left, number(8), ir::Edge{part, {}}, ir::Edge{step, {word}});
  b_.switch_to(part);
  const ir::Value mask = b_.add(b_.binary(Op::kShl, number(1), b_.binary(Op::kShl, left, 3)), -1);
  b_.jump(step, {b_.binary(Op::kAnd, word, mask)});
  b_.switch_to(step);
  const ir::Value multiplied =
      b_.binary(Op::kMul, b_.binary(Op::kXor, hash, b_.parameters(step)[0]), static_cast<int64_t>(kMultiplier));
  b_.jump(head, {b_.add(done, 8), b_.binary(Op::kXor, multiplied, b_.binary(Op::kLshr, multiplied, 32))});
  b_.switch_to(hashed);
  const ir::Value wanted = b_.binary(Op::kOr, hash, 1);
  // Probing.
  const ir::BlockId probe = b_.new_block(1);
  b_.jump(probe, {b_.binary(Op::kLshr, wanted, 8)});
  b_.switch_to(probe);
  make_loop(probe);
  const ir::Value slot_number = b_.parameters(probe)[0];
  const ir::Value entry =
      b_.offset(b_.tables(place.slots), b_.binary(Op::kShl, slot_number, 4), static_cast<int64_t>(slots_size - 1));
  const ir::Value there = b_.load(8, entry, 0);
  const ir::BlockId taken = b_.new_block();
  const ir::BlockId same_hash = b_.new_block();
  b_.branch(Condition::kEq, there, 0, absent, taken);
  b_.switch_to(taken);
  const ir::Value next = b_.add(slot_number, 1);
  b_.branch(Condition::kEq, there, wanted, ir::Edge{same_hash, {}}, ir::Edge{probe, {next}});
  b_.switch_to(same_hash);
  const ir::Value record = b_.load(4, entry, 8);
  const ir::Value index = b_.load(4, entry, 12);
  const int64_t record_mask = static_cast<int64_t>(place.records_size - 1);
  const ir::Value length = b_.load(8, b_.offset(b_.tables(place.records), record, record_mask), 0);
  const ir::BlockId compare = b_.new_block();
  b_.branch(Condition::kEq, length, key.length, ir::Edge{compare, {}}, ir::Edge{probe, {next}});
  b_.switch_to(compare);
  const ir::BlockId bytes_head = b_.new_block(1);
  b_.jump(bytes_head, {number(0)});
  b_.switch_to(bytes_head);
  make_loop(bytes_head);
  const ir::Value compared = b_.parameters(bytes_head)[0];
  const ir::BlockId bytes_more = b_.new_block();
  b_.branch(Condition::kUlt, compared, length, ir::Edge{bytes_more, {}}, ir::Edge{found, {index}});
  b_.switch_to(bytes_more);
  const ir::Value mine = b_.load(8, at(b_.add(key.offset, compared)), 0);
  const ir::Value theirs =
      b_.load(8, b_.offset(b_.tables(place.records), b_.add(b_.add(record, compared), 8), record_mask), 0);
  const ir::Value different = b_.binary(Op::kXor, mine, theirs);
  const ir::Value rest = b_.sub(length, compared);
  const ir::BlockId whole_word = b_.new_block();
  const ir::BlockId last_word = b_.new_block();
  b_.branch(Condition::kUlt, rest, number(8), ir::Edge{last_word, {}}, ir::Edge{whole_word, {}});
  b_.switch_to(whole_word);
  b_.branch(Condition::kEq, different, number(0), ir::Edge{bytes_head, {b_.add(compared, 8)}}, ir::Edge{probe, {next}});
  b_.switch_to(last_word);
  const ir::Value shifted = b_.binary(Op::kShl, different, b_.sub(number(64), b_.binary(Op::kShl, rest, 3)));
  b_.branch(Condition::kEq, shifted, number(0), ir::Edge{found, {index}}, ir::Edge{probe, {next}});
  finish_lookup(table, found, absent, before, result);
}

void Lowering::look_up_integers(const LookupTable& table, ir::Value key, uint32_t result) {
  const std::span<const TableEntry> entries = table.entries();
  const int64_t first = entries.front().key.integer;
  const int64_t last = entries.back().key.integer;
  const uint64_t span = static_cast<uint64_t>(last) - static_cast<uint64_t>(first);
  const State before = st_;
  const ir::BlockId absent = b_.new_block();
  const ir::BlockId found = b_.new_block(1);
  const ir::BlockId possible = b_.new_block();
  const ir::Value relative = b_.sub(key, number(first));
  b_.branch(Condition::kUgt, relative, number(static_cast<int64_t>(span)), ir::Edge{absent, {}},
            ir::Edge{possible, {}});
  b_.switch_to(possible);
  if (span < entries.size() * 8 || span < 4096) {
    // An array: 0 is absent, else the entry's number + 1.
    std::vector<uint8_t> bytes(std::bit_ceil(span + 1) * 4);
    for (size_t n = 0; n < entries.size(); ++n)
      put(bytes, (static_cast<uint64_t>(entries[n].key.integer) - static_cast<uint64_t>(first)) * 4, n + 1, 4);
    const uint32_t base = tables_.add(bytes, 8, bytes.size() + 64);
    const ir::Value number_plus_one = b_.load(
        4, b_.offset(b_.tables(base), b_.binary(Op::kShl, relative, 2), static_cast<int64_t>(bytes.size() - 1)), 0);
    b_.branch(Condition::kEq, number_plus_one, number(0), ir::Edge{absent, {}},
              ir::Edge{found, {b_.add(number_plus_one, -1)}});
  } else {
    const size_t slots = std::bit_ceil(entries.size() * 2);
    std::vector<uint8_t> bytes(slots * 16);
    std::vector<bool> taken(slots);
    for (size_t n = 0; n < entries.size(); ++n) {
      const auto number_key = static_cast<uint64_t>(entries[n].key.integer);
      size_t at_slot = LookupTable::mix(0, number_key) & (slots - 1);
      while (taken[at_slot])
        at_slot = (at_slot + 1) & (slots - 1);
      taken[at_slot] = true;
      put(bytes, at_slot * 16, number_key, 8);
      put(bytes, at_slot * 16 + 8, n + 1, 8);
    }
    const uint32_t base = tables_.add(bytes, 16, bytes.size() + 64);
    const ir::Value multiplied = b_.binary(Op::kMul, key, static_cast<int64_t>(kMultiplier));
    const ir::BlockId probe = b_.new_block(1);
    b_.jump(probe, {b_.binary(Op::kXor, multiplied, b_.binary(Op::kLshr, multiplied, 32))});
    b_.switch_to(probe);
    make_loop(probe);
    const ir::Value slot_number = b_.parameters(probe)[0];
    const ir::Value entry =
        b_.offset(b_.tables(base), b_.binary(Op::kShl, slot_number, 4), static_cast<int64_t>(slots * 16 - 1));
    const ir::Value there = b_.load(8, entry, 0);
    const ir::Value number_plus_one = b_.load(8, entry, 8);
    const ir::BlockId used = b_.new_block();
    b_.branch(Condition::kEq, number_plus_one, 0, absent, used);
    b_.switch_to(used);
    b_.branch(Condition::kEq, there, key, ir::Edge{found, {b_.add(number_plus_one, -1)}},
              ir::Edge{probe, {b_.add(slot_number, 1)}});
  }
  finish_lookup(table, found, absent, before, result);
}

}  // namespace perilune::compiler
