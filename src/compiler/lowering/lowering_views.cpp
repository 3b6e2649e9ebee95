// Data views: segments, fields, bytes; what is written takes effect when the filter has returned.
//
//   local dns = pld:layout(net.dns)      nothing happens at packet time
//   if dns.qr == 0 then                  one comparison with the length, one load; after it the length is known
//
// The bytes of the payload are brought into the slot when something first looks at them, and only as far as it looks.
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "compiler/lowering/lowering.h"
#include "compiler/lowering/view_fields.h"
#include "luadata/address_text.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;
using luadata::Field;
using luadata::FieldKind;

constexpr int64_t kLargestDisplacement = 0x4000;
/// So many bytes of any payload are among the first PL_FRAME_MAX of the frame: sixteen extension headers of 2,048 bytes
/// and what else can be in front of it are shorter than the rest.
constexpr int64_t kAlwaysHeld = 0x8000;

AbstractValue byte_value(ir::Value byte) {
  AbstractValue value = AbstractValue::dynamic_integer(byte);
  value.most = 255;
  return value;
}

}  // namespace

AbstractValue Lowering::headers_view() {
  const ir::Value network = header(offsetof(pl_packet, network));
  const ir::Value payload = header(offsetof(pl_packet, payload));
  AbstractValue view = AbstractValue::of(Kind::kView);
  view.a = b_.add(network, kFrame);
  view.b = b_.sub(payload, network);
  view.most = PL_FRAME_MAX;
  view.least = target_.asks_not_ip ? 0 : 20;
  view.index = ++views_;
  view.base = AbstractValue::kHeaders;
  return view;
}

// Of a view of some bytes only: those that are read (or written).
void Lowering::ensure_bytes(const AbstractValue& view, int64_t end) {
  int64_t wanted = kAll;
  const int64_t reach = end < 0 ? view.most : end;
  if (view.base == AbstractValue::kHeaders) {
    wanted = 0;
  } else if (view.base >= 0) {
    if (reach < PL_FRAME_MAX) wanted = view.base + reach;
  }
  if (st_.pulled < wanted) {
    if (wanted > 0) image_.uses_payload = true;
    const ir::Value upto = wanted == kAll ? header(offsetof(pl_packet, captured)) : payload_end(wanted);
    const ir::BlockId more = b_.new_block();
    const ir::BlockId there = b_.new_block();
    b_.branch(Condition::kUgt, upto, header(offsetof(pl_packet, copied)), more, there);
    b_.switch_to(more);
    b_.pull(upto);
    b_.jump(there);
    b_.switch_to(there);
    st_.pulled = wanted;
  }
  if (view.base == AbstractValue::kHeaders || (view.base >= 0 && view.base + reach <= kAlwaysHeld)) return;
  // A packet may be longer than the slot's copy of it. Only what is read must be there: lengths are true anyway.
  const ir::Value last = end < 0 ? b_.add(view.a, view.b) : b_.add(view.a, end);
  const ir::BlockId beyond = b_.new_block();
  const ir::BlockId held = b_.new_block();
  b_.branch(Condition::kUgt, last, number(int64_t{PL_FRAME} + PL_FRAME_MAX), beyond, held);
  b_.switch_to(beyond);
  fail(fmt::format("byte {{0}} of a packet is needed; a compiled filter sees the first {}", PL_FRAME_MAX),
       b_.sub(last, number(kFrame)));
  ended_ = false;
  b_.switch_to(held);
}

// Where payload bytes [0, length) end in the frame, as far as there are any.
ir::Value Lowering::payload_end(int64_t length) {
  const ir::Value payload = header(offsetof(pl_packet, payload));
  return length == 0 ? payload : smaller(b_.add(payload, length), header(offsetof(pl_packet, end)));
}

void Lowering::know_length(const AbstractValue& view, int64_t least) {
  for (AbstractValue* value : flatten(st_)) {
    if (value->kind == view.kind && value->a == view.a && value->b == view.b)
      value->least = std::max(value->least, least);
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
  const auto disp = static_cast<int32_t>(field.offset);
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
        ir::Value high =
            b_.binary(Op::kShl, b_.swap(Op::kSwap64, b_.load(8, pointer, disp)), static_cast<int64_t>(first));
        if (touched == 9) {
          high = b_.binary(Op::kOr, high,
                           b_.binary(Op::kLshr, b_.load(1, pointer, disp + 8), static_cast<int64_t>(8 - first)));
        }
        value = b_.binary(Op::kLshr, high, static_cast<int64_t>(64 - width));
      }
      const unsigned rest = width % 8;
      const unsigned whole = width - rest;
      if (field.little_endian && whole != 0) {
        const ir::Value swapped =
            b_.binary(Op::kLshr, b_.swap(Op::kSwap64, b_.binary(Op::kLshr, value, static_cast<int64_t>(rest))),
                      static_cast<int64_t>(64 - whole));
        value = rest == 0
                    ? swapped
                    : b_.binary(Op::kOr, swapped,
                                b_.binary(Op::kShl, b_.binary(Op::kAnd, value, static_cast<int64_t>((1U << rest) - 1)),
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
  if (field.end > kNoSuchByte) return set(result, AbstractValue::nil());
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
    AbstractValue text =
        AbstractValue::dynamic_string(b_.add(seen.a, static_cast<int64_t>(field.offset)), number(length), length);
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
    } else if (is_far(field)) {
      refuse("far-field", "a field more than 16 KiB into the data", "take a segment first");
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

// The bytes of an address, which stay bytes until they are needed as text.
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

// A key from the packet may be the name of a field, which comes before the byte at that offset.
void Lowering::refuse_dynamic_field(const AbstractValue& view, const AbstractValue& key) {
  const bool name = key.kind == Kind::kDynamicString;
  const bool other = (key.kind == Kind::kDynamicInteger || key.kind == Kind::kDynamicBoolean) && view.object != 0 &&
                     world_->has_fields_without_name(view.object);
  if (name || other) refuse("dynamic-field", "a field whose name comes from the packet", "use constant names");
}

void Lowering::get_from_view(const AbstractValue& view, const AbstractValue& key, uint32_t result) {
  if (key.kind == Kind::kString && is_view_method(view, key.string()))
    refuse("method-value", fmt::format("the method '{}' is taken as a value", key.string()),
           "call it: view:method(...)");
  refuse_dynamic_field(view, key);
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
    if (position.integer < 0 || position.integer >= int64_t{kNoSuchByte}) return set(result, AbstractValue::nil());
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
  AbstractValue byte = seen;
  byte.a = b_.add(seen.a, position.a);
  byte.b = number(1);
  ensure_bytes(byte, -1);
  set(result, byte_value(load_byte(seen.a, position)));
  outcome();
}

// The byte `index` after slot offset `start`.
ir::Value Lowering::load_byte(ir::Value start, const AbstractValue& index) {
  if (index.kind == Kind::kInteger && index.integer < kLargestDisplacement)
    return b_.load(1, at(start), static_cast<int32_t>(index.integer));
  return b_.load(1, at(b_.add(start, integer_of(index))), 0);
}

}  // namespace perilune::compiler
