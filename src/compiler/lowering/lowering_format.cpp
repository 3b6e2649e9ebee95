// string.format with a constant format: the text between its conversions, and a text for each argument, put together.
//
//   ('%s:%d'):format(net.ip(pkt.src), pkt.sport)     as net.ip(pkt.src) .. ':' .. pkt.sport
//   ('%02x'):format(pld[3])                          sixteen digits at once, of which the last ones are taken
//   ('%5.1f'):format(3)                              of constants: what the real function says
//
// Flags, widths and precisions of what the packet gives are refused, but for those of %x.
#include <cctype>

#include <fmt/format.h>

#include "compiler/lowering/lowering.h"

namespace perilune::compiler {
namespace {

using ir::Op;

constexpr std::string_view kFormat = "string.format";
constexpr std::string_view kCode = "string-building";

/// The conversion that begins at text[at], a '%': up to its letter. Lua allows two digits each for width and precision.
std::string conversion_at(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && std::string_view("-+ #0123456789.").find(text[end]) != std::string_view::npos)
    ++end;
  return std::string(text.substr(at, end + 1 - at));
}

/// Of "%x", "%2X", "%08x": how many digits there are at least, with zeros in front; nothing: it pads with spaces, or is
/// another conversion.
std::optional<unsigned> digits_of(const std::string& conversion) {
  const char letter = conversion.back();
  if (letter != 'x' && letter != 'X') return std::nullopt;
  if (conversion.size() == 2) return 1;
  if (conversion[1] != '0') return std::nullopt;
  unsigned digits = 0;
  for (const char c : conversion.substr(1, conversion.size() - 2)) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return std::nullopt;
    digits = digits * 10 + static_cast<unsigned>(c - '0');
  }
  constexpr unsigned kMost = 16;
  if (digits > kMost) return std::nullopt;
  return digits == 0 ? 1 : digits;
}

}  // namespace

void Lowering::call_format(Call& call) {
  AbstractValue format;
  if (!string_argument(call, 0, format)) return;
  if (format.kind != Kind::kString)
    refuse(std::string(kCode), "string.format with a format that is not known at load", "use a constant format");
  const std::string text(format.string());
  std::vector<AbstractValue> parts;
  std::string between;
  size_t argument = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      between += text[at];
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == '%') {
      between += text[++at];
      continue;
    }
    if (++argument >= call.arguments.size()) return fail_argument(call, argument, "no value");
    const std::string conversion = conversion_at(text, at);
    const std::optional<AbstractValue> one = formatted(call, argument, conversion);
    if (!one) return;
    if (one->kind == Kind::kString) {
      between += one->string();
    } else {
      parts.push_back(AbstractValue::string_constant(std::exchange(between, {})));
      parts.push_back(*one);
    }
    at += conversion.size() - 1;
  }
  parts.push_back(AbstractValue::string_constant(between));
  std::erase_if(parts, [](const AbstractValue& part) { return part.kind == Kind::kString && part.string().empty(); });
  if (parts.empty()) return finish(call, {AbstractValue::string_constant("")});
  finish(call, {put_together(std::move(parts))});
}

// The argument as the conversion shows it. Nothing: the script has failed.
std::optional<AbstractValue> Lowering::formatted(const Call& call, size_t argument, const std::string& conversion) {
  const AbstractValue& value = call.arguments[argument];
  switch (value.kind) {
    case Kind::kPacket:
    case Kind::kObject:
    case Kind::kTable:
    case Kind::kClosure:
      refuse("tostring", fmt::format("tostring of a {}", type_name(value)), "print its parts instead");
    case Kind::kDynamicInteger: {
      // Whether Lua takes the conversion does not depend on the number.
      if (!formatted_constant(call, argument, conversion, AbstractValue::integer_constant(0))) return std::nullopt;
      if (conversion == "%d" || conversion == "%i" || conversion == "%s") return text_of_integer(value.a);
      if (const auto digits = digits_of(conversion)) return hexadecimal(value.a, *digits, conversion.back() == 'X');
      if (conversion != "%c") break;
      const ir::Value place = allocate_string(number(1));
      b_.store(1, at(place), 0, value.a);
      AbstractValue byte = AbstractValue::dynamic_string(place, number(1), 1);
      byte.least = 1;
      return byte;
    }
    case Kind::kDynamicString:
    case Kind::kView:
      if (!conversion.ends_with('s') && value.kind == Kind::kDynamicString && conversion.back() != 'q') {
        if (!formatted_constant(call, argument, conversion, AbstractValue::string_constant("1"))) return std::nullopt;
        refuse("string-arithmetic", "a string is used as a number", "convert it with tonumber(s, 10)");
      }
      if (!formatted_constant(call, argument, conversion, AbstractValue::string_constant(""))) return std::nullopt;
      if (conversion == "%s") return value.kind == Kind::kView ? view_text(value) : value;
      break;
    case Kind::kDynamicBoolean: {
      if (!formatted_constant(call, argument, conversion, AbstractValue::boolean(true))) return std::nullopt;
      if (conversion != "%s") break;
      const StringParts yes = string_of(AbstractValue::string_constant("true"));
      const StringParts no = string_of(AbstractValue::string_constant("false"));
      const ir::Value zero = number(0);
      return AbstractValue::dynamic_string(select(ir::Condition::kNe, value.a, zero, yes.offset, no.offset),
                                           select(ir::Condition::kNe, value.a, zero, yes.length, no.length), 5);
    }
    default:
      return formatted_constant(call, argument, conversion, value);
  }
  refuse(std::string(kCode), fmt::format("string.format with '{}' for what the packet gives", conversion),
         "%s, %d, %x, %02x and %c are compiled; cut texts with :sub, and leave out other widths and precisions");
}

// What the real function makes of a constant.
std::optional<AbstractValue> Lowering::formatted_constant(const Call& call, size_t argument,
                                                          const std::string& conversion, const AbstractValue& value) {
  const World::Evaluation text =
      world_->evaluate(world_->builtin(std::string(kFormat)), {AbstractValue::string_constant(conversion), value});
  check_evaluation(text, std::string(kFormat));
  if (!text.failed) return text.results.at(0);
  // It says "#2", of whichever argument this is.
  const std::string_view begin = "bad argument #2 to 'string.format' (";
  const std::string& message = text.error;
  if (message.starts_with(begin) && message.ends_with(')')) {
    fail_argument(call, argument, message.substr(begin.size(), message.size() - 1 - begin.size()));
  } else {
    fail(message);
  }
  return std::nullopt;
}

// Four bits a byte, eight bytes at a time: with d = a digit's value, d + 6 has its fifth bit set when the digit is a
// letter. All sixteen digits are written; the text is what remains without zeros in front, `least` digits at least.
AbstractValue Lowering::hexadecimal(ir::Value integer, unsigned least, bool upper) {
  constexpr unsigned kDigits = 16, kHalf = 32;
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  const auto masked = [this](ir::Value value, uint64_t mask) {
    return b_.binary(Op::kAnd, value, static_cast<int64_t>(mask));
  };
  const ir::Value place = allocate_string(number(kDigits));
  for (const bool high : {true, false}) {
    ir::Value digits = high ? b_.binary(Op::kLshr, integer, int64_t{kHalf}) : masked(integer, 0xffffffffULL);
    digits = masked(b_.binary(Op::kOr, digits, b_.binary(Op::kShl, digits, 16)), 0x0000ffff0000ffffULL);
    digits = masked(b_.binary(Op::kOr, digits, b_.binary(Op::kShl, digits, 8)), 0x00ff00ff00ff00ffULL);
    digits = masked(b_.binary(Op::kOr, digits, b_.binary(Op::kShl, digits, 4)), kOnes * 0x0f);
    const ir::Value letters = masked(b_.binary(Op::kLshr, b_.add(digits, static_cast<int64_t>(kOnes * 6)), 4), kOnes);
    const ir::Value shift = b_.binary(Op::kMul, letters, int64_t{upper ? 'A' - '0' - 10 : 'a' - '0' - 10});
    const ir::Value text = b_.add(b_.add(digits, static_cast<int64_t>(kOnes * '0')), shift);
    b_.store(8, at(place), high ? 0 : 8, b_.swap(Op::kSwap64, text));
  }
  ir::Value length = number(least);
  for (unsigned digit = least; digit < kDigits; ++digit) {  // is there anything from this digit on?
    const ir::Value rest = b_.binary(Op::kLshr, integer, int64_t{digit} * 4);
    length = b_.add(length, b_.binary(Op::kLshr, b_.binary(Op::kOr, rest, b_.sub(number(0), rest)), 63));
  }
  AbstractValue text = AbstractValue::dynamic_string(b_.sub(b_.add(place, int64_t{kDigits}), length), length, kDigits);
  text.least = least;
  return text;
}

}  // namespace perilune::compiler
