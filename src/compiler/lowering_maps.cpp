// Maps: keys and values are put together in the slot's scratch area, byte for byte as src/script/map_codec.cpp does it,
// so that a map means the same to every engine.
//
//   value in a BPF map      time to live: u64 time of writing in front; then the bytes of the shape, up to a multiple of 8
//   key of an lpm map       u32 number of bits (8 for the family included), family (4 or 6), 16 bytes of address
//   array, single counter   u32 index
#include <cstring>

#include <fmt/format.h>

#include "compiler/lowering.h"
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

std::string integer_range(const ShapePart& part) {
  const bool is_signed = part.type == Scalar::kSigned;
  if (part.size == 8) return fmt::format("an integer ({}64)", is_signed ? 'i' : 'u');
  const int bits = part.size * 8;
  const int64_t span = int64_t{1} << bits;
  if (is_signed) return fmt::format("an integer from {} to {} (i{})", -span / 2, span / 2 - 1, bits);
  return fmt::format("an integer from 0 to {} (u{})", span - 1, bits);
}

const char* address_expected(Scalar type) {
  switch (type) {
    case Scalar::kIpv4:
      return "an IPv4 address (ipv4; declare 'ip' for IPv4 and IPv6)";
    case Scalar::kIpv6:
      return "an IPv6 address (ipv6; declare 'ip' for IPv4 and IPv6)";
    case Scalar::kMac:
      return "a MAC address: 6 bytes, or text such as '02:00:5e:00:53:01' (mac)";
    default:
      return "an IPv4 or IPv6 address (ip)";
  }
}

}  // namespace

uint32_t Lowering::map_number(script::Map& map) {
  for (uint32_t n = 0; n < maps_.size(); ++n) {
    if (maps_[n] == &map) return n;
  }
  const script::MapDeclaration& declaration = map.declaration();
  ir::MapSpec spec;
  spec.name = declaration.name;
  const int32_t header = declaration.ttl_ns != 0 ? 8 : 0;
  spec.value_size = static_cast<uint32_t>(header + padded(declaration.value.size()));
  spec.entries = declaration.size;
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
  for (const script::Map::Entry& entry : map.entries(0)) {
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
    std::memcpy(initial.value.data() + header, entry.value.data(), entry.value.size());
    spec.initial.push_back(std::move(initial));
  }
  if (maps_.size() >= 56) refuse("too-many-maps", "more than 56 maps are used at packet time", "use fewer maps");
  image_.maps.push_back(std::move(spec));
  maps_.push_back(&map);
  return static_cast<uint32_t>(maps_.size() - 1);
}

ir::Value Lowering::now() {
  const ir::Value given = b_.load(8, b_.slot(), offsetof(pl_header, time_override));
  if (!target_.kernel()) return given;
  const ir::BlockId join = b_.new_block(1);
  const ir::BlockId ask = b_.new_block();
  b_.branch(Condition::kNe, given, number(0), ir::Edge{join, {given}}, ir::Edge{ask, {}});
  b_.switch_to(ask);
  const ir::Value clock = b_.ktime();
  b_.jump(join, {b_.add(clock, b_.load(8, b_.slot(), offsetof(pl_header, time_offset)))});
  b_.switch_to(join);
  return b_.parameters(join)[0];
}

// --- encoding

std::string Lowering::describe_for_map(const AbstractValue& value) const {
  switch (value.kind) {
    case Kind::kInteger:
      return fmt::format("the integer {}", value.integer);
    case Kind::kDynamicInteger:
      return "the integer {0}";
    case Kind::kFloat:
      return fmt::format("the number {}", value.number);
    case Kind::kBoolean:
      return value.integer != 0 ? "true" : "false";
    case Kind::kDynamicBoolean:
      return "a boolean";
    case Kind::kNil:
    case Kind::kNone:
      return "nil";
    case Kind::kString:
      if (value.string().size() <= 48 &&
          std::ranges::all_of(value.string(), [](char c) { return c >= ' ' && c <= '~'; }))
        return fmt::format("the string '{}'", value.string());
      return fmt::format("a string of {} bytes", value.string().size());
    case Kind::kDynamicString:
      return "a string of {0} bytes";
    case Kind::kView:
    case Kind::kPacket:
      return "an object (use tostring on data)";
    default:
      return fmt::format("a {}", type_name(value));
  }
}

void Lowering::fail_map(script::Map& map, const MapRole& role, const AbstractValue& value, const std::string& expected) {
  const std::string part = role.part == 0 ? "" : fmt::format("part {} of ", role.part);
  const ir::Value shown = value.kind == Kind::kDynamicInteger  ? value.a
                          : value.kind == Kind::kDynamicString ? value.b
                                                               : ir::kNoValue;
  fail(fmt::format("map '{}': {}the {} is {}; got {}", map.declaration().name, part, role.is_key ? "key" : "value",
                   expected, describe_for_map(value)),
       shown);
}

// An address: what a constant says, or 4 or 16 bytes of the packet.
bool Lowering::encode_address(script::Map& map, const MapRole& role, Scalar type, const AbstractValue& value,
                              int32_t family_at, int32_t to, ir::Value* family) {
  const char* expected = address_expected(type);
  if (!value.is_string()) {
    fail_map(map, role, value, expected);
    return false;
  }
  const ir::Value slot = b_.slot();
  if (value.kind == Kind::kString) {
    const std::string& text = value.string();
    uint8_t bytes[16] = {};
    unsigned version = 0;
    const bool raw = text.size() == 4 || text.size() == 16;
    const bool parses4 = luadata::ipv4_from_text(text.c_str(), text.size(), bytes);
    const bool parses6 = !parses4 && luadata::ipv6_from_text(text.c_str(), text.size(), bytes);
    if (raw && text.size() == 16 && (parses4 || parses6)) {
      fail(fmt::format("map '{}': '{}' can be an address as text or as 16 bytes; make such keys while the script "
                       "loads, or write a zero more",
                       map.declaration().name, text));
      return false;
    }
    if (raw) {
      std::memset(bytes, 0, sizeof bytes);
      std::memcpy(bytes, text.data(), text.size());
      version = text.size() == 4 ? 4 : 6;
    } else {
      version = parses4 ? 4 : parses6 ? 6 : 0;
    }
    if (version == 0 || (type == Scalar::kIpv4 && version != 4) || (type == Scalar::kIpv6 && version != 6)) {
      fail_map(map, role, value, expected);
      return false;
    }
    if (family_at >= 0) b_.store(1, slot, family_at, number(version));
    const int32_t size = type == Scalar::kIpv4 ? 4 : 16;
    for (int32_t n = 0; n < size; n += 4) {
      uint32_t word = 0;
      std::memcpy(&word, bytes + n, 4);
      b_.store(4, b_.slot(), to + n, number(word));
    }
    if (family != nullptr) *family = number(version);
    return true;
  }
  const bool either = value.least == 4 && value.most == 16 && !value.in_frame;
  const bool four = value.least == 4 && value.most == 4;
  const bool sixteen = value.least == 16 && value.most == 16;
  if (!either && !four && !sixteen) {
    refuse("address-text", fmt::format("map '{}': an address as text that comes from the packet", map.declaration().name),
           "use pkt.src, pkt.dst, or a 'string' field of 4 or 16 bytes");
  }
  const ir::Value from = at(value.a);
  const auto copy4 = [&] {
    if (family_at >= 0) b_.store(1, b_.slot(), family_at, number(4));
    b_.store(4, b_.slot(), to, b_.load(4, at(value.a), 0));
    if (type != Scalar::kIpv4) {
      b_.store(4, b_.slot(), to + 4, number(0));
      b_.store(8, b_.slot(), to + 8, number(0));
    }
  };
  const auto copy16 = [&] {
    if (family_at >= 0) b_.store(1, b_.slot(), family_at, number(6));
    b_.store(8, b_.slot(), to, b_.load(8, at(value.a), 0));
    b_.store(8, b_.slot(), to + 8, b_.load(8, at(value.a), 8));
  };
  (void)from;
  if (type == Scalar::kIpv4 || type == Scalar::kIpv6) {
    const bool wants4 = type == Scalar::kIpv4;
    if (either) {
      const ir::BlockId good = b_.new_block();
      const ir::BlockId bad = b_.new_block();
      b_.branch(Condition::kEq, value.b, wants4 ? 4 : 16, good, bad);
      const State before = st_;
      b_.switch_to(bad);
      const bool was_ended = ended_;
      fail_map(map, role, value, expected);
      ended_ = was_ended;
      resume(good, before);
    } else if (wants4 != four) {
      fail_map(map, role, value, expected);
      return false;
    }
    wants4 ? copy4() : copy16();
    if (family != nullptr) *family = number(wants4 ? 4 : 6);
    return true;
  }
  if (four || sixteen) {
    four ? copy4() : copy16();
    if (family != nullptr) *family = number(four ? 4 : 6);
    return true;
  }
  const ir::BlockId short_one = b_.new_block();
  const ir::BlockId long_one = b_.new_block();
  const ir::BlockId join = b_.new_block(1);
  b_.branch(Condition::kEq, value.b, 4, short_one, long_one);
  b_.switch_to(short_one);
  copy4();
  b_.jump(join, {number(4)});
  b_.switch_to(long_one);
  copy16();
  b_.jump(join, {number(6)});
  b_.switch_to(join);
  if (family != nullptr) *family = b_.parameters(join)[0];
  return true;
}

bool Lowering::encode_scalar(script::Map& map, const ShapePart& part, const AbstractValue& value, int32_t to,
                             const MapRole& role) {
  const ir::Value slot = b_.slot();
  const auto out_of_range = [&](ir::BlockId block) {
    // The key cannot be there, or the value not be stored.
    const ir::BlockId here = b_.current();
    const State now = st_;
    b_.switch_to(block);
    if (role.absent != 0) {
      b_.jump(role.absent);
    } else {
      const bool was_ended = ended_;
      fail_map(map, role, value, part.type == Scalar::kString
                                     ? fmt::format("a string of at most {} bytes (string:{})", part.longest(), part.longest())
                                     : integer_range(part));
      ended_ = was_ended;
    }
    resume(here, now);
  };
  switch (part.type) {
    case Scalar::kUnsigned:
    case Scalar::kSigned: {
      AbstractValue whole = value;
      if (value.kind == Kind::kFloat && value.number == static_cast<double>(static_cast<int64_t>(value.number)))
        whole = AbstractValue::integer_constant(static_cast<int64_t>(value.number));
      if (!whole.is_integer()) {
        fail_map(map, role, value, integer_range(part));
        return false;
      }
      const ir::Value number_value = integer_of(whole);
      if (part.size < 8) {
        const int64_t span = int64_t{1} << (part.size * 8);
        const ir::Value shifted = part.type == Scalar::kSigned ? b_.add(number_value, span / 2) : number_value;
        const ir::BlockId good = b_.new_block();
        const ir::BlockId bad = b_.new_block();
        b_.branch(Condition::kUge, shifted, number(span), bad, good);
        b_.switch_to(good);
        out_of_range(bad);
      }
      b_.store(part.size, b_.slot(), to, number_value);
      return true;
    }
    case Scalar::kBoolean:
      if (!value.is_boolean()) {
        fail_map(map, role, value, "true or false (bool)");
        return false;
      }
      b_.store(1, slot, to, integer_of(value));
      return true;
    case Scalar::kIpv4:
    case Scalar::kIpv6:
      return encode_address(map, role, part.type, value, -1, to, nullptr);
    case Scalar::kIp:
      return encode_address(map, role, part.type, value, to, to + 1, nullptr);
    case Scalar::kMac: {
      uint8_t bytes[6];
      if (value.kind == Kind::kString &&
          (value.string().size() == 6 || luadata::mac_from_text(value.string().c_str(), value.string().size(), bytes))) {
        if (value.string().size() == 6) std::memcpy(bytes, value.string().data(), 6);
        for (int32_t n = 0; n < 6; ++n)
          b_.store(1, slot, to + n, number(bytes[n]));
        return true;
      }
      if (value.kind == Kind::kDynamicString && value.least == 6 && value.most == 6) {
        b_.store(4, slot, to, b_.load(4, at(value.a), 0));
        b_.store(2, slot, to + 4, b_.load(2, at(value.a), 4));
        return true;
      }
      if (value.kind == Kind::kDynamicString) {
        refuse("address-text", fmt::format("map '{}': a MAC address as text that comes from the packet", map.declaration().name),
               "use a 'string' field of 6 bytes");
      }
      fail_map(map, role, value, address_expected(part.type));
      return false;
    }
    case Scalar::kString: {
      if (!value.is_string()) {
        fail_map(map, role, value, fmt::format("a string of at most {} bytes (string:{})", part.longest(), part.longest()));
        return false;
      }
      const StringParts parts = string_of(value);
      if (parts.most > part.longest()) {
        const ir::BlockId good = b_.new_block();
        const ir::BlockId bad = b_.new_block();
        b_.branch(Condition::kUgt, parts.length, number(part.longest()), bad, good);
        b_.switch_to(good);
        out_of_range(bad);
      }
      b_.store(2, b_.slot(), to, parts.length);
      int32_t cleared = 0;
      for (; cleared + 8 <= part.longest(); cleared += 8)
        b_.store(8, b_.slot(), to + 2 + cleared, number(0));
      for (; cleared < part.longest(); ++cleared)
        b_.store(1, b_.slot(), to + 2 + cleared, number(0));
      copy_masked(number(to + 2), parts.offset, parts.length);
      return true;
    }
  }
  return false;
}

// Copies words; the last one has zeros behind the string.
void Lowering::copy_masked(ir::Value to, ir::Value from, ir::Value length) {
  const ir::BlockId head = b_.new_block(1);
  b_.jump(head, {number(0)});
  b_.switch_to(head);
  make_loop(head);
  const ir::Value done = b_.parameters(head)[0];
  const ir::BlockId more = b_.new_block();
  const ir::BlockId part = b_.new_block();
  const ir::BlockId whole = b_.new_block();
  const ir::BlockId end = b_.new_block();
  b_.branch(Condition::kUlt, done, length, more, end);
  b_.switch_to(more);
  const ir::Value word = b_.load(8, at(b_.add(from, done)), 0);
  const ir::Value left = b_.sub(length, done);
  b_.branch(Condition::kUlt, left, number(8), ir::Edge{part, {}}, ir::Edge{whole, {}});
  b_.switch_to(part);
  const ir::Value mask = b_.add(b_.binary(Op::kShl, number(1), b_.binary(Op::kShl, left, 3)), -1);
  b_.store(8, at(b_.add(to, done)), 0, b_.binary(Op::kAnd, word, mask));
  b_.jump(end);
  b_.switch_to(whole);
  b_.store(8, at(b_.add(to, done)), 0, word);
  b_.jump(head, {b_.add(done, 8)});
  b_.switch_to(end);
}

bool Lowering::encode_parts(script::Map& map, const script::Shape& shape, const AbstractValue& value, int32_t to,
                            MapRole role) {
  if (!shape.composite) return encode_scalar(map, shape.parts[0], value, to, role);
  const size_t count = shape.parts.size();
  std::vector<AbstractValue> values(count);
  bool fits = false;
  if (value.kind == Kind::kTable) {
    size_t numbered = 0;
    for (const VirtualTable::Entry& entry : st_.tables[value.index].entries) {
      if (entry.key.kind != Kind::kInteger || entry.key.integer < 1 || entry.value.is_nil()) continue;
      ++numbered;
      if (entry.key.integer <= static_cast<int64_t>(count)) values[static_cast<size_t>(entry.key.integer - 1)] = entry.value;
    }
    fits = numbered == count;
    // A nil among the values makes the length unsure; then the part is named.
    for (AbstractValue& one : values) {
      if (one.kind == Kind::kNone) one = AbstractValue::nil();
    }
    if (numbered < count && !st_.tables[value.index].entries.empty() &&
        st_.tables[value.index].entries.size() == count)
      fits = !values.back().is_nil();
  } else if (value.kind == Kind::kObject && world_->type_of(value.object) == World::ObjectType::kTable) {
    fits = world_->raw_length(value.object) == count;
    for (size_t n = 0; fits && n < count; ++n)
      values[n] = world_->raw_get(value.object, AbstractValue::integer_constant(static_cast<int64_t>(n) + 1));
  }
  if (!fits) {
    fail_map(map, role, value, fmt::format("an array of {} values, such as {{{{pkt.src, pkt.dport}}}}", count));
    return false;
  }
  for (size_t n = 0; n < count; ++n) {
    role.part = static_cast<int>(n) + 1;
    if (!encode_scalar(map, shape.parts[n], values[n], to, role)) return false;
    to += shape.parts[n].size;
  }
  return true;
}

// The key to kKeyScratch. `absent`: where a key goes that cannot be there (reading); 0: it is an error (writing).
bool Lowering::encode_key(script::Map& map, const AbstractValue& key, ir::BlockId absent) {
  MapRole role{true, 0, absent};
  const script::MapDeclaration& declaration = map.declaration();
  switch (declaration.kind) {
    case MapKind::kArray: {
      AbstractValue whole = key;
      if (key.kind == Kind::kFloat && key.number == static_cast<double>(static_cast<int64_t>(key.number)))
        whole = AbstractValue::integer_constant(static_cast<int64_t>(key.number));
      const std::string expected = fmt::format("an index from 0 to {}", declaration.size - 1);
      if (!whole.is_integer()) {
        fail_map(map, role, key, expected);
        return false;
      }
      const ir::Value index = integer_of(whole);
      const ir::BlockId good = b_.new_block();
      const ir::BlockId bad = b_.new_block();
      b_.branch(Condition::kUge, index, number(declaration.size), bad, good);
      const State before = st_;
      b_.switch_to(bad);
      if (absent != 0) {
        b_.jump(absent);
      } else {
        const bool was_ended = ended_;
        fail_map(map, role, key, expected);
        ended_ = was_ended;
      }
      resume(good, before);
      b_.store(4, b_.slot(), kKeyScratch, index);
      return true;
    }
    case MapKind::kLpm: {
      const Scalar declared = declaration.key.parts[0].type;
      AbstractValue address = key;
      int64_t bits = -1;
      if (key.kind == Kind::kTable || key.kind == Kind::kObject)
        refuse("lpm-network", fmt::format("map '{}': a network {{address, bits}} made at packet time", declaration.name),
               "use an address; put networks in while the script loads");
      if (key.kind == Kind::kString) {
        const size_t slash = key.string().find('/');
        if (slash != std::string::npos) {
          address = AbstractValue::string_constant(key.string().substr(0, slash));
          bits = std::atoi(key.string().c_str() + slash + 1);
        }
      }
      ir::Value family = 0;
      if (!encode_address(map, role, declared == Scalar::kIp ? Scalar::kIp : declared == Scalar::kIpv4 ? Scalar::kIp : Scalar::kIp,
                          address, kKeyScratch + 4, kKeyScratch + 5, &family))
        return false;
      if (declared != Scalar::kIp) {
        const int64_t wanted = declared == Scalar::kIpv4 ? 4 : 6;
        const ir::BlockId good = b_.new_block();
        const ir::BlockId bad = b_.new_block();
        b_.branch(Condition::kEq, family, wanted, good, bad);
        const State before = st_;
        b_.switch_to(bad);
        const bool was_ended = ended_;
        fail_map(map, role, key, wanted == 4 ? "an IPv4 network (ipv4; declare 'ip' for IPv4 and IPv6)"
                                             : "an IPv6 network (ipv6; declare 'ip' for IPv4 and IPv6)");
        ended_ = was_ended;
        resume(good, before);
      }
      const ir::Value length = bits >= 0 ? number(8 + bits)
                                         : select(Condition::kEq, family, number(4), number(8 + 32), number(8 + 128));
      b_.store(4, b_.slot(), kKeyScratch, length);
      return true;
    }
    default:
      if (is_single(map)) {
        b_.store(4, b_.slot(), kKeyScratch, number(0));
        return true;
      }
      return encode_parts(map, declaration.key, key, kKeyScratch, role);
  }
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

// Looks up; `found` and `absent` are where it goes on. With a time to live, what has expired is absent.
void Lowering::map_find(script::Map& map, ir::BlockId found, ir::BlockId absent, ir::BlockId expired) {
  const uint32_t index = map_number(map);
  const int64_t size = image_.maps[index].value_size;
  const ir::Value there = b_.map_lookup(index, kKeyScratch, kValueScratch, size);
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
  if (key.kind == Kind::kString && call == nullptr &&
      (key.string() == "get" || key.string() == "set" || key.string() == "add")) {
    if (!map.declaration().key.is_string())
      refuse("method-value", fmt::format("the method '{}' is taken as a value", key.string()), "call it: m:get(key)");
    return fail(fmt::format("map '{}' has string keys, so it has no methods: write map.{}(m, ...), and map.get(m, '{}') "
                            "for that key",
                            map.declaration().name, key.string(), key.string()));
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
    (void)map_number(map);
    if (!encode_key(map, key, absent)) {
      b_.switch_to(absent);
      b_.ret(global(PL_ERROR));
      b_.switch_to(found);
      b_.ret(global(PL_ERROR));
      return;
    }
    map_find(map, found, absent, absent);
    b_.switch_to(found);
    st_ = before;
    give(decode_value(map, value_at(map)));
  }
  resume(absent, before);
  give(none);
}

void Lowering::set_in_map(ObjectId object, const AbstractValue& key, const AbstractValue& value) {
  script::Map& map = *world_->map_of(object);
  const script::MapDeclaration& declaration = map.declaration();
  const uint32_t index = map_number(map);
  if (key.kind == Kind::kString && declaration.key.is_string() &&
      (key.string() == "get" || key.string() == "set" || key.string() == "add")) {
    return fail(fmt::format("map '{}' has string keys, so it has no methods: write map.{}(m, ...), and map.get(m, '{}') "
                            "for that key",
                            declaration.name, key.string(), key.string()));
  }
  store_in_map(map, index, key, value);
}

void Lowering::store_in_map(script::Map& map, uint32_t index, const AbstractValue& key, const AbstractValue& value) {
  const script::MapDeclaration& declaration = map.declaration();
  if (is_single(map))
    return fail(fmt::format("counter '{}' has no key: use its methods get() and add(n)", declaration.name));
  if (key.is_nil()) return fail(fmt::format("map '{}': the key is nil", declaration.name));
  if (!encode_key(map, key, 0)) return;
  if (value.is_nil()) {
    if (declaration.kind == MapKind::kArray)
      return fail(fmt::format("map '{}' is an array: its entries cannot be deleted", declaration.name));
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
  const ir::Value outcome_of_update = b_.map_update(index, kKeyScratch, kValueScratch, kAny);
  check_full(map, outcome_of_update);
}

// The bytes behind a value whose size is no multiple of 8.
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
  if (!single && (key.is_nil() || call.missing(1))) return fail(fmt::format("map '{}': the key is nil", declaration.name));
  const uint32_t index = map_number(map);
  if (!encode_key(map, key, 0)) return;
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
  const auto add_to_present = [&](ir::BlockId gone) {
    if (part.size >= 4) {
      const ir::Value there = b_.map_add(index, kKeyScratch, by, part.size, offset);
      const ir::BlockId good = b_.new_block();
      b_.branch(Condition::kNe, there, 0, good, gone);
      b_.switch_to(good);
      return b_.add(b_.load(8, b_.slot(), kOldNumber), by);
    }
    // No atomic addition is that narrow: the value is written anew.
    const ir::Value there = b_.map_lookup(index, kKeyScratch, kValueScratch, image_.maps[index].value_size);
    const ir::BlockId good = b_.new_block();
    b_.branch(Condition::kNe, there, 0, good, gone);
    b_.switch_to(good);
    const ir::Value sum = b_.add(b_.load(part.size, b_.slot(), place), by);
    b_.store(part.size, b_.slot(), place, sum);
    (void)b_.map_update(index, kKeyScratch, kValueScratch, kAny);
    return sum;
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
  b_.branch(Condition::kEq, result, number(-17), ir::Edge{again, {}}, ir::Edge{other, {}});  // EEXIST: another was quicker
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
  if (method == "get") return get_from_map(object.object, call.missing(1) ? AbstractValue::nil() : call.argument(1), &call, 0);
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
