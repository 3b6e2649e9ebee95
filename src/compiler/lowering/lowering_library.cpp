// Library functions. On constants the real ones are called at load; what is left has a handler here or beside what it
// is about (strings, matches, views, maps).
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "compiler/events.h"
#include "compiler/library.h"
#include "compiler/lowering/lowering.h"
#include "script/state/limits.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;

constexpr bool kPure = true, kNotPure = false, kTables = true;

constexpr LibraryFunction kOfMath{"", false, false, "float", "use integers, // and %"};
constexpr LibraryFunction kOfTables{"", false, false, "growing-table", "make tables in the main chunk, or use a map"};
constexpr LibraryFunction kOther{"", false, false, "library-function",
                                 "call it in the main chunk, or keep this script on the lua engine"};
constexpr std::string_view kBuild = "string-building";
constexpr std::string_view kJoin = "put short strings together with .., in a loop with a constant number of iterations";
constexpr std::string_view kGuard =
    "test what may be missing with `if`: a script error blocks the packet unless --on-error says pass";

// Of functions without a row: the code of the refusal, and what to write instead.
const LibraryFunction& others(std::string_view name) {
  return name.starts_with("table.") ? kOfTables : name.starts_with("math.") ? kOfMath : kOther;
}

}  // namespace

struct Lowering::LibraryRow {
  LibraryFunction about;
  Handler handler = nullptr;  // what is done on values of the packet; null: it is refused
};

const Lowering::LibraryRow* Lowering::find_library_row(std::string_view name) {
  static const std::vector<LibraryRow> rows{
      {{"string.byte", kPure}, &Lowering::call_byte},
      {{"string.char", kPure}, &Lowering::call_char},
      {{"string.find", kPure}, &Lowering::call_find},
      {{"string.format", kPure}, &Lowering::call_format},
      {{"string.gmatch", kNotPure}, &Lowering::call_gmatch},
      {{"string.gsub", kPure, kTables, kBuild, kJoin}},
      {{"string.len", kPure}, &Lowering::call_len},
      {{"string.lower", kPure}, &Lowering::call_lower},
      {{"string.match", kPure}, &Lowering::call_match},
      {{"string.pack", kPure, kTables, kBuild, "put bytes together with string.char(n >> 8, n & 255)"}},
      {{"string.packsize", kPure, kTables, kOther.refusal, kOther.advice}},
      {{"string.rep", kPure, kTables, kBuild, kJoin}},
      {{"string.reverse", kPure, kTables, kBuild, kJoin}},
      {{"string.sub", kPure}, &Lowering::call_sub},
      {{"string.unpack", kPure, kTables, "string-unpack", "use a layout: data.layout {field = {offset, bits}}"}},
      {{"string.upper", kPure}, &Lowering::call_upper},
      {{"math.abs", kPure}, &Lowering::call_abs},
      {{"math.ceil", kPure}, &Lowering::call_identity},
      {{"math.floor", kPure}, &Lowering::call_identity},
      {{"math.fmod", kPure, kTables, kOfMath.refusal, kOfMath.advice}},
      {{"math.max", kPure}, &Lowering::call_max},
      {{"math.min", kPure}, &Lowering::call_min},
      {{"math.modf", kPure, kTables, kOfMath.refusal, kOfMath.advice}},
      {{"math.random", kNotPure, kTables, "library-function", "use random(n)"}},
      {{"math.randomseed", kNotPure, kTables, "library-function", "use random(n)"}},
      {{"math.sqrt", kPure, kTables, kOfMath.refusal, kOfMath.advice}},
      {{"math.tointeger", kPure}, &Lowering::call_tointeger},
      {{"math.type", kPure, false}, &Lowering::call_math_type},
      {{"math.ult", kPure}, &Lowering::call_ult},
      {{"utf8.char", kPure, kTables, kOther.refusal, kOther.advice}},
      {{"utf8.codepoint", kPure, kTables, kOther.refusal, kOther.advice}},
      {{"utf8.len", kPure, kTables, kOther.refusal, kOther.advice}},
      {{"utf8.offset", kPure, kTables, kOther.refusal, kOther.advice}},
      {{"table.concat", kPure, kTables, kBuild, kJoin}},
      {{"table.unpack", kPure, kTables}, &Lowering::call_unpack},
      {{"assert", kNotPure}, &Lowering::call_assert},
      {{"error", kNotPure}, &Lowering::call_error},
      {{"getmetatable", kPure, false, kOther.refusal, kOther.advice}},
      {{"ipairs", kPure, kTables}, &Lowering::call_ipairs},
      {{"next", kPure, kTables, kOther.refusal, kOther.advice}},
      {{"pairs", kPure, kTables}, &Lowering::call_pairs},
      {{"pcall", kNotPure, kTables, "protected-call", kGuard}},
      {{"print", kNotPure}, &Lowering::call_print},
      {{"rawequal", kPure, false}, &Lowering::call_rawequal},
      {{"rawget", kPure, kTables}, &Lowering::call_rawget},
      {{"rawlen", kPure, kTables}, &Lowering::call_rawlen},
      {{"rawset", kNotPure, kTables, "table-write", "do it in the main chunk"}},
      {{"require", kNotPure, kTables, "late-require", "call require in the main chunk"}},
      {{"select", kPure, false}, &Lowering::call_select},
      {{"setmetatable", kNotPure, kTables, "table-write", "do it in the main chunk"}},
      {{"tonumber", kPure, kTables}, &Lowering::call_tonumber},
      {{"tostring", kPure, kTables}, &Lowering::call_tostring},
      {{"type", kPure, false}, &Lowering::call_type},
      {{"xpcall", kNotPure, kTables, "protected-call", kGuard}},
      {{"data.layout", kNotPure}, &Lowering::call_data_layout},
      {{"data.new", kNotPure, kTables, "new-data", "put a string together instead"}},
      {{"log", kNotPure}, &Lowering::call_log},
      {{"net.bytes", kPure, kTables, "library-function",
        "take the bytes of the packet: a layout's 'string' field of 4, 6 or 16 bytes"}},
      {{"net.dns_name", kPure, kTables, kOther.refusal, kOther.advice}},
      {{"net.ip", kPure}, &Lowering::call_net_ip},
      {{"net.mac", kPure}, &Lowering::call_net_mac},
      {{"random", kNotPure}, &Lowering::call_random},
      {{"time.now", kNotPure}, &Lowering::call_now},
      {{"time.seconds", kNotPure}, &Lowering::call_seconds},
  };
  static const auto by_name = [] {
    std::unordered_map<std::string_view, const LibraryRow*> index;
    for (const LibraryRow& row : rows)
      index[row.about.name] = &row;
    return index;
  }();
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

const LibraryFunction* find_library_function(std::string_view name) {
  const Lowering::LibraryRow* row = Lowering::find_library_row(name);
  return row == nullptr ? nullptr : &row->about;
}

void Lowering::call_library(Call& call, ObjectId function) {
  call.pc = current_pc_;
  if (call.name.starts_with("view:")) {
    const std::string method = call.name.substr(5);
    if (method == "segment") return call_segment(call);
    if (method == "layout") return call_layout(call);
    return call_accessor(call, method);
  }
  if (call.name.starts_with("map:")) return call_map(call, call.name.substr(4));
  if (call.name.starts_with("pkt:")) return finish(call, {AbstractValue::string_constant(call.name.substr(4))});
  bool constant = !call.arguments.empty() || call.name == "string.char" || call.name == "math.type";
  for (const AbstractValue& argument : call.arguments)
    constant = constant && argument.is_constant();
  const LibraryRow* row = find_library_row(call.name);
  if (constant && function != 0 && row != nullptr && row->about.pure) {
    for (const AbstractValue& argument : call.arguments) {
      if (argument.kind != Kind::kObject || !row->about.reads_tables) continue;
      if (world_->type_of(argument.object) == World::ObjectType::kMap)
        refuse("map-walk", "a map is gone through at packet time", "look keys up, or go through it in the main chunk");
      if ((call.name == "tostring" || call.name == "string.format") && argument.kind == Kind::kObject)
        refuse("tostring", fmt::format("tostring of a {}", type_name(argument)), "print its parts instead");
      if (world_->has_variable_fields(argument.object)) {
        refuse("variable-table", "a table that the function also changes is read as a whole here",
               "keep what changes in variables of its own, or in a map");
      }
    }
    const World::Evaluation evaluation = world_->evaluate(AbstractValue::object_constant(function), call.arguments);
    check_evaluation(evaluation, call.name);
    if (!evaluation.failed) return finish(call, evaluation.results);
    if (row->handler == nullptr) return fail(as_called(call, evaluation.error));
  }
  if (row != nullptr && row->handler != nullptr) return (this->*row->handler)(call);
  if (call.name == "map.get" || call.name == "map.set" || call.name == "map.add")
    return call_map(call, call.name.substr(4));
  if (call.name.starts_with("map.")) {
    refuse("map-declared", "a map is declared at packet time", "declare it in the main chunk");
  }
  const LibraryFunction& about = row != nullptr ? row->about : others(call.name);
  refuse(std::string(about.refusal), fmt::format("{} is not compiled", call.name), std::string(about.advice));
}

void Lowering::check_evaluation(const World::Evaluation& evaluation, const std::string& name) {
  if (evaluation.calls_script) {
    refuse("metamethod",
           fmt::format("{} calls a function of the script, or a metamethod", name.empty() ? "this" : name),
           "call the function by name");
  }
  if (evaluation.spent) {
    refuse("too-slow", fmt::format("{} on constants takes more than one packet may", name),
           "do such work in the main chunk, or simplify the pattern");
  }
  check_constants();
}

void Lowering::check_constants() {
  switch (world_->excess()) {
    case World::Excess::kNone:
      return;
    case World::Excess::kMemory:
      refuse("constant-memory", "texts that the function makes of constants take too much memory",
             "put long texts together in the main chunk, or make them shorter");
    case World::Excess::kWork:
      refuse("too-slow", "what the function does with constants takes too long", "do such work in the main chunk");
    case World::Excess::kResults:
      refuse("many-results", fmt::format("a call on constants has more than {} results", World::kMostResults),
             "make the call in the main chunk, and keep its results in a table");
  }
}

void Lowering::call_type(Call& call) {
  if (call.arguments.empty()) return fail_argument(call, 0, "value expected");
  const AbstractValue& value = call.argument(0);
  std::string name = type_name(value);
  if (value.kind == Kind::kView || value.kind == Kind::kPacket) name = "userdata";
  if (value.kind == Kind::kObject) name = std::string(world_->lua_type_of(value.object));
  if (value.kind == Kind::kTable && !st_.tables[value.index].entries.empty() &&
      st_.tables[value.index].entries[0].key.kind == Kind::kInteger &&
      st_.tables[value.index].entries[0].key.integer == kGmatchMark)
    name = "function";
  finish(call, {AbstractValue::string_constant(std::move(name))});
}

void Lowering::call_select(Call& call) {
  const AbstractValue which = call.argument(0);
  const auto count = static_cast<int64_t>(call.arguments.size()) - 1;
  if (which.kind == Kind::kString && which.string() == "#")
    return finish(call, {AbstractValue::integer_constant(std::max<int64_t>(count, 0))});
  AbstractValue number_value;
  if (!integer_argument(call, 0, number_value)) return;
  if (number_value.kind != Kind::kInteger)
    refuse("dynamic-select", "select with a number from the packet", "use a constant, or a table");
  int64_t n = number_value.integer;
  if (n < 0) n = count + n + 1;
  if (n < 1) return fail_argument(call, 0, "index out of range");
  Values rest;
  for (int64_t i = n; i <= count; ++i)
    rest.push_back(call.arguments[static_cast<size_t>(i)]);
  finish(call, rest);
}

void Lowering::call_error(Call& call) {
  const AbstractValue message = call.argument(0);
  std::string text;
  ir::Value shown = ir::kNoValue;
  if (message.kind == Kind::kString) {
    text = message.string();
    for (size_t at = 0; (at = text.find_first_of("{}", at)) != std::string::npos; at += 2)
      text.insert(at, 1, text[at]);
  } else if (message.kind == Kind::kInteger) {
    text = fmt::format("{}", message.integer);
  } else if (message.kind == Kind::kDynamicInteger) {
    text = "{0}";
    shown = message.a;
  } else if (message.kind == Kind::kDynamicString) {
    text = "(a text of the packet)";
  } else {
    text = fmt::format("(error object is a {} value)", type_name(message));
  }
  // Level 2 is where the function that calls error was called.
  AbstractValue level = AbstractValue::integer_constant(1);
  if (!call.none_or_nil(1) && !integer_argument(call, 1, level)) return;
  if (level.kind == Kind::kInteger && level.integer == 2 && st_.frames.size() >= 2 && message.is_string()) {
    const uint32_t pc = current_pc_;
    Frame top = std::move(st_.frames.back());
    st_.frames.pop_back();
    current_pc_ = st_.top().pc - 1;
    fail(text, shown);
    current_pc_ = pc;
    st_.frames.push_back(std::move(top));
    return;
  }
  fail(text, shown);
}

void Lowering::call_assert(Call& call) {
  if (call.arguments.empty()) return fail_argument(call, 0, "value expected");
  const AbstractValue value = call.argument(0);
  const auto failed = [&] {
    Call error = call;
    error.arguments.erase(error.arguments.begin());
    if (error.arguments.empty()) return fail("assertion failed!");
    error.arguments.resize(1);
    call_error(error);
  };
  const auto known = truth(value);
  if (known.has_value()) return *known ? finish(call, call.arguments) : failed();
  const State before = st_;
  const ir::BlockId good = b_.new_block();
  const ir::BlockId bad = b_.new_block();
  b_.branch(Condition::kNe, value.a, 0, good, bad);
  resume(bad, before);
  failed();
  ended_ = false;
  resume(good, before);
  Values results = call.arguments;
  results[0] = AbstractValue::boolean(true);
  finish(call, results);
}

// --- logging

void Lowering::call_log(Call& call) {
  if (call.arguments.empty()) return fail("log needs a format or a value, such as log('port %d', pkt.dport)");
  const AbstractValue first = call.argument(0);
  if (!first.is_string()) {
    if (call.arguments.size() > 1) {
      return fail(
          fmt::format("the first of several arguments of log is a format string, such as log('port %d', "
                      "pkt.dport); it is a {}",
                      type_name(first)));
    }
    emit_log("v", call.arguments);
  } else if (first.kind == Kind::kDynamicString) {
    refuse("dynamic-format", "the format of log comes from the packet", "write log('%s', text)");
  } else {
    Values values(call.arguments.begin() + 1, call.arguments.end());
    if (!check_format(call, first.string(), values)) return;
    emit_log("f" + first.string(), values);
  }
  if (!ended_) finish(call, {});
}

void Lowering::call_print(Call& call) {
  emit_log("p", call.arguments);
  if (!ended_) finish(call, {});
}

// What string.format would complain of. False: the script fails.
bool Lowering::check_format(const Call& call, const std::string& format, Values& values) {
  size_t used = 0;
  for (size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%') continue;
    const size_t begin = at;
    if (++at < format.size() && format[at] == '%') continue;
    while (at < format.size() && std::string_view("-+ #0123456789.").find(format[at]) != std::string_view::npos)
      ++at;
    const char kind = at < format.size() ? format[at] : '\0';
    if (const std::string specification = format.substr(begin, at + 1 - begin); !is_conversion(specification))
      refuse("log-format", fmt::format("log with '{}', which is no conversion", specification), "use %s, %d or %x");
    if (used >= values.size()) {
      fail(fmt::format("bad argument #{} to 'log' (no value)", used + 2));
      return false;
    }
    AbstractValue& value = values[used];
    ++used;
    switch (kind) {
      case 'c':
      case 'd':
      case 'i':
      case 'o':
      case 'u':
      case 'x':
      case 'X': {
        AbstractValue number_value;
        if (!integer_argument(call, used, number_value)) return false;
        value = number_value;
        break;
      }
      case 'a':
      case 'A':
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (value.kind == Kind::kDynamicString)
          refuse("string-arithmetic", "a string is formatted as a number", "convert it with tonumber(s, 10)");
        if (value.kind == Kind::kFloat)
          refuse("log-format", "log of a floating-point number", "log integers and strings");
        if (!value.is_integer()) {
          fail_type(call, used, "number");
          return false;
        }
        break;
      case 's':
        if (format[at - 1] != '%' && value.kind == Kind::kDynamicString) {
          refuse("log-format", "log of a string with a width or precision, which fails when the string has zeros",
                 "cut it with :sub, and write %s");
        }
        break;
      default:
        refuse("log-format", fmt::format("log with the conversion %{}", kind), "use %s, %d or %x");
    }
  }
  return true;
}

static_assert(script::kMostLogLines == PL_MOST_LOG_LINES);

void Lowering::emit_log(const std::string& text, const Values& arguments) {
  const Frame& frame = st_.top();
  const auto site = static_cast<uint32_t>(image_.logs.size());
  image_.logs.push_back({frame.callee->code->file, prototype().line(current_pc_), text});
  image_.uses_events = true;
  int32_t at_byte = kEventScratch + static_cast<int32_t>(sizeof(pl_event));
  const auto word = [&](EventTag tag, int64_t room) { return static_cast<int64_t>(tag) | (room << 32); };
  for (const AbstractValue& argument : arguments) {
    AbstractValue value = argument;
    if (value.kind == Kind::kView) value = view_text(value);
    if (value.kind == Kind::kObject || value.kind == Kind::kTable || value.kind == Kind::kClosure ||
        value.kind == Kind::kPacket)
      refuse("log-value", fmt::format("log of a {}", type_name(value)), "log integers, booleans and strings");
    if (value.kind == Kind::kFloat) value = text_of_number(value);
    int64_t room = 0;
    if (value.is_string()) room = std::min<int64_t>(1024, (string_of(value).most + 7) / 8 * 8);
    if (value.is_integer()) room = 8;
    if (at_byte + 8 + room > kEventScratch + kMaxEvent)
      refuse("log-too-long", "a log line with more than 7 KiB of values", "shorten strings with :sub or segment");
    const ir::Value slot = b_.slot();
    switch (value.kind) {
      case Kind::kNil:
      case Kind::kNone:
        b_.store(8, slot, at_byte, number(word(EventTag::kNil, 0)));
        break;
      case Kind::kBoolean:
        b_.store(8, slot, at_byte, number(word(value.integer != 0 ? EventTag::kTrue : EventTag::kFalse, 0)));
        break;
      case Kind::kDynamicBoolean:
        b_.store(8, slot, at_byte, b_.add(value.a, word(EventTag::kFalse, 0)));
        break;
      case Kind::kInteger:
      case Kind::kDynamicInteger:
        b_.store(8, slot, at_byte, number(word(EventTag::kInteger, 8)));
        b_.store(8, b_.slot(), at_byte + 8, integer_of(value));
        break;
      default: {
        const StringParts parts = string_of(value);
        const ir::Value length = parts.most > room ? smaller(parts.length, number(room)) : parts.length;
        b_.store(8, b_.slot(), at_byte, b_.add(b_.binary(Op::kShl, length, 8), word(EventTag::kString, room)));
        copy_bytes(number(at_byte + 8), parts.offset, length);
      }
    }
    at_byte += 8 + static_cast<int32_t>(room);
  }
  const int64_t size = at_byte - kEventScratch;
  const ir::Value slot = b_.slot();
  b_.store(4, slot, kEventScratch + offsetof(pl_event, kind), number(PL_EVENT_LOG));
  b_.store(4, slot, kEventScratch + offsetof(pl_event, site), number(site));
  b_.store(4, slot, kEventScratch + offsetof(pl_event, length), number(size - static_cast<int64_t>(sizeof(pl_event))));
  const ir::Value time = now();
  b_.store(8, b_.slot(), kEventScratch + offsetof(pl_event, time_ns), time);
  b_.store(4, b_.slot(), kEventScratch + offsetof(pl_event, cpu),
           b_.load(4, b_.slot(), PL_CALL + offsetof(pl_call, cpu)));
  // if (++header.log_lines <= PL_MOST_LOG_LINES && emit() != 0) ++header.counters[PL_COUNT_LOST_EVENTS];
  const ir::Value lines = b_.add(b_.load(4, b_.slot(), PL_CALL + offsetof(pl_call, log_lines)), 1);
  b_.store(4, b_.slot(), PL_CALL + offsetof(pl_call, log_lines), lines);
  b_.store(4, b_.slot(), PL_CALL + offsetof(pl_call, log_site), number(site));
  const ir::BlockId wanted = b_.new_block();
  const ir::BlockId lost = b_.new_block();
  const ir::BlockId sent = b_.new_block();
  b_.branch(Condition::kUle, lines, int64_t{PL_MOST_LOG_LINES}, wanted, sent);
  b_.switch_to(wanted);
  const ir::Value result = b_.emit(kEventScratch, number(size));
  b_.branch(Condition::kEq, result, 0, sent, lost);
  b_.switch_to(lost);
  constexpr int32_t kLost = PL_CALL + offsetof(pl_call, counters) + size_t{8} * PL_COUNT_LOST_EVENTS;
  b_.store(8, b_.slot(), kLost, b_.add(b_.load(8, b_.slot(), kLost), 1));
  b_.jump(sent);
  b_.switch_to(sent);
}

// --- time and chance

void Lowering::call_now(Call& call) {
  finish(call, {AbstractValue::dynamic_integer(now())});
}

void Lowering::call_seconds(Call& call) {
  finish(call, {AbstractValue::dynamic_integer(b_.binary(Op::kUdiv, now(), 1'000'000'000))});
}

// As random_module.cpp: numbers under the mask that covers the span, drawn again while they are beyond it.
void Lowering::call_random(Call& call) {
  const bool two = call.arguments.size() >= 2;
  AbstractValue first = AbstractValue::integer_constant(1);
  AbstractValue last;
  if (two && !integer_argument(call, 0, first)) return;
  if (!integer_argument(call, two ? 1 : 0, last)) return;
  const std::string wrong =
      two ? "random({0}, {1}): the first number must not be the larger" : "random({1}): the number must be at least 1";
  const ir::Value low = integer_of(first);
  const ir::Value high = integer_of(last);
  const State before = st_;
  const ir::BlockId good = b_.new_block();
  const ir::BlockId bad = b_.new_block();
  b_.branch(Condition::kSgt, low, high, bad, good);
  resume(bad, before);
  fail(wrong, low, high);
  ended_ = false;
  resume(good, before);
  const ir::Value span = b_.sub(high, low);
  ir::Value mask = span;
  for (const int shift : {1, 2, 4, 8, 16, 32})
    mask = b_.binary(Op::kOr, mask, b_.binary(Op::kLshr, mask, shift));
  const ir::BlockId head = b_.new_block();
  b_.jump(head);
  b_.switch_to(head);
  make_loop(head);
  const ir::Value drawn = b_.binary(Op::kAnd, b_.random(), mask);
  const ir::BlockId done = b_.new_block();
  b_.branch(Condition::kUgt, drawn, span, head, done);
  b_.switch_to(done);
  finish(call, {AbstractValue::dynamic_integer(b_.add(low, drawn))});
}

// --- numbers

void Lowering::call_min(Call& call) {
  min_or_max(call, false);
}

void Lowering::call_max(Call& call) {
  min_or_max(call, true);
}

void Lowering::min_or_max(Call& call, bool max) {
  if (call.arguments.empty()) return fail_argument(call, 0, "value expected");
  if (call.arguments.size() == 1) return finish(call, call.arguments);  // whatever it is
  ir::Value best = 0;
  int64_t most = 0;  // no more than this; 0: not known
  for (size_t n = 0; n < call.arguments.size(); ++n) {
    const AbstractValue& value = call.argument(n);
    if (value.kind == Kind::kFloat)
      refuse("float", fmt::format("{} with a floating-point number", call.name), "use integers");
    if (value.is_string())
      refuse("string-arithmetic", fmt::format("{} of a string", call.name), "convert it with tonumber(s, 10)");
    if (!value.is_integer()) {
      // Lua compares without asking what it compares: the later with the earlier for min, the other way for max.
      const std::string wrong = type_name(value);
      if (n == 0 && !call.argument(1).is_integer()) {
        const std::string other = type_name(call.argument(1));
        if (other == wrong) return fail(fmt::format("attempt to compare two {} values", wrong));
        return fail(max ? fmt::format("attempt to compare {} with {}", wrong, other)
                        : fmt::format("attempt to compare {} with {}", other, wrong));
      }
      const bool later = n > 0;
      return fail(max == later ? fmt::format("attempt to compare number with {}", wrong)
                               : fmt::format("attempt to compare {} with number", wrong));
    }
    const ir::Value candidate = integer_of(value);
    best = n == 0 ? candidate : max ? larger_signed(candidate, best) : smaller_signed(candidate, best);
    const int64_t bound = value.kind == Kind::kInteger ? value.integer : value.most;
    if (!max && bound > 0 && (most == 0 || bound < most)) most = bound;
  }
  AbstractValue result = AbstractValue::dynamic_integer(best);
  result.most = most;
  finish(call, {result});
}

void Lowering::call_abs(Call& call) {
  const AbstractValue value = call.argument(0);
  if (value.is_string()) refuse("string-arithmetic", "math.abs of a string", "convert it with tonumber(s, 10)");
  if (!value.is_integer()) return fail_type(call, 0, "number");
  const ir::Value sign = b_.binary(Op::kAshr, integer_of(value), 63);
  finish(call, {AbstractValue::dynamic_integer(b_.sub(b_.binary(Op::kXor, integer_of(value), sign), sign))});
}

void Lowering::call_tointeger(Call& call) {
  const AbstractValue value = call.argument(0);
  if (call.arguments.empty()) return fail_argument(call, 0, "value expected");
  if (value.kind == Kind::kDynamicString)
    refuse("string-arithmetic", "math.tointeger of a string", "convert it with tonumber(s, 10)");
  finish(call, {value.is_integer() ? value : AbstractValue::nil()});
}

// math.floor and math.ceil of an integer.
void Lowering::call_identity(Call& call) {
  const AbstractValue value = call.argument(0);
  if (value.is_string())
    refuse("string-arithmetic", fmt::format("{} of a string", call.name), "convert it with tonumber(s, 10)");
  if (!value.is_integer()) return fail_type(call, 0, "number");
  finish(call, {value});
}

void Lowering::call_math_type(Call& call) {
  if (call.arguments.empty()) return fail_argument(call, 0, "value expected");
  const AbstractValue& value = call.argument(0);
  finish(call, {value.is_integer() ? AbstractValue::string_constant("integer") : AbstractValue::nil()});
}

void Lowering::call_ult(Call& call) {
  AbstractValue a;
  AbstractValue b;
  if (!integer_argument(call, 0, a) || !integer_argument(call, 1, b)) return;
  finish(call, {AbstractValue::dynamic_boolean(b_.compare(Condition::kUlt, integer_of(a), integer_of(b)))});
}

// --- tables

void Lowering::call_rawlen(Call& call) {
  const AbstractValue value = call.argument(0);
  if (value.is_string()) return finish(call, {AbstractValue::dynamic_integer(string_of(value).length)});
  if (value.kind == Kind::kTable)
    return finish(call, {AbstractValue::integer_constant(length_of_virtual(value.index))});
  fail_type(call, 0, "table or string");
}

void Lowering::call_rawequal(Call& call) {
  (void)call;
  refuse("library-function", "rawequal on values from the packet", "use ==");
}

void Lowering::call_rawget(Call& call) {
  const AbstractValue table = call.argument(0);
  if (table.kind == Kind::kTable) {
    return finish(call, {from_virtual(table.index, call.argument(1))});
  }
  if (table.kind != Kind::kObject || world_->type_of(table.object) != World::ObjectType::kTable)
    return fail_type(call, 0, "table");
  refuse("library-function", "rawget with a key from the packet", "index the table: t[key]");
}

void Lowering::call_unpack(Call& call) {
  const AbstractValue table = call.argument(0);
  if (table.kind != Kind::kTable || call.arguments.size() > 1)
    refuse("growing-table", "table.unpack of this", "name the values: t[1], t[2]");
  Values values;
  for (int64_t n = 1; n <= length_of_virtual(table.index); ++n)
    values.push_back(from_virtual(table.index, AbstractValue::integer_constant(n)));
  finish(call, values);
}

void Lowering::call_ipairs(Call& call) {
  const AbstractValue table = call.argument(0);
  if (table.kind != Kind::kTable) {
    if (call.arguments.empty()) return fail_argument(call, 0, "value expected");
    refuse("library-function", fmt::format("ipairs of a {}", type_name(table)), "use a numeric for");
  }
  lua_newtable(world_->lua());
  const AbstractValue empty = world_->pop();
  const World::Evaluation evaluation = world_->evaluate(world_->builtin("ipairs"), {empty});
  check_evaluation(evaluation, "ipairs");
  finish(call, {evaluation.results[0], table, AbstractValue::integer_constant(0)});
}

void Lowering::call_pairs(Call& call) {
  const AbstractValue table = call.argument(0);
  if (table.kind == Kind::kObject && world_->type_of(table.object) == World::ObjectType::kMap)
    refuse("map-walk", "a map is gone through at packet time", "look keys up, or go through it in the main chunk");
  if (table.kind == Kind::kTable)
    refuse("growing-table", "pairs over a table made at packet time", "use ipairs, or name the keys");
  if (call.arguments.empty()) return fail_argument(call, 0, "value expected");
  // Lua takes anything here, and fails when the walk begins.
  refuse("library-function", fmt::format("pairs of a {}", type_name(table)),
         "make sure that it is a table of the main chunk");
}

}  // namespace perilune::compiler
