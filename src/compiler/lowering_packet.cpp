// pkt: what is known of the packet, as it arrived; its mark.
#include <array>
#include <bit>

#include <fmt/format.h>

#include "base/spelling.h"
#include "compiler/lowering.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;

constexpr std::array<std::string_view, 24> kNames{
    "block",     "direction", "dst",  "dport",  "ethertype", "fragment",  "frame",    "ifindex",
    "interface", "length",    "mark", "number", "pass",      "payload",   "protocol", "reject",
    "reply",     "sport",     "src",  "time",   "transport", "truncated", "version",  "vlan"};

}  // namespace

// The value when `test` holds, nil otherwise: two paths.
void Lowering::value_or_nil(Condition condition, ir::Value a, ir::Value b, uint32_t result,
                            const std::function<AbstractValue()>& make) {
  const State before = st_;
  const ir::BlockId yes = b_.new_block();
  const ir::BlockId no = b_.new_block();
  b_.branch(condition, a, b, yes, no);
  resume(no, before);
  set(result, AbstractValue::nil());
  outcome();
  resume(yes, before);
  set(result, make());
  outcome();
}

void Lowering::packet_address(bool source, uint32_t result) {
  const int32_t place = source ? offsetof(pl_header, source) : offsetof(pl_header, destination);
  constexpr unsigned kWord = 4;
  image_.header_fields |= uint64_t{0xf} << static_cast<unsigned>(place) / kWord;
  const ir::Value version = header(offsetof(pl_header, version));
  const auto address = [&] {
    // 4 bytes for version 4, 16 for version 6
    const ir::Value length = select(Condition::kEq, version, number(4), number(4), number(16));
    AbstractValue text = AbstractValue::dynamic_string(number(PL_HEADER + place), length, 16);
    text.least = 4;
    text.address = true;
    text.origin = source ? 's' : 'd';
    return text;
  };
  if (!target_.asks_not_ip) return set(result, address());
  value_or_nil(Condition::kNe, version, number(0), result, address);
}

void Lowering::get_from_packet(const AbstractValue& key, uint32_t result) {
  if (key.kind == Kind::kDynamicString)
    refuse("dynamic-field", "a field of pkt whose name comes from the packet", "use constant names");
  if (key.kind != Kind::kString) {
    return fail(fmt::format("pkt has named fields only, such as pkt.src; it was indexed with a {}", type_name(key)));
  }
  const std::string& name = key.string();
  const auto flag = [&](unsigned bit) {
    return b_.binary(Op::kAnd, header(offsetof(pl_header, flags)), static_cast<int64_t>(bit));
  };
  const auto flag_boolean = [&](unsigned bit) {
    return AbstractValue::dynamic_boolean(
        b_.binary(Op::kAnd, b_.binary(Op::kLshr, header(offsetof(pl_header, flags)), std::countr_zero(bit)), 1));
  };
  const auto integer = [&](int32_t field) { return AbstractValue::dynamic_integer(header(field)); };
  if (name == "direction") {
    if (target_.kernel) return set(result, AbstractValue::string_constant(target_.direction));
    const ir::Value direction = header(offsetof(pl_header, direction));
    const State before = st_;
    static constexpr const char* kDirections[] = {"in", "out", "forward"};
    for (int n = 0; n < 2; ++n) {
      const ir::BlockId yes = b_.new_block();
      const ir::BlockId no = b_.new_block();
      b_.branch(Condition::kEq, direction, n, yes, no);
      resume(yes, before);
      set(result, AbstractValue::string_constant(kDirections[n]));
      outcome();
      resume(no, before);
    }
    set(result, AbstractValue::string_constant(kDirections[2]));
    return outcome();
  }
  const bool of_frames = name == "frame" || name == "ethertype" || name == "vlan";
  if (of_frames && target_.kernel && !target_.has_frame) image_.misses_frame = true;
  if (name == "src") return packet_address(true, result);
  if (name == "dst") return packet_address(false, result);
  if (name == "sport" || name == "dport") {
    const int32_t field = name == "sport" ? offsetof(pl_header, source_port) : offsetof(pl_header, destination_port);
    if (st_.has_ports == 0) return set(result, AbstractValue::nil());
    if (st_.has_ports == 1) return set(result, integer(field));
    const ir::Value has = flag(PL_HAS_PORTS);
    const State before = st_;
    const ir::BlockId yes = b_.new_block();
    const ir::BlockId no = b_.new_block();
    b_.branch(Condition::kNe, has, 0, yes, no);
    resume(no, before);
    st_.has_ports = 0;
    set(result, AbstractValue::nil());
    outcome();
    resume(yes, before);
    st_.has_ports = 1;
    set(result, integer(field));
    return outcome();
  }
  if (name == "ethertype") {
    const ir::Value type = header(offsetof(pl_header, ethertype));
    return value_or_nil(Condition::kNe, type, number(0), result, [&] { return AbstractValue::dynamic_integer(type); });
  }
  if (name == "fragment") return set(result, flag_boolean(PL_FRAGMENT));
  if (name == "truncated") {
    if (target_.kernel) return set(result, AbstractValue::boolean(false));
    return set(result, flag_boolean(PL_TRUNCATED));
  }
  if (name == "frame") {
    if (target_.kernel && !target_.has_frame) return set(result, AbstractValue::nil());
    image_.uses_frame = true;
    const auto view = [&] {
      AbstractValue frame = AbstractValue::of(Kind::kView);
      frame.a = number(kFrame);
      frame.b = header(offsetof(pl_header, captured));
      frame.most = PL_FRAME_MAX;
      frame.index = ++views_;
      return frame;
    };
    if (target_.kernel) return set(result, view());
    return value_or_nil(Condition::kNe, flag(PL_HAS_FRAME), number(0), result, view);
  }
  if (name == "ifindex") {
    const ir::Value index = header(offsetof(pl_header, ifindex));
    return value_or_nil(Condition::kNe, index, number(0), result,
                        [&] { return AbstractValue::dynamic_integer(index); });
  }
  if (name == "interface") {
    if (target_.kernel && !target_.interface.empty())
      return set(result, AbstractValue::string_constant(target_.interface));
    if (target_.kernel)
      refuse("no-interface", "pkt.interface is not known at this hook",
             "name the interface where the hook has one (--at xdp:eth0, tc:eth0:in), or use pkt.ifindex, its number");
    const ir::Value length = header(offsetof(pl_header, interface_length));
    return value_or_nil(Condition::kNe, length, number(0), result, [&] {
      AbstractValue text =
          AbstractValue::dynamic_string(number(PL_HEADER + offsetof(pl_header, interface_name)), length, 64);
      text.least = 1;
      return text;
    });
  }
  if (name == "length") return set(result, integer(offsetof(pl_header, length)));
  if (name == "mark") return set(result, integer(offsetof(pl_header, mark)));
  if (name == "number") {
    if (target_.kernel)
      refuse("no-number", "pkt.number is not known in the kernel",
             "count with a map.counter or a module-level variable");
    return set(result, AbstractValue::dynamic_integer(b_.load(8, b_.slot(), offsetof(pl_header, number))));
  }
  if (name == "payload") return set(result, payload_view());
  if (name == "protocol") {
    const ir::Value protocol = header(offsetof(pl_header, protocol));
    if (!target_.asks_not_ip) return set(result, AbstractValue::dynamic_integer(protocol));
    return value_or_nil(Condition::kNe, header(offsetof(pl_header, version)), number(0), result,
                        [&] { return AbstractValue::dynamic_integer(protocol); });
  }
  if (name == "time") {
    if (target_.kernel) return set(result, AbstractValue::dynamic_integer(now()));
    return set(result, AbstractValue::dynamic_integer(b_.load(8, b_.slot(), offsetof(pl_header, time_ns))));
  }
  if (name == "transport") {
    const bool now = st_.replaced;
    const ir::Value flags = header(now ? offsetof(pl_header, now_flags) : offsetof(pl_header, flags));
    const ir::Value there = b_.binary(Op::kAnd, flags, int64_t{PL_HAS_TRANSPORT});
    return value_or_nil(Condition::kNe, there, number(0), result, [&] {
      const ir::Value transport = header(now ? offsetof(pl_header, now_transport) : offsetof(pl_header, transport));
      AbstractValue view = AbstractValue::of(Kind::kView);
      view.a = b_.add(transport, kFrame);
      view.b = b_.sub(header(now ? offsetof(pl_header, now_payload) : offsetof(pl_header, payload)), transport);
      view.most = PL_FRAME_MAX;
      view.least = 4;
      view.index = ++views_;
      view.base = AbstractValue::kHeaders;
      return view;
    });
  }
  if (name == "version") {
    const ir::Value version = header(offsetof(pl_header, version));
    if (!target_.asks_not_ip) return set(result, AbstractValue::dynamic_integer(version));
    return value_or_nil(Condition::kNe, version, number(0), result,
                        [&] { return AbstractValue::dynamic_integer(version); });
  }
  if (name == "vlan") {
    const ir::Value tags = header(offsetof(pl_header, vlan_tags));
    return value_or_nil(Condition::kNe, tags, number(0), result, [&] {
      return AbstractValue::dynamic_integer(b_.binary(Op::kAnd, header(offsetof(pl_header, vlan)), 0xfff));
    });
  }
  if (name == "pass" || name == "block" || name == "reject" || name == "reply")
    refuse("method-value", fmt::format("the method '{}' is taken as a value", name), "call it: pkt:block()");
  fail(fmt::format("pkt has no field '{}'{}", name, aside(did_you_mean(name, kNames))));
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
    b_.store(4, b_.slot(), offsetof(pl_header, mark), number_value);
    b_.store(4, b_.slot(), offsetof(pl_header, mark_set), number(1));
    return;
  }
  if (name == "payload") return replace_payload(value);
  if (std::ranges::find(kNames, name) != kNames.end()) {
    return fail(fmt::format(
        "pkt.{} cannot be set (only pkt.mark and pkt.payload can); write to the packet through hdr and pld", name));
  }
  fail(fmt::format("pkt has no field '{}'{}", name, aside(did_you_mean(name, kNames))));
}

}  // namespace perilune::compiler
