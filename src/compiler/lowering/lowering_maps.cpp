// Maps: keys and values are put together in the slot's scratch area, byte for byte as src/script/maps/map_codec.cpp
// does it, so that a map means the same to every engine.
//
//   value in a BPF map      time to live: u64 time of writing in front; then the bytes of the shape, up to a multiple
//   of 8 key of an lpm map       u32 number of bits (8 for the family included), family (4 or 6), 16 bytes of address
//   array, single counter   u32 index
#include <cstring>

#include <fmt/format.h>

#include "base/bytes.h"
#include "compiler/lowering/lowering.h"
#include "luadata/address_text.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;
using script::MapKind;
using script::Scalar;
using script::ShapePart;

constexpr int64_t kAny = 0;
constexpr int64_t kNoExist = 1;
constexpr int32_t kOldNumber = static_cast<int32_t>(PL_SCRATCH) - 8;  // where kMapAdd leaves the number before

int32_t padded(size_t size) {
  return static_cast<int32_t>((size + 7) / 8 * 8);
}

bool is_counter(const script::Map& map) {
  return map.declaration().kind == MapKind::kCounter;
}

bool is_single(const script::Map& map) {
  return is_counter(map) && map.declaration().key.parts.empty();
}

}  // namespace

uint32_t Lowering::map_number(script::Map& map) {
  for (uint32_t n = 0; n < maps_.size(); ++n) {
    if (maps_[n] == &map) return n;
  }
  const script::MapDeclaration& declaration = map.declaration();
  ir::MapSpec spec;
  spec.name = declaration.name;
  spec.declared = declaration.text();
  const int32_t header = declaration.ttl_ns != 0 ? 8 : 0;
  spec.value_size = static_cast<uint32_t>(header + padded(declaration.value.size()));
  spec.entries = declaration.size;
  spec.timed = header != 0;
  spec.key_size = static_cast<uint32_t>(declaration.key_size());
  switch (declaration.kind) {
    case MapKind::kLru:
      spec.type = ir::MapType::kLru;
      break;
    case MapKind::kLpm:
      if (declaration.ttl_ns != 0) {
        refuse("lpm-ttl", fmt::format("map '{}' is an lpm map with a time to live", declaration.name),
               "leave ttl out, or keep addresses in a map.lru");
      }
      spec.type = ir::MapType::kLpm;
      spec.key_size = 4 + 17;
      break;
    case MapKind::kArray:
      spec.type = ir::MapType::kArray;
      spec.key_size = 4;
      break;
    case MapKind::kHash:
    case MapKind::kCounter:
      spec.type = ir::MapType::kHash;
      if (is_single(map)) {
        spec.type = ir::MapType::kArray;
        spec.key_size = 4;
        spec.entries = 1;
      }
      break;
  }
  // What the main chunk wrote.
  for (const script::Map::Entry& entry : map.entries(script::Map::kNoTime)) {
    ir::MapSpec::Entry initial;
    if (declaration.kind == MapKind::kLpm) {
      // family, length, address: see map_kinds.h
      const uint32_t bits = 8 + entry.key[1];
      initial.key.resize(4 + 17);
      std::memcpy(initial.key.data(), &bits, 4);
      initial.key[4] = entry.key[0];
      std::memcpy(initial.key.data() + 5, entry.key.data() + 2, 16);
    } else if (is_single(map)) {
      initial.key.assign(4, 0);
    } else {
      initial.key = entry.key;
    }
    initial.value.assign(spec.value_size, 0);
    if (spec.timed) write_host<uint64_t>(initial.value.data(), ir::MapSpec::kNotYet);
    std::memcpy(initial.value.data() + header, entry.value.data(), entry.value.size());
    spec.initial.push_back(std::move(initial));
  }
  if (maps_.size() >= 56) refuse("too-many-maps", "more than 56 maps are used at packet time", "use fewer maps");
  image_.maps.push_back(std::move(spec));
  maps_.push_back(&map);
  return static_cast<uint32_t>(maps_.size() - 1);
}

ir::Value Lowering::now() {
  const ir::Value given = b_.load(8, b_.slot(), PL_CALL + offsetof(pl_call, time_override));
  if (!target_.kernel) return given;
  const ir::BlockId join = b_.new_block(1);
  const ir::BlockId ask = b_.new_block();
  b_.branch(Condition::kNe, given, number(0), ir::Edge{join, {given}}, ir::Edge{ask, {}});
  b_.switch_to(ask);
  const ir::Value clock = b_.ktime();
  b_.jump(join, {b_.add(clock, b_.load(8, b_.slot(), PL_CALL + offsetof(pl_call, time_offset)))});
  b_.switch_to(join);
  return b_.parameters(join)[0];
}

// --- decoding

AbstractValue Lowering::decode_scalar(const ShapePart& part, int32_t from) {
  const ir::Value slot = b_.slot();
  switch (part.type) {
    case Scalar::kUnsigned:
      return AbstractValue::dynamic_integer(b_.load(part.size, slot, from));
    case Scalar::kSigned: {
      ir::Value value = b_.load(part.size, slot, from);
      const int64_t unused = 64 - 8 * part.size;
      if (unused != 0) value = b_.binary(Op::kAshr, b_.binary(Op::kShl, value, unused), unused);
      return AbstractValue::dynamic_integer(value);
    }
    case Scalar::kBoolean:
      return AbstractValue::dynamic_boolean(b_.load(1, slot, from));
    default:
      break;
  }
  // Strings outlive the scratch area.
  const auto copy = [&](int32_t start, int64_t size) {
    const ir::Value place = allocate_string(number(size));
    for (int64_t n = 0; n < size; n += 8)
      b_.store(8, at(place), static_cast<int32_t>(n), b_.load(8, b_.slot(), start + static_cast<int32_t>(n)));
    return place;
  };
  if (part.type == Scalar::kString) {
    const ir::Value length = b_.load(2, slot, from);
    return AbstractValue::dynamic_string(copy(from + 2, part.longest()), length, part.longest());
  }
  if (part.type == Scalar::kIp) {
    const ir::Value length = select(Condition::kEq, b_.load(1, slot, from), number(4), number(4), number(16));
    AbstractValue address = AbstractValue::dynamic_string(copy(from + 1, 16), length, 16);
    address.least = 4;
    address.address = true;
    return address;
  }
  AbstractValue bytes = AbstractValue::dynamic_string(copy(from, part.size), number(part.size), part.size);
  bytes.least = part.size;
  return bytes;
}

AbstractValue Lowering::decode_value(script::Map& map, int32_t from) {
  const script::Shape& shape = map.declaration().value;
  if (!shape.composite) return decode_scalar(shape.parts[0], from);
  AbstractValue table = AbstractValue::of(Kind::kTable);
  table.index = static_cast<uint32_t>(st_.tables.size());
  st_.tables.emplace_back();
  int64_t n = 0;
  for (const ShapePart& part : shape.parts) {
    AbstractValue value = decode_scalar(part, from);
    st_.tables[table.index].entries.push_back({AbstractValue::integer_constant(++n), std::move(value)});
    from += part.size;
  }
  return table;
}

// --- operations

// A name for the key, the same only for keys that are certainly equal; empty: none.
std::string Lowering::identity_of(const AbstractValue& key) const {
  switch (key.kind) {
    case Kind::kInteger:
      return fmt::format("{}", key.integer);
    case Kind::kString:
      return '"' + key.string();
    case Kind::kDynamicInteger:
      return fmt::format("v{}", key.a);
    case Kind::kDynamicString:
      if (key.origin != 0) return std::string(1, key.origin);
      return key.in_frame ? "" : fmt::format("v{}.{}", key.a, key.b);
    default:
      return "";
  }
}

// Where a look-up can leave its element for a store under the same key; 0: nowhere. Such a store is a single one, as
// seen from other processors, so it is for numbers alone, and for maps where the element found is the key's own.
uint8_t Lowering::place_for_element(const script::Map& map, uint32_t index, const std::string& key) {
  const script::MapDeclaration& declaration = map.declaration();
  const script::Shape& value = declaration.value;
  const bool number =
      !value.composite && (value.parts[0].type == Scalar::kUnsigned || value.parts[0].type == Scalar::kSigned ||
                           value.parts[0].type == Scalar::kBoolean);
  if (key.empty() || !number || declaration.ttl_ns != 0 || declaration.kind == MapKind::kLpm || is_counter(map))
    return 0;
  const auto known =
      std::ranges::find_if(kept_, [&](const KeptElement& one) { return one.map == index && one.key == key; });
  if (known != kept_.end()) return known->place;
  if (kept_.size() == ir::kKeptPlaces) return 0;
  kept_.push_back({index, key, static_cast<uint8_t>(kept_.size() + 1)});
  return kept_.back().place;
}

void Lowering::forget_elements(uint32_t map) {
  std::erase_if(st_.elements, [&](const KeptElement& one) { return one.map == map; });
}

// Looks up; `found` and `absent` are where it goes on. With a time to live, what has expired is absent.
void Lowering::map_find(script::Map& map, ir::BlockId found, ir::BlockId absent, ir::BlockId expired, uint8_t kept) {
  const uint32_t index = map_number(map);
  const int64_t size = image_.maps[index].value_size;
  const ir::Value there = b_.map_lookup(index, kKeyScratch, kValueScratch, size, kept);
  if (map.declaration().ttl_ns == 0) return b_.branch(Condition::kNe, there, 0, found, absent);
  const ir::BlockId look = b_.new_block();
  b_.branch(Condition::kNe, there, 0, look, absent);
  b_.switch_to(look);
  const ir::Value time = now();
  const ir::Value written = b_.load(8, b_.slot(), kValueScratch);
  const ir::Value age = b_.sub(time, written);
  const ir::BlockId old = b_.new_block();
  b_.branch(Condition::kUgt, time, written, ir::Edge{old, {}}, ir::Edge{found, {}});
  b_.switch_to(old);
  b_.branch(Condition::kUge, age, number(static_cast<int64_t>(map.declaration().ttl_ns)), ir::Edge{expired, {}},
            ir::Edge{found, {}});
}

int32_t Lowering::value_at(const script::Map& map) const {
  return kValueScratch + (map.declaration().ttl_ns != 0 ? 8 : 0);
}

void Lowering::get_from_map(ObjectId object, const AbstractValue& key, const Call* call, uint32_t result) {
  script::Map& map = *world_->map_of(object);
  const auto give = [&](AbstractValue value) {
    if (call != nullptr) return finish(*call, {std::move(value)});
    set(result, std::move(value));
    outcome();
  };
  if (key.kind == Kind::kString && call == nullptr && !map.declaration().key.is_string() &&
      (key.string() == "get" || key.string() == "set" || key.string() == "add")) {
    refuse("method-value", fmt::format("the method '{}' is taken as a value", key.string()), "call it: m:get(key)");
  }
  if (is_single(map) && call == nullptr)
    return fail(fmt::format("counter '{}' has no key: use its methods get() and add(n)", map.declaration().name));
  const State before = st_;
  const ir::BlockId absent = b_.new_block();
  const ir::BlockId found = b_.new_block();
  const AbstractValue none = is_counter(map) ? AbstractValue::integer_constant(0) : AbstractValue::nil();
  if (key.is_nil() && !is_single(map)) {
    b_.jump(absent);
    b_.switch_to(found);
    b_.jump(absent);
  } else {
    const uint32_t index = map_number(map);
    const std::string identity = identity_of(key);
    const uint8_t place = place_for_element(map, index, identity);
    if (!encode_key(map, key, absent)) {
      b_.switch_to(absent);
      b_.ret(global(PL_ERROR));
      b_.switch_to(found);
      b_.ret(global(PL_ERROR));
      return;
    }
    const ir::BlockId missing = b_.new_block();
    map_find(map, found, missing, missing, place);
    const auto keep = [&] {
      std::erase_if(st_.elements, [&](const KeptElement& one) { return one.place == place; });
      if (place != 0) st_.elements.push_back({index, identity, place});
    };
    resume(found, before);
    keep();
    give(decode_value(map, value_at(map)));
    if (!is_reached(absent)) {  // every key is possible
      b_.switch_to(absent);
      b_.ret(global(PL_ERROR));
      resume(missing, before);
      keep();
      return give(none);
    }
    b_.switch_to(missing);
    b_.jump(absent);
  }
  resume(absent, before);
  give(none);
}

void Lowering::set_in_map(ObjectId object, const AbstractValue& key, const AbstractValue& value) {
  script::Map& map = *world_->map_of(object);
  store_in_map(map, map_number(map), key, value);
}

void Lowering::store_in_map(script::Map& map, uint32_t index, const AbstractValue& key, const AbstractValue& value) {
  const script::MapDeclaration& declaration = map.declaration();
  if (is_single(map))
    return fail(fmt::format("counter '{}' has no key: use its methods get() and add(n)", declaration.name));
  if (key.is_nil()) return fail(fmt::format("map '{}': the key is nil", declaration.name));
  if (!value.is_nil() && store_in_element(map, index, key, value)) return;
  if (!encode_key(map, key, 0)) return;
  if (value.is_nil()) {
    if (declaration.kind == MapKind::kArray)
      return fail(fmt::format("map '{}' is an array: its entries cannot be deleted", declaration.name));
    forget_elements(index);
    (void)b_.map_delete(index, kKeyScratch);
    return;
  }
  if (is_counter(map)) {
    return fail(fmt::format("counter '{}' only counts: use add(key, n), or = nil to forget a key", declaration.name));
  }
  const int32_t place = value_at(map);
  if (declaration.ttl_ns != 0) {
    // When it was written: now, or with renew = false when it was first.
    const ir::Value time = now();
    ir::Value written = time;
    if (!declaration.renew) {
      const ir::BlockId found = b_.new_block();
      const ir::BlockId absent = b_.new_block();
      const ir::BlockId join = b_.new_block(1);
      map_find(map, found, absent, absent);
      b_.switch_to(found);
      b_.jump(join, {b_.load(8, b_.slot(), kValueScratch)});
      b_.switch_to(absent);
      b_.jump(join, {time});
      b_.switch_to(join);
      written = b_.parameters(join)[0];
    }
    b_.store(8, b_.slot(), kValueScratch, written);
  }
  clear_padding(place, declaration.value.size());
  if (!encode_parts(map, declaration.value, value, place, MapRole{false, 0, 0})) return;
  forget_elements(index);  // another may have to make room
  const ir::Value outcome_of_update = b_.map_update(index, kKeyScratch, kValueScratch, kAny);
  check_full(map, outcome_of_update);
}

bool Lowering::is_reached(ir::BlockId block) const {
  return std::ranges::any_of(function_.blocks, [&](const ir::Block& from) {
    const ir::Terminator& end = from.terminator;
    return (end.kind == ir::Terminator::Kind::kJump && end.then.target == block) ||
           (end.kind == ir::Terminator::Kind::kBranch && (end.then.target == block || end.otherwise.target == block));
  });
}

bool Lowering::store_in_element(script::Map& map, uint32_t index, const AbstractValue& key,
                                const AbstractValue& value) {
  const std::string identity = identity_of(key);
  const auto known = std::ranges::find_if(
      st_.elements, [&](const KeptElement& one) { return one.map == index && one.key == identity; });
  if (identity.empty() || known == st_.elements.end()) return false;
  const KeptElement element = *known;
  const script::Shape& shape = map.declaration().value;
  const int32_t place = value_at(map);
  clear_padding(place, shape.size());
  if (!encode_parts(map, shape, value, place, MapRole{false, 0, 0})) return true;
  const ir::BlockId done = b_.new_block();
  const ir::BlockId absent = b_.new_block();
  b_.branch(Condition::kNe, b_.map_store(index, kValueScratch, shape.parts[0].size, element.place), 0, done, absent);
  forget_elements(index);  // another may have to make room
  resume(absent, State(st_));
  if (!encode_key(map, key, 0)) return true;
  check_full(map, b_.map_update(index, kKeyScratch, kValueScratch, kAny));
  b_.jump(done);
  st_.elements.push_back(element);
  b_.switch_to(done);
  return true;
}

// The bytes after a value whose size is no multiple of 8.
void Lowering::clear_padding(int32_t place, size_t size) {
  if (size % 8 != 0) b_.store(8, b_.slot(), place + padded(size) - 8, number(0));
}

void Lowering::check_full(script::Map& map, ir::Value result) {
  if (map.declaration().kind == MapKind::kArray) return;
  const State before = st_;
  const ir::BlockId good = b_.new_block();
  const ir::BlockId bad = b_.new_block();
  function_.blocks[bad].unlikely = true;
  b_.branch(Condition::kEq, result, 0, good, bad);
  b_.switch_to(bad);
  const bool was_ended = ended_;
  fail(fmt::format("map '{}' is full ({} entries)", map.declaration().name, map.declaration().size));
  ended_ = was_ended;
  resume(good, before);
}

// The integer in 8 bytes at `old` plus `amount`, as the part holds it.
ir::Value Lowering::wrapped(const ShapePart& part, ir::Value sum) {
  const int64_t unused = 64 - 8 * part.size;
  if (unused == 0) return sum;
  const ir::Value up = b_.binary(Op::kShl, sum, unused);
  return b_.binary(part.type == Scalar::kSigned ? Op::kAshr : Op::kLshr, up, unused);
}

void Lowering::map_add(Call& call, ObjectId object) {
  script::Map& map = *world_->map_of(object);
  const script::MapDeclaration& declaration = map.declaration();
  const bool single = is_single(map);
  const size_t amount_index = single ? 1 : 2;
  AbstractValue amount = AbstractValue::integer_constant(1);
  if (!call.none_or_nil(amount_index)) {
    amount = call.argument(amount_index);
    if (amount.kind == Kind::kFloat && amount.number == static_cast<double>(static_cast<int64_t>(amount.number)))
      amount = AbstractValue::integer_constant(static_cast<int64_t>(amount.number));
    if (!amount.is_integer()) {
      return fail(fmt::format("map '{}': what is added is an integer; got a {}", declaration.name, type_name(amount)));
    }
  }
  if (!declaration.value.is_integer()) {
    return fail(fmt::format("map '{}' has values of shape {}: only integers can be added to", declaration.name,
                            declaration.value.text()));
  }
  const AbstractValue key = call.argument(1);
  if (!single && (key.is_nil() || call.missing(1)))
    return fail(fmt::format("map '{}': the key is nil", declaration.name));
  const uint32_t index = map_number(map);
  if (!encode_key(map, key, 0)) return;
  forget_elements(index);
  const ShapePart& part = declaration.value.parts[0];
  const int32_t place = value_at(map);
  const int32_t offset = place - kValueScratch;
  const ir::Value by = integer_of(amount);
  const State before = st_;
  const auto give = [&](ir::Value sum) {
    finish(call, is_counter(map) ? Values{} : Values{AbstractValue::dynamic_integer(wrapped(part, sum))});
  };
  const ir::BlockId absent = b_.new_block();
  const ir::BlockId present = b_.new_block();
  ir::BlockId expired = absent;
  if (declaration.ttl_ns != 0) expired = b_.new_block();
  const auto insert = [&](int64_t flags) {
    if (declaration.ttl_ns != 0) b_.store(8, b_.slot(), kValueScratch, now());
    clear_padding(place, part.size);
    b_.store(part.size, b_.slot(), place, by);
    return b_.map_update(index, kKeyScratch, kValueScratch, flags);
  };
  // No atomic addition is narrower than four bytes: what runs over goes into the padding, which is not read.
  const int64_t width = std::max<int64_t>(part.size, 4);
  const auto add_to_present = [&](ir::BlockId gone) {
    const ir::Value there = b_.map_add(index, kKeyScratch, by, width, offset);
    const ir::BlockId good = b_.new_block();
    b_.branch(Condition::kNe, there, 0, good, gone);
    b_.switch_to(good);
    return b_.add(b_.load(8, b_.slot(), kOldNumber), by);
  };
  const auto renew = [&] {
    if (declaration.ttl_ns == 0 || !declaration.renew) return;
    // The time of writing moves on by an addition, so that no count between is lost.
    const ir::Value passed = b_.sub(now(), b_.load(8, b_.slot(), kValueScratch));
    (void)b_.map_add(index, kKeyScratch, passed, 8, 0);
  };
  if (declaration.ttl_ns != 0) {
    map_find(map, present, absent, expired);
    b_.switch_to(present);
    const ir::BlockId lost = b_.new_block();
    const ir::Value sum = add_to_present(lost);
    renew();
    give(sum);
    resume(lost, before);
    b_.jump(absent);
    resume(expired, before);
    check_full(map, insert(kAny));
    give(by);
  } else {
    const ir::Value sum = add_to_present(absent);
    give(sum);
    b_.switch_to(present);
    b_.jump(absent);
  }
  resume(absent, before);
  if (declaration.kind == MapKind::kLpm) return finish(call, {AbstractValue::nil()});
  if (declaration.kind == MapKind::kArray || single) return finish(call, {});  // every index is there
  const ir::Value result = insert(kNoExist);
  const ir::BlockId again = b_.new_block();
  const ir::BlockId done = b_.new_block();
  const ir::BlockId other = b_.new_block();
  b_.branch(Condition::kEq, result, number(-17), ir::Edge{again, {}},
            ir::Edge{other, {}});  // EEXIST: another was quicker
  resume(other, before);
  check_full(map, result);
  b_.jump(done);
  resume(again, before);
  {
    const ir::BlockId gone = b_.new_block();
    const ir::Value sum = add_to_present(gone);
    give(sum);
    resume(gone, before);
    b_.jump(done);
  }
  resume(done, before);
  give(by);
}

void Lowering::call_map(Call& call, const std::string& method) {
  const AbstractValue object = call.argument(0);
  if (object.kind != Kind::kObject || world_->type_of(object.object) != World::ObjectType::kMap) {
    return fail(fmt::format("argument 1 is a map; got a {}", call.missing(0) ? "no value" : type_name(object)));
  }
  if (method == "get")
    return get_from_map(object.object, call.missing(1) ? AbstractValue::nil() : call.argument(1), &call, 0);
  if (method == "add") return map_add(call, object.object);
  if (method == "set") {
    script::Map& map = *world_->map_of(object.object);
    store_in_map(map, map_number(map), call.missing(1) ? AbstractValue::nil() : call.argument(1),
                 call.missing(2) ? AbstractValue::nil() : call.argument(2));
    if (!ended_) finish(call, {});
    return;
  }
  refuse("map-declared", "a map is declared at packet time", "declare it in the main chunk");
}

}  // namespace perilune::compiler
