// pkt: what is known of the packet, as it arrived; its mark.
#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "base/spelling.h"
#include "compiler/lowering/lowering.h"
#include "packet/kind.h"

namespace perilune::compiler {
namespace {

using event::Field;
using event::Form;
using ir::Condition;
using ir::Op;

}  // namespace

// What no place of the record says in the kernel, because it is known at load or nowhere. False: the record has it.
bool Lowering::get_known_at_load(const std::string& name, uint32_t result) {
  if (!target_.kernel) return false;
  const bool of_frames = name == "frame" || name == "ethertype" || name == "vlan";
  if (of_frames && !target_.has_frame) image_.misses_frame = true;
  if (name == "frame" && !target_.has_frame) return set(result, AbstractValue::nil()), true;
  if (name == "direction") return set(result, AbstractValue::string_constant(target_.direction)), true;
  if (name == "interface") {
    if (target_.interface.empty())
      refuse("no-interface", "pkt.interface is not known at this hook",
             "name the interface where the hook has one (--at xdp:eth0, tc:eth0:in), or use pkt.ifindex, its number");
    return set(result, AbstractValue::string_constant(target_.interface)), true;
  }
  if (name == "number")
    refuse("no-number", "pkt.number is not known in the kernel", "count with a map.counter or a module-level variable");
  if (name == "time") return set(result, AbstractValue::dynamic_integer(now())), true;
  return false;
}

AbstractValue Lowering::record_address(const Field& field) {
  constexpr unsigned kWord = 4;
  image_.record_fields |= uint64_t{0xf} << field.at / kWord;
  // 4 bytes for version 4, 16 for version 6
  const ir::Value length = select(Condition::kEq, header(field.extent), number(4), number(4), number(16));
  AbstractValue text = AbstractValue::dynamic_string(number(PL_RECORD + field.at), length, 16);
  text.least = 4;
  text.address = true;
  text.origin = field.at == offsetof(pl_packet, source) ? 's' : 'd';
  return text;
}

AbstractValue Lowering::record_region(const Field& field) {
  AbstractValue view = AbstractValue::of(Kind::kView);
  view.most = PL_FRAME_MAX;
  view.index = ++views_;
  if (field.at == event::kFirstByte) {
    image_.uses_frame = true;
    view.a = number(kFrame);
    view.b = header(field.extent);
    return view;
  }
  const event::Kind& kind = packet::kind();
  const auto place = [&](uint16_t arrived) { return header(st_.replaced ? kind.now(arrived) : arrived); };
  const ir::Value begin = place(field.at);
  view.a = b_.add(begin, kFrame);
  view.b = b_.sub(place(field.extent), begin);
  const bool of_headers = field.extent == offsetof(pl_packet, payload);
  view.base = of_headers ? AbstractValue::kHeaders : 0;
  if (of_headers) view.least = 4;
  return view;
}

AbstractValue Lowering::record_value(const Field& field) {
  switch (field.form) {
    case Form::kFlag:
      return AbstractValue::dynamic_boolean(
          b_.binary(Op::kAnd, b_.binary(Op::kLshr, header(field.at), std::countr_zero(field.mask)), 1));
    case Form::kAddress:
      return record_address(field);
    case Form::kText: {
      AbstractValue text =
          AbstractValue::dynamic_string(number(PL_RECORD + field.at), header(field.extent), field.size);
      text.least = 1;
      return text;
    }
    case Form::kRegion:
      return record_region(field);
    default:
      break;
  }
  if (field.size == sizeof(uint64_t))
    return AbstractValue::dynamic_integer(b_.load(8, b_.slot(), PL_RECORD + field.at));
  const ir::Value value = header(field.at);
  constexpr uint32_t kWhole = 0xffffffff;
  return AbstractValue::dynamic_integer(field.mask == kWhole ? value : b_.binary(Op::kAnd, value, int64_t{field.mask}));
}

// One of a few words: a path for each.
void Lowering::record_word(const Field& field, uint32_t result) {
  const ir::Value which = header(field.at);
  const State before = st_;
  for (size_t n = 0; n + 1 < field.words.size(); ++n) {
    const ir::BlockId yes = b_.new_block();
    const ir::BlockId no = b_.new_block();
    b_.branch(Condition::kEq, which, number(static_cast<int64_t>(n)), yes, no);
    resume(yes, before);
    set(result, AbstractValue::string_constant(std::string(field.words[n])));
    outcome();
    resume(no, before);
  }
  set(result, AbstractValue::string_constant(std::string(field.words.back())));
  outcome();
}

void Lowering::get_from_packet(const AbstractValue& key, uint32_t result) {
  if (key.kind == Kind::kDynamicString)
    refuse("dynamic-field", "a field of pkt whose name comes from the packet", "use constant names");
  if (key.kind != Kind::kString) {
    return fail(fmt::format("pkt has named fields only, such as pkt.src; it was indexed with a {}", type_name(key)));
  }
  const std::string& name = key.string();
  const event::Kind& kind = packet::kind();
  const Field* field = kind.find(name);
  if (field == nullptr) {
    if (std::ranges::find(kind.methods, name) != kind.methods.end())
      refuse("method-value", fmt::format("the method '{}' is taken as a value", name), "call it: pkt:block()");
    return fail(fmt::format("pkt has no field '{}'{}", name, aside(did_you_mean(name, kind.names))));
  }
  if (get_known_at_load(name, result)) return;
  if (field->form == Form::kWord) return record_word(*field, result);
  const bool of_ip = field->needs_at == offsetof(pl_packet, version);
  const bool of_frame = field->needs == PL_HAS_FRAME && target_.kernel;
  if (field->needs == 0 || (of_ip && !target_.asks_not_ip) || of_frame) return set(result, record_value(*field));
  const bool of_ports = field->needs == PL_HAS_PORTS;
  if (of_ports && st_.has_ports == 0) return set(result, AbstractValue::nil());
  if (of_ports && st_.has_ports == 1) return set(result, record_value(*field));

  const bool moves = field->form == Form::kRegion && st_.replaced;
  ir::Value there = header(moves ? kind.now(field->needs_at) : field->needs_at);
  constexpr uint32_t kAny = 0xffffffff;
  if (field->needs != kAny) there = b_.binary(Op::kAnd, there, int64_t{field->needs});
  const State before = st_;
  const ir::BlockId yes = b_.new_block();
  const ir::BlockId no = b_.new_block();
  b_.branch(Condition::kNe, there, number(0), yes, no);
  resume(no, before);
  if (of_ports) st_.has_ports = 0;
  set(result, AbstractValue::nil());
  outcome();
  resume(yes, before);
  if (of_ports) st_.has_ports = 1;
  set(result, record_value(*field));
  outcome();
}

void Lowering::set_in_packet(const AbstractValue& key, const AbstractValue& value) {
  if (key.kind != Kind::kString) {
    if (key.kind == Kind::kDynamicString)
      refuse("dynamic-field", "a field of pkt whose name comes from the packet", "use constant names");
    return fail(fmt::format("pkt has named fields only, such as pkt.src; it was indexed with a {}", type_name(key)));
  }
  const std::string& name = key.string();
  if (name == "mark") {
    if (!target_.why_no_mark.empty()) refuse("no-mark", "pkt.mark cannot be set at this hook", target_.why_no_mark);
    image_.sets_mark = true;
    AbstractValue mark = value;
    if (value.kind == Kind::kFloat && value.number == static_cast<double>(static_cast<int64_t>(value.number)))
      mark = AbstractValue::integer_constant(static_cast<int64_t>(value.number));
    if (!mark.is_integer())
      return fail(fmt::format("pkt.mark is an integer from 0 to 0xffffffff; it was set to a {}", type_name(value)));
    const ir::Value number_value = integer_of(mark);
    const State before = st_;
    if (mark.kind == Kind::kInteger) {
      if (mark.integer < 0 || mark.integer > 0xffffffffLL) {
        return fail(fmt::format("pkt.mark is an integer from 0 to 0xffffffff; it was set to {}", mark.integer));
      }
    } else {
      const ir::BlockId good = b_.new_block();
      const ir::BlockId bad = b_.new_block();
      b_.branch(Condition::kUgt, number_value, number(0xffffffffLL), bad, good);
      resume(bad, before);
      fail("pkt.mark is an integer from 0 to 0xffffffff; it was set to {0}", number_value);
      ended_ = false;
      resume(good, before);
    }
    b_.store(4, b_.slot(), PL_RECORD + offsetof(pl_packet, mark), number_value);
    b_.store(4, b_.slot(), PL_RECORD + offsetof(pl_packet, mark_set), number(1));
    return;
  }
  if (name == "payload") return replace_payload(value);
  const std::span<const std::string_view> names = packet::kind().names;
  if (std::ranges::find(names, name) != names.end()) {
    return fail(fmt::format(
        "pkt.{} cannot be set (only pkt.mark and pkt.payload can); write to the packet through hdr and pld", name));
  }
  fail(fmt::format("pkt has no field '{}'{}", name, aside(did_you_mean(name, names))));
}

}  // namespace perilune::compiler
