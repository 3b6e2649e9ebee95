// Data views: segments, fields, bytes; what is written takes effect when the filter has returned.
//
//   local dns = pld:layout(net.dns)      nothing happens at packet time
//   if dns.qr == 0 then                  one comparison with the length, one load; behind it the length is known
//
// The bytes of the payload are brought into the slot when something first looks at them, and only as far as it looks.
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "compiler/lowering.h"
#include "luadata/address_text.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;
using luadata::Field;
using luadata::FieldKind;

constexpr int64_t kAll = int64_t{1} << 32;
constexpr int64_t kLargestDisplacement = 0x4000;

std::string field_name(const AbstractValue& key) {
  if (key.kind == AbstractValue::Kind::kString) {
    return key.string().size() <= 40 ? fmt::format("'{}'", key.string())
                                     : fmt::format("'{}...'", key.string().substr(0, 40));
  }
  if (key.kind == AbstractValue::Kind::kInteger) return fmt::format("[{}]", key.integer);
  return "[?]";
}

bool is_number(FieldKind kind) {
  return kind <= FieldKind::kBits;
}

AbstractValue byte_value(ir::Value byte) {
  AbstractValue value = AbstractValue::dynamic_integer(byte);
  value.most = 255;
  return value;
}

// Accessors: bytes, signed.
struct Accessor {
  std::string_view name;
  unsigned bytes;
  bool is_signed;
};
constexpr Accessor kAccessors[] = {{"byte", 1, false},  {"int8", 1, true},    {"uint8", 1, false},  {"int16", 2, true},
                                   {"uint16", 2, false}, {"int32", 4, true},   {"uint32", 4, false}, {"int64", 8, true},
                                   {"uint64", 8, false}, {"number", 8, true}};

}  // namespace

AbstractValue Lowering::headers_view() {
  const ir::Value network = header(offsetof(pl_header, network));
  const ir::Value payload = header(offsetof(pl_header, payload));
  AbstractValue view = AbstractValue::of(Kind::kView);
  view.a = b_.add(network, kFrame);
  view.b = b_.sub(payload, network);
  view.most = PL_FRAME_MAX;
  view.least = target_.asks_not_ip ? 0 : 20;
  view.index = ++views_;
  view.base = AbstractValue::kHeaders;
  return view;
}

AbstractValue Lowering::payload_view() {
  const ir::Value payload = header(offsetof(pl_header, payload));
  AbstractValue view = AbstractValue::of(Kind::kView);
  view.a = b_.add(payload, kFrame);
  view.b = b_.sub(header(offsetof(pl_header, end)), payload);
  view.most = PL_FRAME_MAX;
  view.base = 0;
  view.index = ++views_;
  return view;
}

void Lowering::ensure_bytes(const AbstractValue& view, int64_t end) {
  if (view.base == AbstractValue::kHeaders) return;
  int64_t wanted = kAll;
  if (view.base >= 0) {
    const int64_t reach = end < 0 ? view.most : end;
    if (reach < PL_FRAME_MAX) wanted = view.base + reach;
  }
  if (st_.pulled >= wanted) return;
  image_.uses_payload = true;
  const ir::Value captured = header(offsetof(pl_header, captured));
  const ir::Value upto =
      wanted == kAll ? captured
                     : smaller(b_.add(header(offsetof(pl_header, payload)), wanted), header(offsetof(pl_header, end)));
  const ir::BlockId more = b_.new_block();
  const ir::BlockId there = b_.new_block();
  b_.branch(Condition::kUgt, upto, header(offsetof(pl_header, copied)), more, there);
  b_.switch_to(more);
  b_.pull(upto);
  b_.jump(there);
  b_.switch_to(there);
  st_.pulled = wanted;
}

void Lowering::know_length(const AbstractValue& view, int64_t least) {
  for (AbstractValue* value : flatten(st_)) {
    if (value->kind == view.kind && value->a == view.a && value->b == view.b) value->least = std::max(value->least, least);
  }
}

void Lowering::view_reaches(AbstractValue& view, int64_t end, ir::BlockId& inside, ir::BlockId& outside, bool& always) {
  always = view.least >= end;
  if (always) return;
  inside = b_.new_block();
  outside = b_.new_block();
  b_.branch(Condition::kUge, view.b, number(end), inside, outside);
}

AbstractValue Lowering::view_text(const AbstractValue& view) {
  ensure_bytes(view, -1);
  AbstractValue text = AbstractValue::dynamic_string(view.a, view.b, view.most);
  text.least = view.least;
  text.base = view.base;
  text.in_frame = true;
  return text;
}

// --- reading

ir::Value Lowering::load_field(const Field& field, ir::Value pointer) {
  int64_t offset = static_cast<int64_t>(field.offset);
  if (offset > kLargestDisplacement) refuse("far-field", "a field more than 16 KiB into the data", "take a segment first");
  const auto disp = static_cast<int32_t>(offset);
  ir::Value value = 0;
  switch (field.kind) {
    case FieldKind::kByte:
      value = b_.load(1, pointer, disp);
      break;
    case FieldKind::kBig16:
      value = b_.swap(Op::kSwap16, b_.load(2, pointer, disp));
      break;
    case FieldKind::kBig32:
      value = b_.swap(Op::kSwap32, b_.load(4, pointer, disp));
      break;
    case FieldKind::kBig64:
      value = b_.swap(Op::kSwap64, b_.load(8, pointer, disp));
      break;
    case FieldKind::kLittle16:
      value = b_.load(2, pointer, disp);
      break;
    case FieldKind::kLittle32:
      value = b_.load(4, pointer, disp);
      break;
    case FieldKind::kLittle64:
      value = b_.load(8, pointer, disp);
      break;
    default: {
      const unsigned first = field.first_bit;
      const unsigned width = field.width;
      const unsigned touched = (first + width + 7) / 8;
      if (touched == 1) {
        value = b_.binary(Op::kLshr, b_.load(1, pointer, disp), static_cast<int64_t>(8 - first - width));
        if (first != 0) value = b_.binary(Op::kAnd, value, static_cast<int64_t>((uint64_t{1} << width) - 1));
      } else if (touched == 2) {
        value = b_.binary(Op::kLshr, b_.swap(Op::kSwap16, b_.load(2, pointer, disp)),
                          static_cast<int64_t>(16 - first - width));
        if (first != 0) value = b_.binary(Op::kAnd, value, static_cast<int64_t>((uint64_t{1} << width) - 1));
      } else if (touched <= 4) {
        value = b_.binary(Op::kLshr, b_.swap(Op::kSwap32, b_.load(4, pointer, disp)),
                          static_cast<int64_t>(32 - first - width));
        if (first != 0) value = b_.binary(Op::kAnd, value, static_cast<int64_t>((uint64_t{1} << width) - 1));
      } else {
        ir::Value high = b_.binary(Op::kShl, b_.swap(Op::kSwap64, b_.load(8, pointer, disp)), static_cast<int64_t>(first));
        if (touched == 9) {
          high = b_.binary(Op::kOr, high,
                           b_.binary(Op::kLshr, b_.load(1, pointer, disp + 8), static_cast<int64_t>(8 - first)));
        }
        value = b_.binary(Op::kLshr, high, static_cast<int64_t>(64 - width));
      }
      const unsigned rest = width % 8;
      const unsigned whole = width - rest;
      if (field.little_endian && whole != 0) {
        const ir::Value swapped = b_.binary(
            Op::kLshr, b_.swap(Op::kSwap64, b_.binary(Op::kLshr, value, static_cast<int64_t>(rest))),
            static_cast<int64_t>(64 - whole));
        value = rest == 0 ? swapped
                          : b_.binary(Op::kOr, swapped,
                                      b_.binary(Op::kShl,
                                                b_.binary(Op::kAnd, value, static_cast<int64_t>((1U << rest) - 1)),
                                                static_cast<int64_t>(whole)));
      }
    }
  }
  if (field.is_signed && field.width < 64) {
    const int64_t unused = 64 - field.width;
    value = b_.binary(Op::kAshr, b_.binary(Op::kShl, value, unused), unused);
  }
  return value;
}

void Lowering::read_view_field(const AbstractValue& view, const Field& field, const AbstractValue& key,
                               uint32_t result) {
  AbstractValue seen = view;
  if (field.end == luadata::kNowhere || field.end > PL_FRAME_MAX) return set(result, AbstractValue::nil());
  const auto end = static_cast<int64_t>(field.end);
  ir::BlockId inside = 0;
  ir::BlockId outside = 0;
  bool always = false;
  view_reaches(seen, end, inside, outside, always);
  const State before = st_;
  if (!always) {
    resume(outside, before);
    set(result, AbstractValue::nil());
    outcome();
    resume(inside, before);
    know_length(seen, end);
  }
  const auto part = [&](int64_t length) {
    AbstractValue text = AbstractValue::dynamic_string(b_.add(seen.a, static_cast<int64_t>(field.offset)),
                                                       number(length), length);
    text.least = length;
    text.in_frame = true;
    text.base = seen.base >= 0 ? seen.base + static_cast<int64_t>(field.offset) : seen.base;
    return text;
  };
  if (field.kind == FieldKind::kLayout) {
    AbstractValue inner = seen;
    inner.a = b_.add(seen.a, static_cast<int64_t>(field.offset));
    inner.b = b_.sub(seen.b, number(static_cast<int64_t>(field.offset)));
    inner.most = seen.most - static_cast<int64_t>(field.offset);
    inner.least = std::max<int64_t>(0, std::max(seen.least, end) - static_cast<int64_t>(field.offset));
    if (seen.base >= 0) inner.base = seen.base + static_cast<int64_t>(field.offset);
    inner.object = world_->inner_layout(view.object, key);
    inner.index = ++views_;
    set(result, std::move(inner));
  } else {
    ensure_bytes(seen, end);
    if (field.kind == FieldKind::kString) {
      set(result, part(static_cast<int64_t>(field.length)));
    } else if (!is_number(field.kind)) {
      set(result, read_address(field, at(seen.a)));
    } else {
      AbstractValue loaded = AbstractValue::dynamic_integer(load_field(field, at(seen.a)));
      if (!field.is_signed && field.width <= 16) loaded.most = (int64_t{1} << field.width) - 1;
      set(result, std::move(loaded));
    }
  }
  if (!always) outcome();
}

// The bytes of an address, which stay bytes until somebody needs them as text.
AbstractValue Lowering::read_address(const Field& field, ir::Value pointer) {
  const auto disp = static_cast<int32_t>(field.offset);
  AbstractValue address = AbstractValue::of(Kind::kAddress);
  address.index = static_cast<uint32_t>(field.kind);
  address.b = number(0);
  if (field.kind == FieldKind::kIpv6) {
    address.a = b_.load(8, pointer, disp);
    address.b = b_.load(8, pointer, disp + 8);
  } else {
    address.a = b_.load(4, pointer, disp);
    if (field.kind == FieldKind::kMac)
      address.a = b_.binary(Op::kOr, address.a, b_.binary(Op::kShl, b_.load(2, pointer, disp + 4), 32));
  }
  return address;
}

// Does a constant text name this address? Nothing: it is no address as the library writes it, so they never are equal.
std::optional<std::array<uint64_t, 2>> Lowering::address_words(const std::string& text, uint32_t kind) {
  std::array<uint8_t, 16> bytes{};
  char canonical[luadata::kAddressTextSize];
  switch (static_cast<FieldKind>(kind)) {
    case FieldKind::kIpv4:
      if (!luadata::ipv4_from_text(text.c_str(), text.size(), bytes.data())) return std::nullopt;
      luadata::ipv4_to_text(bytes.data(), canonical);
      break;
    case FieldKind::kIpv6:
      if (!luadata::ipv6_from_text(text.c_str(), text.size(), bytes.data())) return std::nullopt;
      luadata::ipv6_to_text(bytes.data(), canonical);
      break;
    default:
      if (!luadata::mac_from_text(text.c_str(), text.size(), bytes.data())) return std::nullopt;
      luadata::mac_to_text(bytes.data(), canonical);
  }
  if (text != canonical) return std::nullopt;
  std::array<uint64_t, 2> words{};
  std::memcpy(words.data(), bytes.data(), sizeof words);
  return words;
}

bool Lowering::is_view_method(const AbstractValue& view, const std::string& name) {
  if (name == "segment" || name == "layout") return true;
  if (view.object != 0) {
    std::string problem;
    if (world_->field_of(view.object, AbstractValue::string_constant(name), problem) != nullptr) return false;
  }
  if (!name.starts_with("get") && !name.starts_with("set")) return false;
  const std::string_view rest = std::string_view(name).substr(3);
  return rest == "string" || std::ranges::any_of(kAccessors, [&](const Accessor& a) { return a.name == rest; });
}

void Lowering::unknown_view_field(const AbstractValue& view, const AbstractValue& key, bool write, uint32_t result) {
  if (world_->data_option("strict")) {
    return fail(view.object != 0 ? fmt::format("no field {} in this data's layout", field_name(key))
                                 : fmt::format("no field {}: this data has no layout", field_name(key)));
  }
  if (!write) set(result, AbstractValue::nil());
}

void Lowering::get_from_view(const AbstractValue& view, const AbstractValue& key, uint32_t result) {
  if (key.kind == Kind::kString && is_view_method(view, key.string()))
    refuse("method-value", fmt::format("the method '{}' is taken as a value", key.string()), "call it: view:method(...)");
  if (key.kind == Kind::kDynamicString)
    refuse("dynamic-field", "a field whose name comes from the packet", "use constant names");
  if (key.is_constant() && view.object != 0) {
    std::string problem;
    const Field* field = world_->field_of(view.object, key, problem);
    if (!problem.empty()) return fail(problem);
    if (field != nullptr) return read_view_field(view, *field, key, result);
  }
  AbstractValue position = key;
  if (key.kind == Kind::kFloat && key.number == static_cast<double>(static_cast<int64_t>(key.number)))
    position = AbstractValue::integer_constant(static_cast<int64_t>(key.number));
  if (!position.is_integer()) return unknown_view_field(view, key, false, result);
  // A byte.
  AbstractValue seen = view;
  const State before = st_;
  if (position.kind == Kind::kInteger) {
    if (position.integer < 0 || position.integer >= PL_FRAME_MAX) return set(result, AbstractValue::nil());
    ir::BlockId inside = 0;
    ir::BlockId outside = 0;
    bool always = false;
    view_reaches(seen, position.integer + 1, inside, outside, always);
    if (!always) {
      resume(outside, before);
      set(result, AbstractValue::nil());
      outcome();
      resume(inside, before);
      know_length(seen, position.integer + 1);
    }
    ensure_bytes(seen, position.integer + 1);
    set(result, byte_value(load_byte(seen.a, position)));
    if (!always) outcome();
    return;
  }
  const ir::BlockId inside = b_.new_block();
  const ir::BlockId outside = b_.new_block();
  b_.branch(Condition::kUlt, position.a, seen.b, inside, outside);
  resume(outside, before);
  set(result, AbstractValue::nil());
  outcome();
  resume(inside, before);
  ensure_bytes(seen, -1);
  set(result, byte_value(load_byte(seen.a, position)));
  outcome();
}

// The byte `index` behind slot offset `start`.
ir::Value Lowering::load_byte(ir::Value start, const AbstractValue& index) {
  if (index.kind == Kind::kInteger && index.integer < kLargestDisplacement)
    return b_.load(1, at(start), static_cast<int32_t>(index.integer));
  return b_.load(1, at(b_.add(start, integer_of(index))), 0);
}

// --- writing

// Marks slot bytes [begin, end) as written, and takes care that strings of the packet's bytes keep what they were.
void Lowering::before_write(const AbstractValue& view, ir::Value begin, ir::Value end) {
  if (!target_.may_write()) {
    refuse("read-only-hook", "the packet is written to, and packets at netfilter hooks can only be read",
           "load the script at tc:IF:in, tc:IF:out or xdp:IF");
  }
  (void)view;
  image_.writes = true;
  State probe = st_;
  forget_dead(probe);
  const auto live = flatten(probe);
  const auto real = flatten(st_);
  for (size_t i = 0; i < live.size(); ++i) {
    if (live[i]->kind == Kind::kMatch)
      refuse("string-then-write", "the packet is written to before the result of a match is used", "use the result first");
    if (live[i]->kind != Kind::kDynamicString || !live[i]->in_frame) continue;
    const AbstractValue text = *real[i];
    if (text.most > kLongestMade) {
      refuse("string-then-write", "a string of the packet's bytes is still needed after the packet is written to",
             "take a shorter segment, or write at the end");
    }
    const ir::Value copy = allocate_string(text.b);
    copy_bytes(copy, text.a, text.b);
    for (AbstractValue* other : real) {
      if (other->kind == Kind::kDynamicString && other->a == text.a && other->b == text.b) {
        other->a = copy;
        other->in_frame = false;
        other->base = AbstractValue::kUnknown;
      }
    }
    for (size_t k = i + 1; k < live.size(); ++k) {
      if (live[k]->kind == Kind::kDynamicString) *live[k] = *real[k];
    }
  }
  const ir::Value slot = b_.slot();
  const ir::Value first = b_.sub(begin, number(kFrame));
  const ir::Value last = b_.sub(end, number(kFrame));
  const ir::Value old_begin = b_.load(4, slot, offsetof(pl_header, dirty_begin));
  const ir::Value old_end = b_.load(4, slot, offsetof(pl_header, dirty_end));
  const ir::Value least = smaller(first, old_begin);
  const ir::Value start = select(Condition::kEq, old_end, number(0), first, least);
  const ir::Value stop = select(Condition::kUgt, last, old_end, last, old_end);
  b_.store(4, b_.slot(), offsetof(pl_header, dirty_begin), start);
  b_.store(4, b_.slot(), offsetof(pl_header, dirty_end), stop);
}

void Lowering::store_field(const Field& field, ir::Value pointer, ir::Value value) {
  const auto disp = static_cast<int32_t>(field.offset);
  switch (field.kind) {
    case FieldKind::kByte:
      return b_.store(1, pointer, disp, value);
    case FieldKind::kBig16:
      return b_.store(2, pointer, disp, b_.swap(Op::kSwap16, value));
    case FieldKind::kBig32:
      return b_.store(4, pointer, disp, b_.swap(Op::kSwap32, value));
    case FieldKind::kBig64:
      return b_.store(8, pointer, disp, b_.swap(Op::kSwap64, value));
    case FieldKind::kLittle16:
      return b_.store(2, pointer, disp, value);
    case FieldKind::kLittle32:
      return b_.store(4, pointer, disp, value);
    case FieldKind::kLittle64:
      return b_.store(8, pointer, disp, value);
    default:
      break;
  }
  const unsigned first = field.first_bit;
  const unsigned width = field.width;
  const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  ir::Value bits = b_.binary(Op::kAnd, value, static_cast<int64_t>(mask));
  const unsigned rest = width % 8;
  const unsigned whole = width - rest;
  if (field.little_endian && whole != 0) {
    const uint64_t low = whole == 64 ? ~uint64_t{0} : (uint64_t{1} << whole) - 1;
    const ir::Value swapped =
        b_.binary(Op::kLshr, b_.swap(Op::kSwap64, b_.binary(Op::kAnd, bits, static_cast<int64_t>(low))),
                  static_cast<int64_t>(64 - whole));
    bits = rest == 0 ? swapped
                     : b_.binary(Op::kOr, b_.binary(Op::kShl, swapped, static_cast<int64_t>(rest)),
                                 b_.binary(Op::kLshr, bits, static_cast<int64_t>(whole)));
  }
  // Byte by byte, from the last: only bytes of the field are touched.
  const unsigned touched = (first + width + 7) / 8;
  unsigned below = touched * 8 - first - width;  // bits of the last byte behind the field
  unsigned left = width;
  unsigned taken = 0;
  for (unsigned n = touched; n-- > 0;) {
    const unsigned room = std::min(8 - below, left);
    const unsigned byte_mask = ((1U << room) - 1U) << below;
    ir::Value piece = b_.binary(Op::kLshr, bits, static_cast<int64_t>(taken));
    piece = b_.binary(Op::kAnd, b_.binary(Op::kShl, piece, static_cast<int64_t>(below)), static_cast<int64_t>(byte_mask));
    const int32_t place = disp + static_cast<int32_t>(n);
    if (byte_mask != 0xff) {
      const ir::Value old = b_.binary(Op::kAnd, b_.load(1, pointer, place), static_cast<int64_t>(~byte_mask & 0xffU));
      piece = b_.binary(Op::kOr, piece, old);
    }
    b_.store(1, pointer, place, piece);
    taken += room;
    left -= room;
    below = 0;
  }
}

// The value as a whole number, as lua_tointegerx takes it; on the other path the script has failed.
bool Lowering::whole_number(const AbstractValue& value, const AbstractValue& key, AbstractValue& whole) {
  whole = value;
  if (value.is_integer()) return true;
  if (value.kind == Kind::kFloat) {
    const auto rounded = static_cast<double>(static_cast<int64_t>(value.number));
    if (rounded == value.number) {
      whole = AbstractValue::integer_constant(static_cast<int64_t>(value.number));
      return true;
    }
    fail(fmt::format("field {}: cannot write {}, it needs a whole number", field_name(key), value.number));
    return false;
  }
  if (value.kind == Kind::kString) {
    const World::Evaluation converted = world_->evaluate(world_->builtin("math.tointeger"), {value});
    const World::Evaluation number = world_->evaluate(world_->builtin("tonumber"), {value});
    if (!number.failed && !number.results.empty() && number.results[0].kind == Kind::kInteger) {
      whole = number.results[0];
      return true;
    }
    (void)converted;
  }
  if (value.kind == Kind::kDynamicString)
    refuse("string-arithmetic", "a string is written to a number's field", "convert it with tonumber(s, 10)");
  fail(fmt::format("field {}: cannot write a {}, it needs a whole number", field_name(key), type_name(value)));
  return false;
}

void Lowering::write_view_field(const AbstractValue& view, const Field& field, const AbstractValue& key,
                                const AbstractValue& value) {
  AbstractValue seen = view;
  const bool strict = world_->data_option("strict");
  if (field.kind == FieldKind::kLayout)
    return fail(fmt::format("field {} is a layout: write the fields inside it", field_name(key)));
  if (field.end == luadata::kNowhere || field.end > PL_FRAME_MAX) {
    if (strict) fail(fmt::format("cannot write field {}: its length is 0 or above 64 bits", field_name(key)));
    return;
  }
  const auto end = static_cast<int64_t>(field.end);
  ir::BlockId inside = 0;
  ir::BlockId outside = 0;
  bool always = false;
  view_reaches(seen, end, inside, outside, always);
  const State before = st_;
  if (!always) {
    resume(outside, before);
    if (strict) {
      fail(fmt::format("cannot write field {}: it lies outside the {{0}} bytes of this data", field_name(key)), seen.b);
      ended_ = false;
    } else {
      outcome();
    }
    resume(inside, before);
    know_length(seen, end);
  }
  const auto offset = static_cast<int64_t>(field.offset);
  bool live = true;
  if (is_number(field.kind)) {
    AbstractValue whole;
    live = whole_number(value, key, whole);
    if (live) {
      ensure_bytes(seen, end);
      before_write(seen, b_.add(seen.a, offset), b_.add(seen.a, end));
      store_field(field, at(seen.a), integer_of(whole));
    }
  } else if (field.kind == FieldKind::kString) {
    live = write_text(seen, offset, static_cast<int64_t>(field.length), key, value);
  } else {
    live = write_address(seen, field, key, value);
  }
  if (!live) {
    ended_ = outcomes_.empty();
    return;
  }
  if (!always || !outcomes_.empty()) outcome();
}

// At most `room` bytes of a string or view go to the view's byte `offset` on. False: the script has failed.
bool Lowering::write_text(const AbstractValue& view, int64_t offset, int64_t room, const AbstractValue& key,
                          const AbstractValue& given) {
  AbstractValue value = given;
  if (value.kind == Kind::kView) value = view_text(value);
  if (value.kind == Kind::kInteger || value.kind == Kind::kFloat) {
    const World::Evaluation text = world_->evaluate(world_->builtin("tostring"), {value});
    value = text.results[0];
  }
  if (value.kind == Kind::kDynamicInteger) {
    ir::Value at_text = 0;
    ir::Value length = 0;
    integer_to_text(value.a, at_text, length);
    value = AbstractValue::dynamic_string(at_text, length, 20);
  }
  if (!value.is_string()) {
    fail(fmt::format("field {}: cannot write a {}, it needs a string", field_name(key), type_name(value)));
    return false;
  }
  ensure_bytes(view, offset + room);
  const StringParts parts = string_of(value);
  const ir::Value length = parts.most <= room && value.kind == Kind::kString ? parts.length
                                                                              : smaller(parts.length, number(room));
  ir::Value from = parts.offset;
  if (value.in_frame) {  // the two may overlap
    from = allocate_string(length);
    copy_bytes(from, parts.offset, length);
  }
  const ir::Value to = b_.add(view.a, offset);
  before_write(view, to, b_.add(to, length));
  copy_exactly(to, from, length);
  return true;
}

bool Lowering::write_address(const AbstractValue& view, const Field& field, const AbstractValue& key,
                             const AbstractValue& value) {
  const char* what = field.kind == FieldKind::kIpv4   ? "an IPv4 address such as '192.0.2.1'"
                     : field.kind == FieldKind::kIpv6 ? "an IPv6 address such as '2001:db8::1'"
                                                      : "a MAC address such as '02:00:5e:00:53:01'";
  if (value.kind == Kind::kAddress && value.index == static_cast<uint32_t>(field.kind)) {
    ensure_bytes(view, static_cast<int64_t>(field.end));
    const auto first = static_cast<int64_t>(field.offset);
    before_write(view, b_.add(view.a, first), b_.add(view.a, static_cast<int64_t>(field.end)));
    const ir::Value pointer = at(view.a);
    const auto place = static_cast<int32_t>(field.offset);
    if (field.kind == FieldKind::kIpv6) {
      b_.store(8, pointer, place, value.a);
      b_.store(8, pointer, place + 8, value.b);
    } else {
      b_.store(4, pointer, place, value.a);
      if (field.kind == FieldKind::kMac) b_.store(2, pointer, place + 4, b_.binary(Op::kLshr, value.a, 32));
    }
    return true;
  }
  if (value.kind == Kind::kDynamicString || value.kind == Kind::kAddress)
    refuse("address-text", "an address as text that comes from the packet is written", "write a constant address, or use a 'string' field and copy bytes");
  if (value.kind != Kind::kString) {
    fail(fmt::format("field {}: cannot write a {}, it needs {}", field_name(key), type_name(value), what));
    return false;
  }
  uint8_t parsed[16];
  const std::string& text = value.string();
  const bool parses = field.kind == FieldKind::kIpv4   ? luadata::ipv4_from_text(text.c_str(), text.size(), parsed)
                      : field.kind == FieldKind::kIpv6 ? luadata::ipv6_from_text(text.c_str(), text.size(), parsed)
                                                       : luadata::mac_from_text(text.c_str(), text.size(), parsed);
  if (!parses) {
    fail(fmt::format("field {}: {} is not {}", field_name(key), field_name(value), what));
    return false;
  }
  const auto offset = static_cast<int64_t>(field.offset);
  ensure_bytes(view, static_cast<int64_t>(field.end));
  before_write(view, b_.add(view.a, offset), b_.add(view.a, static_cast<int64_t>(field.end)));
  const ir::Value pointer = at(view.a);
  for (uint32_t n = 0; n < field.length; ++n)
    b_.store(1, pointer, static_cast<int32_t>(offset) + static_cast<int32_t>(n), number(parsed[n]));
  return true;
}

void Lowering::set_in_view(const AbstractValue& view, const AbstractValue& key, const AbstractValue& value) {
  const bool strict = world_->data_option("strict");
  if (key.kind == Kind::kString && (key.string() == "layout" || key.string() == "segment")) {
    if (strict) fail(fmt::format("cannot write '{}': it is a method of data objects", key.string()));
    return;
  }
  if (key.kind == Kind::kDynamicString)
    refuse("dynamic-field", "a field whose name comes from the packet", "use constant names");
  if (key.is_constant() && view.object != 0) {
    std::string problem;
    const Field* field = world_->field_of(view.object, key, problem);
    if (!problem.empty()) return fail(problem);
    if (field != nullptr) return write_view_field(view, *field, key, value);
  }
  if (!key.is_integer()) return unknown_view_field(view, key, true, 0);
  AbstractValue seen = view;
  const ir::Value position = integer_of(key);
  const State before = st_;
  const ir::BlockId inside = b_.new_block();
  const ir::BlockId outside = b_.new_block();
  b_.branch(Condition::kUlt, position, seen.b, inside, outside);
  resume(outside, before);
  if (strict) {
    fail(fmt::format("cannot write field {}: it lies outside the {{0}} bytes of this data", field_name(key)), seen.b);
    ended_ = false;
  } else {
    outcome();
  }
  resume(inside, before);
  AbstractValue whole;
  if (!whole_number(value, key, whole)) {
    ended_ = outcomes_.empty();
    return;
  }
  ensure_bytes(seen, key.kind == Kind::kInteger ? key.integer + 1 : -1);
  const ir::Value place = b_.add(seen.a, position);
  before_write(seen, place, b_.add(place, 1));
  b_.store(1, at(place), 0, integer_of(whole));
  outcome();
}

// --- methods

void Lowering::call_segment(Call& call) {
  const AbstractValue view = call.argument(0);
  if (view.kind != Kind::kView) return fail_type(call, 0, "data");
  AbstractValue offset = AbstractValue::integer_constant(0);
  AbstractValue wanted;
  const bool to_end = call.none_or_nil(2);
  if (!call.none_or_nil(1) && !integer_argument(call, 1, offset)) return;
  if (!to_end && !integer_argument(call, 2, wanted)) return;

  AbstractValue part = view;
  part.object = 0;
  part.index = ++views_;
  const State before = st_;
  const auto absent = [&](ir::BlockId block) {
    const ir::BlockId here = b_.current();
    const State now = st_;
    resume(block, before);
    finish(call, {AbstractValue::nil()});
    resume(here, now);
  };
  if (offset.kind == Kind::kInteger && offset.integer < 0) return finish(call, {AbstractValue::nil()});
  if (wanted.kind == Kind::kInteger && wanted.integer < 0) return finish(call, {AbstractValue::nil()});
  if (!(offset.kind == Kind::kInteger && offset.integer <= view.least)) {
    const ir::BlockId inside = b_.new_block();
    const ir::BlockId outside = b_.new_block();
    b_.branch(Condition::kUgt, integer_of(offset), view.b, outside, inside);
    b_.switch_to(inside);
    absent(outside);
    b_.switch_to(inside);
    if (offset.kind == Kind::kInteger) know_length(view, offset.integer);
  }
  if (wanted.kind == Kind::kDynamicInteger) {
    const ir::BlockId inside = b_.new_block();
    const ir::BlockId outside = b_.new_block();
    b_.branch(Condition::kSlt, wanted.a, number(0), outside, inside);
    b_.switch_to(inside);
    absent(outside);
    b_.switch_to(inside);
  }
  const ir::Value start = integer_of(offset);
  part.a = b_.add(view.a, start);
  const bool whole = offset.kind == Kind::kInteger && offset.integer == 0;
  ir::Value rest = whole ? view.b : b_.sub(view.b, start);
  const int64_t skipped = offset.kind == Kind::kInteger ? offset.integer : 0;
  const int64_t known = offset.kind == Kind::kInteger ? std::max<int64_t>(0, view.least - skipped) : 0;
  part.most = view.most - skipped;
  part.least = known;
  if (view.base >= 0) part.base = offset.kind == Kind::kInteger ? view.base + skipped : AbstractValue::kUnknown;
  if (to_end) {
    part.b = rest;
    return finish(call, {part});
  }
  if (world_->data_option("strict_segments")) {
    const ir::BlockId inside = b_.new_block();
    const ir::BlockId outside = b_.new_block();
    b_.branch(Condition::kUgt, integer_of(wanted), rest, outside, inside);
    b_.switch_to(inside);
    absent(outside);
    b_.switch_to(inside);
    part.b = integer_of(wanted);
    if (wanted.kind == Kind::kInteger) part.least = part.most = wanted.integer;
    return finish(call, {part});
  }
  if (wanted.kind == Kind::kInteger) {
    part.b = known >= wanted.integer ? number(wanted.integer) : smaller(rest, number(wanted.integer));
    part.most = std::min(part.most, wanted.integer);
    part.least = std::min(known, wanted.integer);
  } else {
    part.b = smaller(rest, wanted.a);
    part.least = 0;
    if (wanted.most > 0) part.most = std::min(part.most, wanted.most);
  }
  finish(call, {part});
}

void Lowering::call_layout(Call& call) {
  const AbstractValue view = call.argument(0);
  const AbstractValue layout = call.argument(1);
  if (view.kind != Kind::kView) return fail_type(call, 0, "data");
  if (layout.kind == Kind::kTable)
    refuse("layout-made", "a layout that is made for every packet", "make it in the main chunk: local x = data.layout {...}");
  if (layout.kind != Kind::kObject || world_->type_of(layout.object) != World::ObjectType::kTable)
    return fail_type(call, 1, "table");
  std::string problem;
  (void)world_->field_of(layout.object, AbstractValue::string_constant(""), problem);
  if (!problem.empty()) return fail(problem);
  // The object itself gets the layout: every copy of it.
  for (AbstractValue* value : flatten(st_)) {
    if (value->kind != Kind::kView || value->a != view.a || value->b != view.b) continue;
    if (value->index == view.index || value->index == 0 || view.index == 0) value->object = layout.object;
  }
  AbstractValue result = view;
  result.object = layout.object;
  finish(call, {result});
}

void Lowering::call_data_layout(Call& call) {
  const AbstractValue layout = call.argument(0);
  if (layout.kind == Kind::kTable)
    refuse("layout-made", "a layout that is made for every packet", "make it in the main chunk: local x = data.layout {...}");
  if (layout.kind != Kind::kObject || world_->type_of(layout.object) != World::ObjectType::kTable)
    return fail_type(call, 0, "table");
  std::string problem;
  (void)world_->field_of(layout.object, AbstractValue::string_constant(""), problem);
  if (!problem.empty()) return fail(problem);
  finish(call, {layout});
}

// getuint16(offset), setuint16(offset, value), getstring(offset [, length]), setstring(offset, s)
void Lowering::call_accessor(Call& call, const std::string& name) {
  const AbstractValue view = call.argument(0);
  if (view.kind != Kind::kView) return fail_type(call, 0, "data");
  AbstractValue offset;
  if (!integer_argument(call, 1, offset)) return;
  const bool write = name.starts_with("set");
  const std::string_view rest = std::string_view(name).substr(3);
  const bool string = rest == "string";
  AbstractValue value;
  int64_t size = 0;
  bool is_signed = false;
  ir::Value length = 0;
  const bool to_end = string && !write && call.none_or_nil(2);
  if (string) {
    if (write) {
      value = call.argument(2);
      if (value.kind == Kind::kView) value = view_text(value);
      if (!string_argument(call, 2, value)) return;
      length = string_of(value).length;
    } else if (!to_end) {
      AbstractValue wanted;
      if (!integer_argument(call, 2, wanted)) return;
      length = integer_of(wanted);
      if (wanted.kind == Kind::kInteger) size = wanted.integer;
    }
  } else {
    for (const Accessor& accessor : kAccessors) {
      if (accessor.name != rest) continue;
      size = accessor.bytes;
      is_signed = accessor.is_signed;
    }
    length = number(size);
    if (write && !integer_argument(call, 2, value)) return;
  }
  const State before = st_;
  const ir::Value start = integer_of(offset);
  const auto wrong = [&](ir::BlockId block) {
    resume(block, before);
    std::vector<ir::Value> shown;
    const auto part = [&](ir::Value number_shown) -> std::string {
      int64_t known = 0;
      if (b_.is_constant(number_shown, known)) return fmt::format("{}", known);
      shown.push_back(number_shown);
      return fmt::format("{{{}}}", shown.size() - 1);
    };
    const std::string bytes = to_end ? "0" : part(length);
    const std::string place = part(start);
    const std::string size_text = shown.size() < 2 ? part(view.b) : "the data's";
    shown.resize(2);
    fail(argument_message(call, 1, fmt::format("out of range: {} bytes at offset {} of {}", bytes, place, size_text)),
         shown[0], shown[1]);
    ended_ = false;
  };
  const ir::BlockId first = b_.new_block();
  const ir::BlockId bad = b_.new_block();
  b_.branch(Condition::kUgt, start, view.b, bad, first);
  b_.switch_to(first);
  const ir::Value left = b_.sub(view.b, start);
  if (to_end) length = left;
  const ir::BlockId second = b_.new_block();
  b_.branch(Condition::kUgt, length, left, bad, second);
  wrong(bad);
  resume(second, before);
  const int64_t end = offset.kind == Kind::kInteger && size > 0 ? offset.integer + size : -1;
  ensure_bytes(view, end);
  const ir::Value place = b_.add(view.a, start);
  if (string && !write) {
    AbstractValue text = AbstractValue::dynamic_string(place, length, size > 0 ? size : view.most);
    text.in_frame = true;
    return finish(call, {text});
  }
  if (write && string) {
    AbstractValue key = AbstractValue::string_constant("string");
    ir::Value from = string_of(value).offset;
    if (value.in_frame) {
      from = allocate_string(length);
      copy_bytes(from, string_of(value).offset, length);
    }
    before_write(view, place, b_.add(place, length));
    copy_exactly(place, from, length);
    return finish(call, {});
  }
  const auto bytes = static_cast<unsigned>(size);
  if (write) {
    const ir::Value stored = integer_of(value);
    before_write(view, place, b_.add(place, size));
    b_.store(bytes, at(place), 0, stored);
    return finish(call, {});
  }
  ir::Value loaded = b_.load(bytes, at(place), 0);
  if (is_signed && size < 8) {
    const int64_t unused = 64 - 8 * size;
    loaded = b_.binary(Op::kAshr, b_.binary(Op::kShl, loaded, unused), unused);
  }
  finish(call, {AbstractValue::dynamic_integer(loaded)});
}

}  // namespace perilune::compiler
