// Strings: constants, slices of the packet, and short ones that the filter makes in the slot.
//
//   s == 'abc'        the lengths, then 8, 4, 2, 1 bytes at a time
//   s:sub(2, 5)       another slice
//   s:lower()         a copy: 8 bytes a step
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "compiler/lowering/lowering.h"
#include "luadata/field.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;

constexpr size_t kLongestInline = 64;  // bytes compared without a loop

}  // namespace

std::string Lowering::describe_string(std::string_view text) {
  std::string result = "'";
  for (const char c : text.substr(0, 40))
    result += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return result + (text.size() > 40 ? "...'" : "'");
}

void Lowering::branch_bytes_equal(ir::Value pointer, std::string_view bytes, ir::BlockId yes, ir::BlockId no) {
  size_t done = 0;
  while (done < bytes.size()) {
    const size_t left = bytes.size() - done;
    const unsigned size = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + done, size);
    const ir::Value loaded = b_.load(size, pointer, static_cast<int32_t>(done));
    done += size;
    const ir::BlockId next = done == bytes.size() ? yes : b_.new_block();
    b_.branch(Condition::kEq, loaded, static_cast<int64_t>(word), next, no);
    if (next != yes) b_.switch_to(next);
  }
  if (bytes.empty()) b_.jump(yes);
}

void Lowering::branch_equal(const AbstractValue& first, const AbstractValue& second, ir::BlockId yes, ir::BlockId no) {
  if (first.kind == Kind::kString && second.kind == Kind::kString)
    return b_.jump(first.string() == second.string() ? yes : no);
  if (first.kind == Kind::kAddress || second.kind == Kind::kAddress) {
    const AbstractValue& one = first.kind == Kind::kAddress ? first : second;
    const AbstractValue& other = first.kind == Kind::kAddress ? second : first;
    ir::Value low = other.a;
    ir::Value high = other.b;
    if (other.kind == Kind::kString) {
      const auto words = address_words(other.string(), one.index);
      if (!words.has_value()) return b_.jump(no);
      low = number(static_cast<int64_t>((*words)[0]));
      high = number(static_cast<int64_t>((*words)[1]));
    } else if (other.kind != Kind::kAddress || other.index != one.index) {
      return branch_equal(address_text(one), other, yes, no);
    }
    const ir::BlockId next = b_.new_block();
    b_.branch(Condition::kEq, one.a, low, ir::Edge{next, {}}, ir::Edge{no, {}});
    b_.switch_to(next);
    return b_.branch(Condition::kEq, one.b, high, ir::Edge{yes, {}}, ir::Edge{no, {}});
  }
  const bool swap = first.kind == Kind::kString;
  const AbstractValue& a = swap ? second : first;  // dynamic
  const AbstractValue& b = swap ? first : second;
  if (b.kind == Kind::kString) {
    const auto length = static_cast<int64_t>(b.string().size());
    if (length > a.most || length < a.least) return b_.jump(no);
    if (!(a.most == length && a.least == length)) {
      const ir::BlockId same_length = b_.new_block();
      b_.branch(Condition::kEq, a.b, length, same_length, no);
      b_.switch_to(same_length);
    }
    if (b.string().size() <= kLongestInline) return branch_bytes_equal(at(a.a), b.string(), yes, no);
  }
  const StringParts x = string_of(a);
  const StringParts y = string_of(b);
  const ir::BlockId same_length = b_.new_block();
  b_.branch(Condition::kEq, x.length, y.length, ir::Edge{same_length, {}}, ir::Edge{no, {}});
  b_.switch_to(same_length);
  branch_memory_equal(x.offset, y.offset, x.length, yes, no);
}

// Are `length` bytes at two slot offsets equal? 8 bytes an iteration; the last iteration looks only at what belongs to
// them.
void Lowering::branch_memory_equal(ir::Value x, ir::Value y, ir::Value length, ir::BlockId yes, ir::BlockId no) {
  const auto [head, done, end] = loop_over(length, yes);
  const ir::BlockId whole = b_.new_block();
  const ir::BlockId rest = b_.new_block();
  const ir::Value different =
      b_.binary(Op::kXor, b_.load(8, at(b_.add(x, done)), 0), b_.load(8, at(b_.add(y, done)), 0));
  const ir::Value left = b_.sub(length, done);
  b_.branch(Condition::kUlt, left, number(8), ir::Edge{rest, {}}, ir::Edge{whole, {}});
  b_.switch_to(whole);
  b_.branch(Condition::kEq, different, number(0), ir::Edge{head, {b_.add(done, 8)}}, ir::Edge{no, {}});
  b_.switch_to(rest);
  const ir::Value bits = b_.binary(Op::kShl, left, 3);
  const ir::Value shifted = b_.binary(Op::kShl, different, b_.sub(number(64), bits));  // left is 1 to 7
  b_.branch(Condition::kEq, shifted, number(0), ir::Edge{yes, {}}, ir::Edge{no, {}});
}

// Makes the current block, which has just been begun, the head of a loop that ends by itself.
void Lowering::make_loop(ir::BlockId head) {
  const ir::BlockId spent = exhausted();
  function_.blocks[head].loop_header = true;
  function_.blocks[head].exhausted = spent;
}

Lowering::ByteLoop Lowering::loop_over(ir::Value length, std::optional<ir::BlockId> end) {
  const ir::BlockId head = b_.new_block(1);
  b_.jump(head, {number(0)});
  b_.switch_to(head);
  make_loop(head);
  const ir::Value done = b_.parameters(head)[0];
  const ir::BlockId body = b_.new_block();
  if (!end.has_value()) end = b_.new_block();
  b_.branch(Condition::kUlt, done, length, body, *end);
  b_.switch_to(body);
  return {head, done, *end};
}

// Below, equal to or above 0, as strcmp: by unsigned bytes, then by length.
ir::Value Lowering::compare_strings(const AbstractValue& a, const AbstractValue& b) {
  const StringParts x = string_of(a);
  const StringParts y = string_of(b);
  const ir::Value both = smaller(x.length, y.length);
  const ir::BlockId join = b_.new_block(1);
  const auto [head, done, end] = loop_over(both);
  const ir::Value difference =
      b_.sub(b_.load(1, at(b_.add(x.offset, done)), 0), b_.load(1, at(b_.add(y.offset, done)), 0));
  b_.branch(Condition::kEq, difference, number(0), ir::Edge{head, {b_.add(done, 1)}}, ir::Edge{join, {difference}});
  b_.switch_to(end);
  b_.jump(join, {b_.sub(x.length, y.length)});
  b_.switch_to(join);
  return b_.parameters(join)[0];
}

// Room for `length` bytes of a new string; the script fails when there is none.
ir::Value Lowering::allocate_string(ir::Value length) {
  ++allocations_;
  const ir::Value top = string_top();
  const ir::Value rounded = b_.binary(Op::kAnd, b_.add(length, 15), -8);
  const ir::Value next = b_.add(top, rounded);
  const ir::BlockId good = b_.new_block();
  const ir::BlockId bad = b_.new_block();
  function_.blocks[bad].unlikely = true;
  b_.branch(Condition::kUgt, next, number(kStringsSize - 64), bad, good);
  fail_aside(bad, good, [&] { fail("not enough memory for the strings that are made for one packet"); });
  b_.store(8, b_.slot(), kStringTop, next);
  return b_.add(top, kStrings);
}

// Moves strings to `before`, one after the other, and gives what is used at PL_STRINGS then; to `no_room` where that
// cannot be. A single one stands above `before`. Of several one may be a part of another, so they are copied to the end
// of all, `used`, first.
ir::Value Lowering::move_strings(std::vector<MovedString>& strings, ir::Value before, ir::Value used,
                                 ir::BlockId no_room) {
  ir::Value size = number(0);
  for (MovedString& one : strings) {
    one.to = b_.add(b_.add(before, size), kStrings);
    size = b_.add(size, b_.binary(Op::kAnd, b_.add(one.length, 15), -8));
  }
  if (strings.size() == 1) {
    copy_bytes(strings[0].to, strings[0].from, strings[0].length);
  } else {
    const ir::BlockId room = b_.new_block();
    b_.branch(Condition::kUgt, b_.add(used, size), number(kStringsSize - 64), no_room, room);
    b_.switch_to(room);
    const ir::Value distance = b_.sub(used, before);
    for (const MovedString& one : strings)
      copy_bytes(b_.add(one.to, distance), one.from, one.length);
    copy_bytes(b_.add(before, kStrings), b_.add(used, kStrings), size);
  }
  const ir::Value now = b_.add(before, size);
  b_.store(8, b_.slot(), kStringTop, now);
  return now;
}

void Lowering::copy(unsigned unit, ir::Value to, ir::Value from, ir::Value length) {
  const auto [head, done, end] = loop_over(length);
  b_.store(unit, at(b_.add(to, done)), 0, b_.load(unit, at(b_.add(from, done)), 0));
  b_.jump(head, {b_.add(done, int64_t{unit})});
  b_.switch_to(end);
}

// As %d: the digits from the last to the first, backwards from the end of 24 bytes.
AbstractValue Lowering::text_of_integer(ir::Value integer) {
  const ir::Value place = allocate_string(number(24));
  const ir::Value sign = b_.binary(Op::kAshr, integer, 63);
  const ir::Value magnitude = b_.sub(b_.binary(Op::kXor, integer, sign), sign);
  const ir::BlockId head = b_.new_block(2);
  b_.jump(head, {magnitude, number(24)});
  b_.switch_to(head);
  make_loop(head);
  const ir::Value left = b_.parameters(head)[0];
  const ir::Value at_byte = b_.add(b_.parameters(head)[1], -1);
  const ir::Value quotient = b_.binary(Op::kUdiv, left, 10);
  const ir::Value digit = b_.add(b_.sub(left, b_.binary(Op::kMul, quotient, 10)), '0');
  b_.store(1, at(b_.add(place, at_byte)), 0, digit);
  const ir::BlockId end = b_.new_block();
  b_.branch(Condition::kNe, quotient, number(0), ir::Edge{head, {quotient, at_byte}}, ir::Edge{end, {}});
  b_.switch_to(end);
  const ir::BlockId negative = b_.new_block();
  const ir::BlockId join = b_.new_block(1);
  b_.branch(Condition::kNe, sign, number(0), ir::Edge{negative, {}}, ir::Edge{join, {at_byte}});
  b_.switch_to(negative);
  const ir::Value before = b_.add(at_byte, -1);
  b_.store(1, at(b_.add(place, before)), 0, number('-'));
  b_.jump(join, {before});
  b_.switch_to(join);
  const ir::Value start = b_.parameters(join)[0];
  AbstractValue text = AbstractValue::dynamic_string(b_.add(place, start), b_.sub(number(24), start), 20);
  text.least = 1;
  return text;
}

// --- arguments

// As luaL_argerror: the function has the name by which it is called, or else the library's.
std::string Lowering::argument_message(const Call& call, size_t argument, const std::string& problem) const {
  const auto [kind, called] = name_of_call(call.pc);
  const std::string& name = called.empty() ? call.name : called;
  if (kind != "method") return fmt::format("bad argument #{} to '{}' ({})", argument + 1, name, problem);
  if (argument == 0) return fmt::format("calling '{}' on bad self ({})", name, problem);
  return fmt::format("bad argument #{} to '{}' ({})", argument, name, problem);
}

// A message of the library's, which knows only its own name for the function, as luaL_argerror makes it in a call.
std::string Lowering::as_called(const Call& call, const std::string& message) const {
  const std::string_view begin = "bad argument #";
  const std::string name = fmt::format(" to '{}' (", call.name);
  const size_t at = message.find(name);
  size_t argument = 0;
  if (!message.starts_with(begin) || at == std::string::npos || !message.ends_with(')') ||
      std::from_chars(message.data() + begin.size(), message.data() + at, argument).ptr != message.data() + at ||
      argument == 0)
    return message;
  const size_t problem = at + name.size();
  return argument_message(call, argument - 1, message.substr(problem, message.size() - 1 - problem));
}

void Lowering::fail_argument(const Call& call, size_t argument, const std::string& problem) {
  fail(argument_message(call, argument, problem));
}

void Lowering::fail_type(const Call& call, size_t argument, const std::string& expected) {
  fail_argument(call, argument,
                fmt::format("{} expected, got {}", expected,
                            call.missing(argument) ? "no value" : type_name(call.argument(argument))));
}

bool Lowering::string_argument(const Call& call, size_t index, AbstractValue& value) {
  value = call.argument(index);
  if (value.is_string()) return true;
  if (value.kind == Kind::kInteger || value.kind == Kind::kFloat) {
    value = text_of_number(value);
    return true;
  }
  if (value.kind == Kind::kDynamicInteger) {
    value = text_of_integer(value.a);
    return true;
  }
  fail_type(call, index, "string");
  return false;
}

bool Lowering::integer_argument(const Call& call, size_t index, AbstractValue& value) {
  value = call.argument(index);
  if (value.is_integer()) return true;
  if (value.kind == Kind::kFloat || value.kind == Kind::kString) {
    const World::Conversion conversion = world_->to_integer(value);
    if (conversion.integer.has_value()) {
      value = AbstractValue::integer_constant(*conversion.integer);
      return true;
    }
    if (conversion.is_number) {
      fail_argument(call, index, "number has no integer representation");
      return false;
    }
  }
  if (value.kind == Kind::kDynamicString)
    refuse("string-arithmetic", "a string is used as a number", "convert it with tonumber(s, 10)");
  fail_type(call, index, "number");
  return false;
}

// --- the library

void Lowering::call_len(Call& call) {
  AbstractValue text;
  if (!string_argument(call, 0, text)) return;
  finish(call, {AbstractValue::dynamic_integer(string_of(text).length)});
}

// Positions as posrelatI: from 1; below zero from the end; at least 1.
ir::Value Lowering::start_position(const AbstractValue& position, const StringParts& text) {
  if (position.kind == Kind::kInteger) {
    if (position.integer > 0) return number(position.integer);
    if (position.integer == 0) return number(1);
  }
  const ir::Value value = integer_of(position);
  const ir::Value from_end = b_.add(b_.add(text.length, value), 1);
  const ir::Value bounded = larger_signed(from_end, number(1));
  if (position.kind == Kind::kInteger) return bounded;
  const ir::Value not_zero = select(Condition::kEq, value, number(0), number(1), value);
  return select(Condition::kSlt, value, number(0), bounded, not_zero);
}

// As getendpos: at most the length, 0 when before the start.
ir::Value Lowering::end_position(const AbstractValue& position, const StringParts& text) {
  if (position.kind == Kind::kInteger) {
    if (position.integer == -1) return text.length;
    if (position.integer >= text.most) return text.length;
    if (position.integer >= 0) return smaller_signed(number(position.integer), text.length);
  }
  const ir::Value value = integer_of(position);
  const ir::Value from_end = larger_signed(b_.add(b_.add(text.length, value), 1), number(0));
  if (position.kind == Kind::kInteger) return from_end;
  const ir::Value capped = smaller_signed(value, text.length);
  return select(Condition::kSlt, value, number(0), from_end, capped);
}

void Lowering::call_sub(Call& call) {
  AbstractValue text;
  if (!string_argument(call, 0, text)) return;
  AbstractValue from;
  AbstractValue to = AbstractValue::integer_constant(-1);
  if (!integer_argument(call, 1, from)) return;
  if (!call.none_or_nil(2) && !integer_argument(call, 2, to)) return;
  const StringParts parts = string_of(text);
  const ir::Value start = start_position(from, parts);
  const ir::Value end = end_position(to, parts);
  // Empty when start > end.
  const ir::Value length = b_.add(b_.sub(end, start), 1);
  const ir::BlockId join = b_.new_block(2);
  const ir::BlockId some = b_.new_block();
  b_.branch(Condition::kSgt, start, end, ir::Edge{join, {parts.offset, number(0)}}, ir::Edge{some, {}});
  b_.switch_to(some);
  b_.jump(join, {b_.add(parts.offset, b_.add(start, -1)), length});
  b_.switch_to(join);
  int64_t most = parts.most;
  if (from.kind == Kind::kInteger && from.integer > 0) {
    most = std::max<int64_t>(0, most - (from.integer - 1));
    if (to.kind == Kind::kInteger && to.integer >= 0) {
      most = std::min(most, std::max<int64_t>(0, to.integer - from.integer + 1));
    }
  } else if (from.kind == Kind::kInteger && from.integer < 0 && to.kind == Kind::kInteger && to.integer == -1) {
    most = -std::max(-most, from.integer);  // the least integer has no opposite
  }
  AbstractValue result = AbstractValue::dynamic_string(b_.parameters(join)[0], b_.parameters(join)[1], most);
  result.in_frame = text.in_frame;
  result.digits = text.digits;
  finish(call, {result});
}

void Lowering::call_byte(Call& call) {
  AbstractValue text;
  if (!string_argument(call, 0, text)) return;
  AbstractValue from = AbstractValue::integer_constant(1);
  if (!call.none_or_nil(1) && !integer_argument(call, 1, from)) return;
  AbstractValue to = from;
  const bool one = call.none_or_nil(2);
  if (!one && !integer_argument(call, 2, to)) return;
  const StringParts parts = string_of(text);
  if (one && from.kind != Kind::kInteger) {
    // A single position: zero is before the string, and so is what lies further from the end than its start.
    const ir::Value value = integer_of(from);
    const ir::Value place = select(Condition::kSlt, value, number(0), b_.add(parts.length, value), b_.add(value, -1));
    const State before = st_;
    const ir::BlockId inside = b_.new_block();
    const ir::BlockId outside = b_.new_block();
    b_.branch(Condition::kUlt, place, parts.length, inside, outside);
    resume(outside, before);
    finish(call, {});
    resume(inside, before);
    finish(call, {AbstractValue::dynamic_integer(b_.load(1, at(b_.add(parts.offset, place)), 0))});
    return;
  }
  if (one) {
    if (from.integer == 0 || from.integer < -int64_t{PL_FRAME_MAX}) return finish(call, {});
    const bool from_start = from.integer > 0;
    const int64_t needed = from_start ? from.integer : -from.integer;
    const State before = st_;
    const bool always = text.least >= needed;
    if (!always) {
      const ir::BlockId inside = b_.new_block();
      const ir::BlockId outside = b_.new_block();
      b_.branch(Condition::kUge, parts.length, number(needed), inside, outside);
      resume(outside, before);
      finish(call, {});
      resume(inside, before);
      know_length(text, needed);
    }
    const ir::Value place =
        from_start ? b_.add(parts.offset, from.integer - 1) : b_.add(b_.add(parts.offset, parts.length), from.integer);
    return finish(call, {AbstractValue::dynamic_integer(b_.load(1, at(place), 0))});
  }
  if (from.kind != Kind::kInteger || to.kind != Kind::kInteger || from.integer <= 0 ||
      (to.integer >= 0 && to.integer - from.integer >= 16) || to.integer < 0) {
    refuse("many-bytes", "string.byte with a range that is not known at load, or longer than 16 bytes",
           "take the bytes one by one");
  }
  // One path for each number of bytes that are there.
  const int64_t count = std::max<int64_t>(0, to.integer - from.integer + 1);
  const ir::Value pointer = at(b_.add(parts.offset, from.integer - 1));
  const State before = st_;
  for (int64_t n = 0; n <= count; ++n) {
    const int64_t needed = from.integer + n;  // the length with which one more byte is there
    ir::BlockId next = 0;
    if (n < count) {
      const ir::BlockId stop = b_.new_block();
      next = b_.new_block();
      b_.branch(Condition::kUlt, parts.length, number(needed), stop, next);
      resume(stop, before);
    }
    Values bytes;
    for (int64_t k = 0; k < n; ++k)
      bytes.push_back(AbstractValue::dynamic_integer(b_.load(1, pointer, static_cast<int32_t>(k))));
    finish(call, bytes);
    if (n < count) resume(next, before);
  }
}

void Lowering::call_lower(Call& call) {
  map_case(call, true);
}

void Lowering::call_upper(Call& call) {
  map_case(call, false);
}

// Eight letters a step. With h = x | 0x80 in each byte, no borrow crosses bytes: h - 'A' keeps the top bit when the low
// seven bits are at least 'A', and h - ('Z' + 1) when they are above 'Z'; bytes from 0x80 on are no letters.
void Lowering::map_case(Call& call, bool lower) {
  AbstractValue text;
  if (!string_argument(call, 0, text)) return;
  const StringParts parts = string_of(text);
  if (parts.most > kLongestMade) {
    refuse("string-too-long", fmt::format("{} of a string that may have more than {} bytes", call.name, kLongestMade),
           "take a segment or :sub of a constant length first, such as :sub(1, 255)");
  }
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  const uint8_t first = lower ? 'A' : 'a';
  const uint8_t last = lower ? 'Z' : 'z';
  const ir::Value to = allocate_string(parts.length);
  const auto [head, done, end] = loop_over(parts.length);
  const ir::Value word = b_.load(8, at(b_.add(parts.offset, done)), 0);
  const ir::Value high = b_.binary(Op::kOr, word, static_cast<int64_t>(kOnes * 0x80));
  const ir::Value from_first = b_.sub(high, number(static_cast<int64_t>(kOnes * first)));
  const ir::Value above_last = b_.sub(high, number(static_cast<int64_t>(kOnes * (last + 1))));
  ir::Value letters = b_.binary(Op::kAnd, from_first, b_.binary(Op::kXor, above_last, -1));
  letters = b_.binary(Op::kAnd, letters, b_.binary(Op::kXor, word, -1));
  letters = b_.binary(Op::kAnd, letters, static_cast<int64_t>(kOnes * 0x80));
  const ir::Value mapped = b_.binary(Op::kXor, word, b_.binary(Op::kLshr, letters, 2));  // 0x80 >> 2 is 0x20
  b_.store(8, at(b_.add(to, done)), 0, mapped);
  b_.jump(head, {b_.add(done, 8)});
  b_.switch_to(end);
  AbstractValue result = AbstractValue::dynamic_string(to, parts.length, parts.most);
  result.least = text.kind == Kind::kDynamicString ? text.least : parts.most;
  finish(call, {result});
}

void Lowering::call_char(Call& call) {
  if (call.arguments.size() > 64) refuse("string-too-long", "string.char with more than 64 bytes", "use fewer");
  const auto count = static_cast<int64_t>(call.arguments.size());
  const State before = st_;
  std::vector<ir::Value> bytes;
  for (size_t n = 0; n < call.arguments.size(); ++n) {
    AbstractValue value;
    if (!integer_argument(call, n, value)) return;
    const ir::Value byte = integer_of(value);
    const ir::BlockId good = b_.new_block();
    const ir::BlockId bad = b_.new_block();
    b_.branch(Condition::kUgt, byte, number(255), bad, good);
    resume(bad, before);
    fail_argument(call, n, "value out of range");
    ended_ = false;
    resume(good, before);
    bytes.push_back(byte);
  }
  const ir::Value to = allocate_string(number(count));
  const ir::Value pointer = at(to);
  for (size_t n = 0; n < bytes.size(); ++n)
    b_.store(1, pointer, static_cast<int32_t>(n), bytes[n]);
  AbstractValue result = AbstractValue::dynamic_string(to, number(count), count);
  result.least = count;
  finish(call, {result});
}

AbstractValue Lowering::text_of_number(const AbstractValue& number) {
  const World::Evaluation text = world_->evaluate(world_->builtin("tostring"), {number});
  check_evaluation(text, "tostring");
  return text.results.at(0);
}

void Lowering::op_concat() {
  const Instruction i = current_;
  std::vector<AbstractValue> parts;
  for (uint32_t r = i.a(); r < i.a() + i.b(); ++r)
    parts.push_back(reg(r));
  // As Lua does, from the right: the last two operands that cannot be joined are named.
  for (size_t n = parts.size() - 1; n > 0; --n) {
    const AbstractValue& right = parts[n];
    const AbstractValue& left = parts[n - 1];
    const auto joins = [](const AbstractValue& v) {
      return v.is_string() || v.is_integer() || v.kind == Kind::kFloat || v.kind == Kind::kView;
    };
    for (const AbstractValue* value : {&left, &right}) {
      if (joins(*value)) continue;
      const bool with_view = left.kind == Kind::kView || right.kind == Kind::kView;
      refuse_metamethod(left, "__concat");
      refuse_metamethod(right, "__concat");
      const uint32_t where = value == &left ? i.a() + static_cast<uint32_t>(n) - 1 : i.a() + static_cast<uint32_t>(n);
      return fail(with_view
                      ? fmt::format("attempt to concatenate a {} value with data", type_name(*value))
                      : fmt::format("attempt to concatenate a {} value{}", type_name(*value), name_of_register(where)));
    }
  }
  set(i.a(), put_together(std::move(parts)));
}

// Strings, numbers and views as one text.
AbstractValue Lowering::put_together(std::vector<AbstractValue> parts) {
  bool constant = true;
  for (const AbstractValue& part : parts)
    constant = constant && part.is_constant();
  std::vector<StringParts> pieces;
  std::string joined;
  int64_t most = 0;
  for (AbstractValue& part : parts) {
    if (part.kind == Kind::kView) part = view_text(part);
    if (part.kind == Kind::kInteger || part.kind == Kind::kFloat) part = text_of_number(part);
    if (constant) {
      if (joined.size() + part.string().size() > World::kLongestText) {
        refuse("constant-memory",
               fmt::format("a text made of constants is longer than {} MiB", World::kLongestText >> 20),
               "put long texts together in the main chunk, or make them shorter");
      }
      joined += part.string();
      continue;
    }
    if (part.kind == Kind::kDynamicInteger) part = text_of_integer(part.a);
    pieces.push_back(string_of(part));
    most += pieces.back().most;
  }
  if (constant) {
    const AbstractValue text = world_->made_text(std::move(joined));
    check_constants();
    return text;
  }
  if (most > kLongestMade) {
    refuse(
        "string-too-long", fmt::format("a string of possibly more than {} bytes is put together", kLongestMade),
        "bound its parts first, as with :sub(1, 255) or `if #pld > 4000 then return end`; what grows in a while loop "
        "has no bound: use a for of constant length");
  }
  ir::Value length = number(0);
  for (const StringParts& piece : pieces)
    length = b_.add(length, piece.length);
  const ir::Value start = allocate_string(length);
  ir::Value to = start;
  for (const StringParts& piece : pieces) {
    copy_bytes(to, piece.offset, piece.length);
    to = b_.add(to, piece.length);
  }
  return AbstractValue::dynamic_string(start, length, most);
}

void Lowering::call_tostring(Call& call) {
  if (call.arguments.empty()) return fail_argument(call, 0, "value expected");
  const AbstractValue value = call.argument(0);
  switch (value.kind) {
    case Kind::kView:
      return finish(call, {view_text(value)});
    case Kind::kDynamicString:
    case Kind::kString:
      return finish(call, {value});
    case Kind::kDynamicInteger:
      return finish(call, {text_of_integer(value.a)});
    case Kind::kDynamicBoolean: {
      const State before = st_;
      const ir::BlockId yes = b_.new_block();
      const ir::BlockId no = b_.new_block();
      b_.branch(Condition::kNe, value.a, 0, yes, no);
      resume(yes, before);
      finish(call, {AbstractValue::string_constant("true")});
      resume(no, before);
      return finish(call, {AbstractValue::string_constant("false")});
    }
    case Kind::kPacket:
    case Kind::kObject:
    case Kind::kTable:
    case Kind::kClosure:
      if (value.kind == Kind::kObject && world_->type_of(value.object) == World::ObjectType::kMap) break;
      refuse("tostring", fmt::format("tostring of a {}", type_name(value)), "print its parts instead");
    default:
      break;
  }
  const World::Evaluation text = world_->evaluate(world_->builtin("tostring"), {value});
  check_evaluation(text, "tostring");
  if (text.failed) return fail(text.error);
  finish(call, text.results);
}

// tonumber(s, base): an optional sign, digits of the base, white space around; nil otherwise. Wraps around as Lua's.
void Lowering::call_tonumber(Call& call) {
  if (call.none_or_nil(1)) {
    if (call.arguments.empty()) return fail_argument(call, 0, "value expected");
    const AbstractValue value = call.argument(0);
    if (value.is_integer() || value.kind == Kind::kFloat) return finish(call, {value});
    if (value.kind == Kind::kDynamicString && value.digits && value.most <= 18) {
      call.arguments.push_back(AbstractValue::integer_constant(10));
      return call_tonumber(call);
    }
    if (value.kind == Kind::kDynamicString) {
      refuse("tonumber", "tonumber(s) may give a floating-point number",
             value.digits ? "cut the digits with :sub(1, 18): more do not fit into an integer"
                          : "take digits with a pattern such as '%d+' and cut them with :sub(1, 18), or write "
                            "tonumber(s, 10), tonumber(s, 16)");
    }
    return finish(call, {AbstractValue::nil()});
  }
  AbstractValue base;
  if (!integer_argument(call, 1, base)) return;
  if (!call.argument(0).is_string()) return fail_type(call, 0, "string");
  if (base.kind != Kind::kInteger) refuse("tonumber", "tonumber with a base not known at load", "use a constant base");
  if (base.integer < 2 || base.integer > 36) return fail_argument(call, 1, "base out of range");
  const StringParts text = string_of(call.argument(0));
  const State before = st_;

  // States of the walk: 0 leading space, 1 after the sign, 2 digits, 3 trailing space. Any other byte ends as nil.
  const ir::BlockId bad = b_.new_block();
  const ir::BlockId head = b_.new_block(4);  // position, state, negative, value
  b_.jump(head, {number(0), number(0), number(0), number(0)});
  b_.switch_to(head);
  make_loop(head);
  const ir::Value position = b_.parameters(head)[0];
  const ir::Value state = b_.parameters(head)[1];
  const ir::Value negative = b_.parameters(head)[2];
  const ir::Value value = b_.parameters(head)[3];
  const ir::BlockId more = b_.new_block();
  const ir::BlockId end = b_.new_block();
  b_.branch(Condition::kUlt, position, text.length, more, end);
  b_.switch_to(more);
  const ir::Value next = b_.add(position, 1);
  const ir::Value byte = b_.load(1, at(b_.add(text.offset, position)), 0);
  const ir::BlockId space = b_.new_block();
  const ir::BlockId not_space = b_.new_block();
  const ir::BlockId maybe_space = b_.new_block();
  b_.branch(Condition::kEq, byte, ' ', space, maybe_space);
  b_.switch_to(maybe_space);
  b_.branch(Condition::kUlt, b_.add(byte, -9), 5, space, not_space);  // \t \n \v \f \r
  b_.switch_to(space);
  // Space: before (0 stays 0), after digits (2, 3 become 3), not after the sign.
  const ir::BlockId space_after = b_.new_block();
  const ir::BlockId space_late = b_.new_block();
  b_.branch(Condition::kEq, state, number(0), ir::Edge{head, {next, state, negative, value}},
            ir::Edge{space_after, {}});
  b_.switch_to(space_after);
  b_.branch(Condition::kEq, state, 1, bad, space_late);
  b_.switch_to(space_late);
  b_.jump(head, {next, number(3), negative, value});
  b_.switch_to(not_space);
  const ir::BlockId sign = b_.new_block(1);  // 1: minus
  const ir::BlockId not_minus = b_.new_block();
  const ir::BlockId digit = b_.new_block();
  b_.branch(Condition::kEq, byte, number('-'), ir::Edge{sign, {number(1)}}, ir::Edge{not_minus, {}});
  b_.switch_to(not_minus);
  b_.branch(Condition::kEq, byte, number('+'), ir::Edge{sign, {number(0)}}, ir::Edge{digit, {}});
  b_.switch_to(sign);
  b_.branch(Condition::kEq, state, number(0), ir::Edge{head, {next, number(1), b_.parameters(sign)[0], value}},
            ir::Edge{bad, {}});
  b_.switch_to(digit);
  const ir::BlockId not_late = b_.new_block();
  b_.branch(Condition::kEq, state, 3, bad, not_late);
  b_.switch_to(not_late);
  const ir::BlockId letter = b_.new_block();
  const ir::BlockId have = b_.new_block(1);
  const ir::Value decimal = b_.add(byte, -'0');
  b_.branch(Condition::kUlt, decimal, number(10), ir::Edge{have, {decimal}}, ir::Edge{letter, {}});
  b_.switch_to(letter);
  const ir::Value lower = b_.add(b_.binary(Op::kOr, byte, 0x20), -'a');
  const ir::BlockId is_letter = b_.new_block();
  b_.branch(Condition::kUlt, lower, number(26), ir::Edge{is_letter, {}}, ir::Edge{bad, {}});
  b_.switch_to(is_letter);
  b_.jump(have, {b_.add(lower, 10)});
  b_.switch_to(have);
  const ir::Value digit_value = b_.parameters(have)[0];
  const ir::BlockId good = b_.new_block();
  b_.branch(Condition::kUlt, digit_value, base.integer, good, bad);
  b_.switch_to(good);
  b_.jump(head, {next, number(2), negative, b_.add(b_.binary(Op::kMul, value, base.integer), digit_value)});

  resume(end, before);
  const ir::BlockId done = b_.new_block();
  b_.branch(Condition::kUlt, state, 2, bad, done);
  resume(bad, before);
  finish(call, {AbstractValue::nil()});
  resume(done, before);
  const ir::Value mask = b_.sub(number(0), negative);
  finish(call, {AbstractValue::dynamic_integer(b_.sub(b_.binary(Op::kXor, value, mask), mask))});
}

}  // namespace perilune::compiler
