// Writing to data views: what is written stands in the slot at once, and reaches the packet when the filter has
// returned.
//
//   ip.ttl = 64        one comparison with the length, one store, and the written range grows
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

}  // namespace

// Something is about to be written: takes care that strings of the packet's bytes keep what they were.
void Lowering::writes_to_packet() {
  if (!target_.writes) {
    refuse("read-only-hook", "the packet is written to, and packets can only be read at this hook",
           "load the script at tc:IF:in, tc:IF:out or xdp:IF");
  }
  image_.writes = true;
  State probe = st_;
  clear_dead(probe);
  const auto live = flatten(probe);
  const auto real = flatten(st_);
  for (size_t i = 0; i < live.size(); ++i) {
    if (live[i]->kind == Kind::kMatch)
      refuse("string-then-write", "the packet is written to before the result of a match is used",
             "use the result first");
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
}

// Marks slot bytes [begin, end) as written.
void Lowering::before_write(ir::Value begin, ir::Value end, bool may_be_empty) {
  writes_to_packet();
  const ir::Value slot = b_.slot();
  const ir::Value first = b_.sub(begin, number(kFrame));
  const ir::Value last = b_.sub(end, number(kFrame));
  const ir::Value old_begin = b_.load(4, slot, PL_RECORD + offsetof(pl_packet, dirty_begin));
  const ir::Value old_end = b_.load(4, slot, PL_RECORD + offsetof(pl_packet, dirty_end));
  const ir::Value least = smaller(first, old_begin);
  ir::Value start = select(Condition::kEq, old_end, number(0), first, least);
  ir::Value stop = select(Condition::kUgt, last, old_end, last, old_end);
  if (may_be_empty) {  // then nothing is written, and nothing was if nothing was before
    start = select(Condition::kEq, first, last, old_begin, start);
    stop = select(Condition::kEq, first, last, old_end, stop);
  }
  b_.store(4, b_.slot(), PL_RECORD + offsetof(pl_packet, dirty_begin), start);
  b_.store(4, b_.slot(), PL_RECORD + offsetof(pl_packet, dirty_end), stop);
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
  unsigned below = touched * 8 - first - width;  // bits of the last byte after the field
  unsigned left = width;
  unsigned taken = 0;
  for (unsigned n = touched; n-- > 0;) {
    const unsigned room = std::min(8 - below, left);
    const unsigned byte_mask = ((1U << room) - 1U) << below;
    ir::Value piece = b_.binary(Op::kLshr, bits, static_cast<int64_t>(taken));
    piece =
        b_.binary(Op::kAnd, b_.binary(Op::kShl, piece, static_cast<int64_t>(below)), static_cast<int64_t>(byte_mask));
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
  const ir::Value index = key.kind == Kind::kDynamicInteger ? key.a : ir::kNoValue;
  if (value.kind == Kind::kFloat) {
    const auto rounded = static_cast<double>(static_cast<int64_t>(value.number));
    if (rounded == value.number) {
      whole = AbstractValue::integer_constant(static_cast<int64_t>(value.number));
      return true;
    }
    fail(fmt::format("field {}: cannot write {}, it needs a whole number", field_name(key), value.number), ir::kNoValue,
         index);
    return false;
  }
  if (value.kind == Kind::kString) {
    const World::Evaluation number = world_->evaluate(world_->builtin("tonumber"), {value});
    check_evaluation(number, "tonumber");
    if (!number.failed && !number.results.empty() && number.results[0].kind == Kind::kInteger) {
      whole = number.results[0];
      return true;
    }
  }
  if (value.kind == Kind::kDynamicString)
    refuse("string-arithmetic", "a string is written to a number's field", "convert it with tonumber(s, 10)");
  fail(fmt::format("field {}: cannot write a {}, it needs a whole number", field_name(key), type_name(value)),
       ir::kNoValue, index);
  return false;
}

void Lowering::write_view_field(const AbstractValue& view, const Field& field, const AbstractValue& key,
                                const AbstractValue& value) {
  AbstractValue seen = view;
  const bool strict = world_->data_option("strict");
  if (field.kind == FieldKind::kLayout)
    return fail(fmt::format("field {} is a layout: write the fields inside it", field_name(key)));
  if (field.end > kNoSuchByte) {
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
  if (field.kind != FieldKind::kString && is_far(field))
    refuse("far-field", "a field more than 16 KiB into the data", "take a segment first");
  if (is_number(field.kind)) {
    AbstractValue whole;
    live = whole_number(value, key, whole);
    if (live) {
      ensure_bytes(seen, end);
      before_write(b_.add(seen.a, offset), b_.add(seen.a, end));
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
  if (value.kind == Kind::kInteger || value.kind == Kind::kFloat) value = text_of_number(value);
  if (value.kind == Kind::kDynamicInteger) value = text_of_integer(value.a);
  if (!value.is_string()) {
    fail(fmt::format("field {}: cannot write a {}, it needs a string", field_name(key), type_name(value)));
    return false;
  }
  ensure_bytes(view, offset + room);
  const StringParts parts = string_of(value);
  const ir::Value length =
      parts.most <= room && value.kind == Kind::kString ? parts.length : smaller(parts.length, number(room));
  ir::Value from = parts.offset;
  if (value.in_frame) {  // the two may overlap
    from = allocate_string(length);
    copy_bytes(from, parts.offset, length);
  }
  const ir::Value to = b_.add(view.a, offset);
  before_write(to, b_.add(to, length), true);
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
    before_write(b_.add(view.a, first), b_.add(view.a, static_cast<int64_t>(field.end)));
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
    refuse("address-text", "an address as text that comes from the packet is written",
           "write a constant address, or use a 'string' field and copy bytes");
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
  before_write(b_.add(view.a, offset), b_.add(view.a, static_cast<int64_t>(field.end)));
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
  refuse_dynamic_field(view, key);
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
    fail(fmt::format("cannot write field {}: it lies outside the {{0}} bytes of this data", field_name(key)), seen.b,
         position);
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
  const ir::Value place = b_.add(seen.a, position);
  const ir::Value behind = b_.add(place, 1);
  if (key.kind == Kind::kInteger) {
    ensure_bytes(seen, key.integer + 1);
  } else {
    AbstractValue byte = seen;
    byte.a = place;
    byte.b = number(1);
    ensure_bytes(byte, -1);
  }
  before_write(place, behind);
  b_.store(1, at(place), 0, integer_of(whole));
  outcome();
}

}  // namespace perilune::compiler
