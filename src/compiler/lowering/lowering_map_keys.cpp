// The keys and values of maps, put together in the slot's scratch area byte for byte as src/script/maps/map_codec.cpp
// does it.
#include <cstring>

#include <fmt/format.h>

#include "compiler/lowering/lowering.h"
#include "luadata/address_text.h"
#include "script/maps/map_codec.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;
using script::MapKind;
using script::Scalar;
using script::ShapePart;

bool is_single(const script::Map& map) {
  return map.declaration().kind == MapKind::kCounter && map.declaration().key.parts.empty();
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

void Lowering::fail_map(script::Map& map, const MapRole& role, const AbstractValue& value,
                        const std::string& expected) {
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
  const bool is_network = role.is_key && map.declaration().kind == script::MapKind::kLpm;
  const char* expected = is_network ? script::kNetworkExpected : address_expected(type);
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
      fail(
          fmt::format("map '{}': '{}' can be an address as text or as 16 bytes; make such keys while the script "
                      "loads, or write a zero more",
                      map.declaration().name, text));
      return false;
    }
    if (raw) {
      std::memset(bytes, 0, sizeof bytes);
      std::copy_n(text.data(), text.size(), bytes);
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
  const bool four = value.most == 4;
  const bool sixteen = value.least == 16;
  const bool either = !four && !sixteen;
  if (!is_address(value)) {
    refuse(
        "address-text",
        fmt::format("map '{}': an address is needed, but this string of the packet may have other lengths than 4 or 16 "
                    "bytes, and then would be an address as text",
                    map.declaration().name),
        "use pkt.src, pkt.dst, or a 'string' field of 4 or 16 bytes: segments may be shorter than was asked for, and "
        "fields of type 'ipv4' and 'ipv6' give text");
  }
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
  if (type == Scalar::kIpv4 || type == Scalar::kIpv6) {
    const bool wants4 = type == Scalar::kIpv4;
    if (either) {
      const ir::BlockId good = b_.new_block();
      const ir::BlockId bad = b_.new_block();
      b_.branch(Condition::kEq, value.b, wants4 ? 4 : 16, good, bad);
      fail_aside(bad, good, [&] { fail_map(map, role, value, expected); });
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
  // Leads from `bad` to where the key cannot be, or fails; goes on in `good`.
  const auto out_of_range = [&](ir::BlockId bad, ir::BlockId good) {
    fail_aside(bad, good, [&] {
      if (role.absent != 0) return b_.jump(role.absent);
      fail_map(map, role, value,
               part.type == Scalar::kString
                   ? fmt::format("a string of at most {} bytes (string:{})", part.longest(), part.longest())
                   : integer_range(part));
    });
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
        out_of_range(bad, good);
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
          (value.string().size() == 6 ||
           luadata::mac_from_text(value.string().c_str(), value.string().size(), bytes))) {
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
        refuse(
            "address-text",
            fmt::format("map '{}': a MAC address is needed, but this string of the packet may have other lengths than "
                        "6 bytes, and then would be an address as text",
                        map.declaration().name),
            "use a 'string' field of 6 bytes: a segment may be shorter than was asked for, and a 'mac' field gives "
            "text");
      }
      fail_map(map, role, value, address_expected(part.type));
      return false;
    }
    case Scalar::kString: {
      if (!value.is_string()) {
        fail_map(map, role, value,
                 fmt::format("a string of at most {} bytes (string:{})", part.longest(), part.longest()));
        return false;
      }
      const StringParts parts = string_of(value);
      if (parts.most > part.longest()) {
        const ir::BlockId good = b_.new_block();
        const ir::BlockId bad = b_.new_block();
        b_.branch(Condition::kUgt, parts.length, number(part.longest()), bad, good);
        out_of_range(bad, good);
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

// Copies words; the last one has zeros after the string.
void Lowering::copy_masked(ir::Value to, ir::Value from, ir::Value length) {
  const auto [head, done, end] = loop_over(length);
  const ir::BlockId part = b_.new_block();
  const ir::BlockId whole = b_.new_block();
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
      if (entry.key.integer <= static_cast<int64_t>(count))
        values[static_cast<size_t>(entry.key.integer - 1)] = entry.value;
    }
    fits = numbered == count;
    // A nil among the values makes the length unsure; then the part is named.
    for (AbstractValue& one : values) {
      if (one.kind == Kind::kNone) one = AbstractValue::nil();
    }
    if (numbered < count && !st_.tables[value.index].entries.empty() && st_.tables[value.index].entries.size() == count)
      fits = !values.back().is_nil();
  } else if (value.kind == Kind::kObject && world_->type_of(value.object) == World::ObjectType::kTable) {
    fits = world_->raw_length(value.object) == count;
    for (size_t n = 0; fits && n < count; ++n)
      values[n] = world_->raw_get(value.object, AbstractValue::integer_constant(static_cast<int64_t>(n) + 1));
  }
  if (!fits) {
    fail_map(map, role, value, fmt::format("an array of {} values, such as {{pkt.src, pkt.dport}}", count));
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
      fail_aside(bad, good, [&] {
        if (absent != 0) return b_.jump(absent);
        fail_map(map, role, key, expected);
      });
      b_.store(4, b_.slot(), kKeyScratch, index);
      return true;
    }
    case MapKind::kLpm: {
      const Scalar declared = declaration.key.parts[0].type;
      AbstractValue address = key;
      int64_t bits = -1;
      if (key.kind == Kind::kTable || key.kind == Kind::kObject)
        refuse("lpm-network",
               fmt::format("map '{}': a network {{address, bits}} made at packet time", declaration.name),
               "use an address; put networks in while the script loads");
      if (key.kind == Kind::kString) {
        const size_t slash = key.string().find('/');
        if (slash != std::string::npos) {
          address = AbstractValue::string_constant(key.string().substr(0, slash));
          bits = std::atoi(key.string().c_str() + slash + 1);
        }
      }
      ir::Value family = 0;
      if (!encode_address(map, role, Scalar::kIp, address, kKeyScratch + 4, kKeyScratch + 5, &family)) return false;
      if (declared != Scalar::kIp) {
        const int64_t wanted = declared == Scalar::kIpv4 ? 4 : 6;
        const ir::BlockId good = b_.new_block();
        const ir::BlockId bad = b_.new_block();
        b_.branch(Condition::kEq, family, wanted, good, bad);
        fail_aside(bad, good, [&] {
          fail_map(map, role, key,
                   wanted == 4 ? "an IPv4 network (ipv4; declare 'ip' for IPv4 and IPv6)"
                               : "an IPv6 network (ipv6; declare 'ip' for IPv4 and IPv6)");
        });
      }
      const ir::Value length =
          bits >= 0 ? number(8 + bits) : select(Condition::kEq, family, number(4), number(8 + 32), number(8 + 128));
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

}  // namespace perilune::compiler
