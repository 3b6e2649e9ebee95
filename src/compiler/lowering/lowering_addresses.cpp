// Addresses: the bytes that views and pkt hand out, and their text as net.ip and layouts write it.
//
// The text of an IPv6 address (RFC 5952, and inet_ntop(3), which the lua engine calls): eight groups of hexadecimal
// digits; the longest run of two or more zero groups, the first of several, is '::'. So 2001:db8:0:0:1:0:0:1 is
// 2001:db8::1:0:0:1, and 2001:db8:0:1:0:1:0:1 keeps its zeros, none of which has a neighbour. Which run it is depends
// only on which groups are zero: a table of 256 bytes knows it. An address after ::/96 or ::ffff:0:0/96 ends as an
// IPv4 address.
//
// Cost: one iteration a group, each without a loop of its own.
#include <bit>

#include "compiler/lowering/lowering.h"
#include "luadata/address_text.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;
using Kind = AbstractValue::Kind;
using luadata::FieldKind;

constexpr int kGroups = 8;
constexpr int64_t kLongestIpv6 = 45;
constexpr int64_t kIpv6Room = 64;  // its text, what is written after it for a while, and its bytes:
constexpr int32_t kIpv6Bytes = 48;

/// The run of zero groups that is left out: its first group in bits 0-3, one past its last in bits 4-7. None: 15 and 0.
struct Gap {
  int begin = 15;
  int end = 0;
  [[nodiscard]] uint8_t packed() const { return static_cast<uint8_t>(begin | end << 4); }
};

/// `zeros`: bit n is set when group n is zero.
Gap longest_gap(unsigned zeros) {
  Gap gap;
  int longest = 1;
  for (int begin = 0; begin < kGroups; ++begin) {
    const int length = std::countr_one(zeros >> begin);
    if (length <= longest) continue;
    longest = length;
    gap = {begin, begin + length};
  }
  return gap;
}

std::string gap_table() {
  std::string table;
  for (unsigned zeros = 0; zeros < 1U << kGroups; ++zeros)
    table += static_cast<char>(longest_gap(zeros).packed());
  return table;
}

}  // namespace

bool Lowering::is_address(const AbstractValue& text) {
  if (text.kind == Kind::kString) return text.string().size() == 4 || text.string().size() == 16;
  if (text.kind != Kind::kDynamicString) return false;
  return text.address || (text.least == text.most && (text.most == 4 || text.most == 16));
}

AbstractValue Lowering::address_text(const AbstractValue& address) {
  const auto made = [](ir::Value place, ir::Value length, int64_t least, int64_t most) {
    AbstractValue text = AbstractValue::dynamic_string(place, length, most);
    text.least = least;
    return text;
  };
  switch (static_cast<FieldKind>(address.index)) {
    case FieldKind::kMac:
      return made(mac_text(address.a), number(17), 17, 17);
    case FieldKind::kIpv6: {
      const ir::Value place = allocate_string(number(kIpv6Room));
      return made(place, ipv6_text(address.a, address.b, place), 2, kLongestIpv6);
    }
    default: {
      const ir::Value place = allocate_string(number(16));
      return made(place, ipv4_text(address.a, place, number(0)), 7, 15);
    }
  }
}

ir::Value Lowering::mac_text(ir::Value bytes) {
  const ir::Value place = allocate_string(number(24));
  for (int32_t n = 0; n < 6; ++n) {
    const ir::Value byte = b_.binary(Op::kAnd, b_.binary(Op::kLshr, bytes, 8 * n), 255);
    const ir::Value digits[2] = {b_.binary(Op::kLshr, byte, 4), b_.binary(Op::kAnd, byte, 15)};
    for (int32_t d = 0; d < 2; ++d) {
      const ir::Value text =
          select(Condition::kUlt, digits[d], number(10), b_.add(digits[d], '0'), b_.add(digits[d], 'a' - 10));
      b_.store(1, at(place), n * 3 + d, text);
    }
    if (n < 5) b_.store(1, at(place), n * 3 + 2, number(':'));
  }
  return place;
}

// From `position` on; the position after it.
ir::Value Lowering::ipv4_text(ir::Value bytes, ir::Value place, ir::Value position) {
  for (int32_t n = 0; n < 4; ++n) {
    const ir::Value byte = b_.binary(Op::kAnd, b_.binary(Op::kLshr, bytes, 8 * n), 255);
    const ir::Value hundreds = b_.binary(Op::kUdiv, byte, 100);
    const ir::Value tens_and_ones = b_.binary(Op::kUmod, byte, 100);
    const ir::Value tens = b_.binary(Op::kUdiv, tens_and_ones, 10);
    const ir::Value ones = b_.binary(Op::kUmod, tens_and_ones, 10);
    const ir::BlockId three = b_.new_block();
    const ir::BlockId less = b_.new_block();
    const ir::BlockId after_hundreds = b_.new_block(1);
    b_.branch(Condition::kNe, hundreds, 0, three, less);
    b_.switch_to(three);
    b_.store(1, at(b_.add(place, position)), 0, b_.add(hundreds, '0'));
    b_.store(1, at(b_.add(place, position)), 1, b_.add(tens, '0'));
    b_.jump(after_hundreds, {b_.add(position, 2)});
    b_.switch_to(less);
    const ir::BlockId two = b_.new_block();
    b_.branch(Condition::kNe, tens, number(0), ir::Edge{two, {}}, ir::Edge{after_hundreds, {position}});
    b_.switch_to(two);
    b_.store(1, at(b_.add(place, position)), 0, b_.add(tens, '0'));
    b_.jump(after_hundreds, {b_.add(position, 1)});
    b_.switch_to(after_hundreds);
    position = b_.parameters(after_hundreds)[0];
    b_.store(1, at(b_.add(place, position)), 0, b_.add(ones, '0'));
    position = b_.add(position, 1);
    if (n < 3) {
      b_.store(1, at(b_.add(place, position)), 0, number('.'));
      position = b_.add(position, 1);
    }
  }
  return position;
}

// The four digits of a group, as bytes of one word, the first in its lowest byte. `group` is as the packet has it.
ir::Value Lowering::hexadecimal_digits(ir::Value group) {
  const auto nibble = [&](int64_t shift, int64_t byte) {
    return b_.binary(Op::kShl, b_.binary(Op::kAnd, b_.binary(Op::kLshr, group, shift), 15), 8 * byte);
  };
  ir::Value nibbles = nibble(4, 0);
  for (const auto& [shift, byte] : {std::pair{0, 1}, std::pair{12, 2}, std::pair{8, 3}})
    nibbles = b_.binary(Op::kOr, nibbles, nibble(shift, byte));
  // 1 in each byte that is ten or more.
  const ir::Value letters = b_.binary(Op::kAnd, b_.binary(Op::kLshr, b_.add(nibbles, 0x06060606), 4), 0x01010101);
  return b_.add(b_.add(nibbles, 0x30303030), b_.binary(Op::kMul, letters, 'a' - 10 - '0'));
}

// The length of the text.
//
//   for n = 0, 7 do
//     if n == gap.begin then put ':'; n = gap.end; goto continue end
//     if n ~= 0 then put ':' end
//     if n == 6 and mapped then put the IPv4 address; return end
//     put the group
//   end
//   if gap.end == 8 then put ':' end
ir::Value Lowering::ipv6_text(ir::Value first, ir::Value second, ir::Value place) {
  const auto put_colon = [&](ir::Value position) {
    b_.store(1, at(b_.add(place, position)), 0, number(':'));
    return b_.add(position, 1);
  };
  b_.store(8, at(place), kIpv6Bytes, first);
  b_.store(8, at(place), kIpv6Bytes + 8, second);
  ir::Value zeros = number(0);
  for (int32_t n = 0; n < kGroups; ++n) {
    const ir::Value group = b_.load(2, at(place), kIpv6Bytes + 2 * n);
    const ir::Value is_zero = b_.binary(Op::kLshr, b_.add(group, -1), 63);
    zeros = b_.binary(Op::kOr, zeros, b_.binary(Op::kShl, is_zero, n));
  }
  const ir::Value gap = b_.load(1, at(b_.add(number(constants_.add(gap_table())), zeros)), 0);
  const ir::Value gap_begin = b_.binary(Op::kAnd, gap, 15);
  const ir::Value gap_end = b_.binary(Op::kLshr, gap, 4);
  const ir::Value behind_ffff = select(Condition::kEq, b_.load(2, at(place), kIpv6Bytes + 10), number(0xffff),
                                       number(Gap{0, 5}.packed()), number(Gap{0, 6}.packed()));

  const ir::BlockId head = b_.new_block(2);
  const ir::BlockId more = b_.new_block();
  const ir::BlockId groups_end = b_.new_block();
  const ir::BlockId done = b_.new_block(1);
  b_.jump(head, {number(0), number(0)});
  b_.switch_to(head);
  make_loop(head);
  const ir::Value n = b_.parameters(head)[0];
  const ir::Value position = b_.parameters(head)[1];
  b_.branch(Condition::kUlt, n, kGroups, more, groups_end);

  b_.switch_to(more);
  const ir::BlockId in_gap = b_.new_block();
  const ir::BlockId shown = b_.new_block();
  b_.branch(Condition::kEq, n, gap_begin, ir::Edge{in_gap, {}}, ir::Edge{shown, {}});
  b_.switch_to(in_gap);
  b_.jump(head, {gap_end, put_colon(position)});
  b_.switch_to(shown);
  const ir::BlockId separated = b_.new_block();
  const ir::BlockId begun = b_.new_block(1);
  b_.branch(Condition::kNe, n, number(0), ir::Edge{separated, {}}, ir::Edge{begun, {position}});
  b_.switch_to(separated);
  b_.jump(begun, {put_colon(position)});
  b_.switch_to(begun);
  const ir::Value start = b_.parameters(begun)[0];
  const ir::BlockId seventh = b_.new_block();
  const ir::BlockId mapped = b_.new_block();
  const ir::BlockId hexadecimal = b_.new_block();
  b_.branch(Condition::kEq, n, kGroups - 2, seventh, hexadecimal);
  b_.switch_to(seventh);
  b_.branch(Condition::kEq, gap, behind_ffff, ir::Edge{mapped, {}}, ir::Edge{hexadecimal, {}});
  b_.switch_to(mapped);
  b_.jump(done, {ipv4_text(b_.load(4, at(place), kIpv6Bytes + 12), place, start)});

  b_.switch_to(hexadecimal);
  const ir::Value bytes = b_.add(place, kIpv6Bytes);
  const ir::Value group = b_.load(2, at(b_.add(bytes, b_.binary(Op::kShl, n, 1))), 0);
  const ir::Value value =
      b_.binary(Op::kOr, b_.binary(Op::kLshr, group, 8), b_.binary(Op::kShl, b_.binary(Op::kAnd, group, 255), 8));
  ir::Value leading = number(0);  // zeros that are not written
  for (const int64_t below : {0x1000, 0x100, 0x10})
    leading = b_.add(leading, b_.binary(Op::kLshr, b_.add(value, -below), 63));
  const ir::Value digits = b_.binary(Op::kLshr, hexadecimal_digits(group), b_.binary(Op::kShl, leading, 3));
  b_.store(4, at(b_.add(place, start)), 0, digits);
  b_.jump(head, {b_.add(n, 1), b_.sub(b_.add(start, 4), leading)});

  b_.switch_to(groups_end);
  const ir::BlockId open = b_.new_block();
  b_.branch(Condition::kEq, gap_end, number(kGroups), ir::Edge{open, {}}, ir::Edge{done, {position}});
  b_.switch_to(open);
  b_.jump(done, {put_colon(position)});
  b_.switch_to(done);
  return b_.parameters(done)[0];
}

// The bytes of an address, as net.ip and net.mac take them: a string or a view. False: the script has failed.
bool Lowering::address_argument(Call& call, AbstractValue& bytes) {
  if (call.argument(0).kind == Kind::kView) call.arguments[0] = view_text(call.arguments[0]);
  if (!string_argument(call, 0, bytes)) return false;
  bytes = as_dynamic(bytes);
  return true;
}

void Lowering::require_length(const Call& call, const AbstractValue& bytes, std::initializer_list<int64_t> lengths,
                              const std::string& problem) {
  if (bytes.least == bytes.most && std::ranges::find(lengths, bytes.most) != lengths.end()) return;
  const State before = st_;
  const ir::BlockId right = b_.new_block();
  for (const int64_t length : lengths) {
    const ir::BlockId other = b_.new_block();
    b_.branch(Condition::kEq, bytes.b, length, right, other);
    b_.switch_to(other);
  }
  fail(argument_message(call, 0, problem), bytes.b);
  ended_ = false;
  resume(right, before);
}

// net.ip(address): 4 or 16 bytes as text.
void Lowering::call_net_ip(Call& call) {
  AbstractValue bytes;
  if (!address_argument(call, bytes)) return;
  if (!is_address(bytes)) require_length(call, bytes, {4, 16}, "an IP address has 4 or 16 bytes, not {0}");
  AbstractValue address = AbstractValue::of(Kind::kAddress);
  address.b = number(0);
  const auto text_of = [&](FieldKind kind) {
    address.index = static_cast<uint32_t>(kind);
    address.a = b_.load(kind == FieldKind::kIpv4 ? 4 : 8, at(bytes.a), 0);
    if (kind == FieldKind::kIpv6) address.b = b_.load(8, at(bytes.a), 8);
    return address_text(address);
  };
  if (bytes.most < 16) return finish(call, {text_of(FieldKind::kIpv4)});
  if (bytes.least > 4) return finish(call, {text_of(FieldKind::kIpv6)});
  const ir::BlockId four = b_.new_block();
  const ir::BlockId sixteen = b_.new_block();
  const ir::BlockId join = b_.new_block(2);
  b_.branch(Condition::kEq, bytes.b, 4, four, sixteen);
  b_.switch_to(four);
  const AbstractValue shorter = text_of(FieldKind::kIpv4);
  b_.jump(join, {shorter.a, shorter.b});
  b_.switch_to(sixteen);
  const AbstractValue longer = text_of(FieldKind::kIpv6);
  b_.jump(join, {longer.a, longer.b});
  b_.switch_to(join);
  AbstractValue text = AbstractValue::dynamic_string(b_.parameters(join)[0], b_.parameters(join)[1], kLongestIpv6);
  text.least = longer.least;
  finish(call, {std::move(text)});
}

// net.mac(address): 6 bytes as text.
void Lowering::call_net_mac(Call& call) {
  AbstractValue bytes;
  if (!address_argument(call, bytes)) return;
  require_length(call, bytes, {6}, "a MAC address has 6 bytes, not {0}");
  AbstractValue address = AbstractValue::of(Kind::kAddress);
  address.index = static_cast<uint32_t>(FieldKind::kMac);
  address.a = b_.binary(Op::kOr, b_.load(4, at(bytes.a), 0), b_.binary(Op::kShl, b_.load(2, at(bytes.a), 4), 32));
  address.b = number(0);
  finish(call, {address_text(address)});
}

}  // namespace perilune::compiler
