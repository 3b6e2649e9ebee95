#include "random_scripts.h"

#include <utility>

#include <fmt/format.h>

#include "random_expressions.h"
#include "random_functions.h"
#include "random_words.h"

namespace perilune::parity {
namespace {

class Generator {
 public:
  explicit Generator(uint64_t seed)
      : random_(seed),
        expressions_(random_, allowed_, declared_),
        random_functions_(random_, expressions_, declared_),
        with_functions_(random_.chance(60)) {
    allowed_.marks = random_.chance(50);
    allowed_.writes = random_.chance(50);
    allowed_.maps = random_.chance(40);
    allowed_.patterns = random_.chance(60);
    allowed_.addresses = random_.chance(40);
    allowed_.risk = random_.chance(50) ? 0 : static_cast<unsigned>(random_.below(12));
  }

  std::vector<Statement> script() {
    head();
    Statement filter = compound("function filter(hdr, pld, pkt)", "end");
    filter.fixed = true;
    locals(filter.body);
    block(filter.body, 2 + random_.below(5), 0);
    if (allowed_.writes && random_.chance(20)) filter.body.push_back(replaced_payload());
    Statement last = simple("return " + verdict());
    last.fixed = true;
    filter.body.push_back(std::move(last));
    script_.push_back(std::move(filter));
    return std::move(script_);
  }

 private:
  static Statement simple(std::string text) { return {std::move(text), {}, {}, {}, false}; }
  static Statement compound(std::string text, std::string end) {
    return {std::move(text), {}, {}, std::move(end), false};
  }
  std::string name(const char* prefix) { return expressions_.name(prefix); }
  std::string integer() { return expressions_.integer(1 + static_cast<unsigned>(random_.below(3))); }
  std::string boolean() { return expressions_.boolean(1 + static_cast<unsigned>(random_.below(2))); }
  std::string text() { return expressions_.text(1 + static_cast<unsigned>(random_.below(2))); }

  void head();
  void functions();
  void locals(std::vector<Statement>& into);
  void block(std::vector<Statement>& into, uint64_t statements, unsigned depth);
  void nested(std::vector<Statement>& into, unsigned depth);
  Statement statement(unsigned depth);
  Statement loop(unsigned depth);
  Statement condition(unsigned depth);
  Statement walk(unsigned depth);
  Statement composite();
  void inner_function(std::vector<Statement>& into);
  Statement effect();
  Statement bytes_written();
  Statement replaced_payload();
  Statement assignment();
  std::string layout();
  std::string constant_or_text();
  std::string verdict();

  RandomSource random_;
  Allowed allowed_;
  Declared declared_;
  Expressions expressions_;
  RandomFunctions random_functions_;
  std::vector<Statement> script_;
  bool with_functions_;
  unsigned loops_ = 0;
};

std::string Generator::layout() {
  std::string text = "data.layout {";
  for (int i = 1; i <= 6; ++i) {
    const int64_t offset = random_.chance(40) ? 8 * random_.between(0, 30) : random_.between(0, 200);
    const int64_t length = random_.pick({8, 8, 16, 16, 32, 32, 64, 1, 3, 4, 12, 24, 48, 63});
    text += fmt::format("f{} = {{{}, {}", i, offset, length);
    if (random_.chance(20))
      text += ", 'signed'";
    else if (random_.chance(20))
      text += ", 'number', 'little'";
    text += "}, ";
  }
  return text + "}";
}

void Generator::functions() {
  for (uint64_t i = random_.below(3); i > 0; --i) {
    const std::string function = name("f");
    Statement definition = compound(fmt::format("local function {}(a, b)", function), "end");
    // Only arguments and bytes of nothing: there is no packet here.
    const char* op = random_.pick({"+", "-", "*", "&", "|", "~"});
    if (random_.chance(50)) {
      Statement early = compound(fmt::format("if a {} b then", random_.pick({"<", ">", "==", "~="})), "end");
      early.body.push_back(simple(fmt::format("return (a {} {})", op, random_.below(100))));
      definition.body.push_back(std::move(early));
    }
    if (random_.chance(30)) definition.body.push_back(simple("a = (a & 0xff)"));
    if (random_.chance(20)) {
      Statement rounds = compound("for i = 1, 3 do", "end");
      rounds.body.push_back(simple(fmt::format("a = (a {} (b + i))", op)));
      definition.body.push_back(std::move(rounds));
    }
    definition.body.push_back(
        simple(fmt::format("return (a {} (b {} {}))", op, random_.pick({"+", "~", "*"}), random_.below(50))));
    definition.body.back().fixed = true;
    script_.push_back(std::move(definition));
    declared_.functions.push_back(function);
  }
}

void Generator::head() {
  if (allowed_.addresses) {
    script_.push_back(simple("local net = require 'net'"));
    script_.back().fixed = true;
  }
  for (uint64_t i = random_.below(3); i > 0; --i) {
    const std::string table = name("layout");
    script_.push_back(simple(fmt::format("local {} = {}", table, layout())));
    declared_.layouts.push_back(table);
  }
  if (random_.chance(40)) {
    const std::string table = name("numbers");
    std::string values;
    for (uint64_t i = random_.below(40); i > 0; --i) {
      values += fmt::format("[{}] = {}, ", random_.chance(70) ? random_.between(-3, 40) : random_.between(0, 70000),
                            random_.between(-100, 100000));
    }
    script_.push_back(simple(fmt::format("local {} = {{{}}}", table, values)));
    declared_.number_tables.push_back(table);
  }
  if (random_.chance(30)) {
    const std::string table = name("words");
    std::string values;
    for (uint64_t i = random_.below(12); i > 0; --i) {
      values += fmt::format("[{}] = {}, ", quoted(random_.pick(payload_words())), random_.below(1000));
    }
    script_.push_back(simple(fmt::format("local {} = {{{}}}", table, values)));
    declared_.text_tables.push_back(table);
  }
  if (allowed_.maps) {
    // Not of maps that fill up: where expired entries make room depends on the engine.
    const auto lifetime = [&] {
      if (!random_.chance(30)) return std::string();
      return fmt::format(", ttl = {}{}", random_.pick({"0.001", "0.5", "10", "3600", "1e9"}),
                         random_.chance(30) ? ", renew = false" : "");
    };
    const bool small = random_.chance(30);
    script_.push_back(simple(fmt::format("local m1 = map.hash {{name = 'm1', key = 'u16', value = 'u32', size = {}{}}}",
                                         small ? 4 : random_.pick({1000, 70000}), small ? std::string() : lifetime())));
    script_.push_back(simple(
        fmt::format("local m2 = map.lru {{name = 'm2', key = 'ip', value = 'u64', size = 65536{}}}", lifetime())));
    script_.push_back(simple("local m3 = map.array {name = 'm3', value = 'i32', size = 64}"));
    script_.push_back(simple(fmt::format(
        "local m4 = map.hash {{name = 'm4', key = 'string:8', value = 'u16', size = 1000{}}}", lifetime())));
    for (uint64_t i = random_.below(4); i > 0; --i) {
      script_.push_back(simple(fmt::format("m1[{}] = {}", random_.below(8), random_.below(1000))));
      script_.push_back(simple(
          fmt::format("m2['{}'] = {}", random_.pick({"192.0.2.1", "10.0.0.1", "2001:db8::1"}), random_.below(1000))));
      script_.push_back(simple(
          fmt::format("map.add(m4, {}, {})", quoted(random_.pick(payload_words()).substr(0, 8)), random_.below(100))));
    }
    script_.push_back(simple("local m5 = map.lpm {name = 'm5', key = 'ip', value = 'u16', size = 100}"));
    for (const char* network : {"0.0.0.0/1", "10.0.0.0/8", "192.168.1.0/24", "192.0.0.0/3", "::/0", "2001:db8::/32"}) {
      if (random_.chance(50)) script_.push_back(simple(fmt::format("m5['{}'] = {}", network, random_.below(1000))));
    }
    script_.push_back(
        simple(fmt::format("local m6 = map.counter {{name = 'm6', key = 'u8', size = 256{}}}", lifetime())));
    if (random_.chance(30)) script_.push_back(simple(fmt::format("m6:add({}, 3)", random_.below(256))));
    script_.push_back(simple("local m7 = map.counter {name = 'm7'}"));
    script_.push_back(
        simple("local m8 = map.hash {name = 'm8', key = {'ip', 'u16'}, value = {'u32', 'i8'}, size = 4096}"));
    script_.push_back(simple("local m9 = map.hash {name = 'm9', key = {'u16', 'u8'}, value = 'u64', size = 4096}"));
  }
  if (random_.chance(40)) {
    const std::string table = name("list");
    std::string values;
    for (uint64_t i = random_.below(9); i > 0; --i)
      values += fmt::format("{}, ", random_.between(-4, 300));
    script_.push_back(simple(fmt::format("local {} = {{{}}}", table, values)));
    declared_.lists.push_back(table);
  }
  if (random_.chance(30)) {
    const std::string table = name("record");
    script_.push_back(simple(fmt::format("local {} = {{n = {}, on = false}}", table, random_.below(5))));
    declared_.records.push_back(table);
  }
  for (uint64_t i = random_.below(3); i > 0; --i) {
    const std::string global = name("g");
    script_.push_back(simple(fmt::format("local {} = {}", global, random_.between(-5, 100))));
    expressions_.scope().push_back({global, Type::kInteger, true});
  }
  functions();
  if (with_functions_) random_functions_.head(script_);
}

void Generator::locals(std::vector<Statement>& into) {
  const auto declare = [&](const char* prefix, Type type, const std::string& value) {
    const std::string variable = name(prefix);
    into.push_back(simple(fmt::format("local {} = {}", variable, value)));
    expressions_.scope().push_back({variable, type, true});
  };
  for (const std::string& one : declared_.layouts) {
    declare("view", Type::kView, fmt::format("{}:segment(0):layout({})", random_.pick({"hdr", "hdr", "pld"}), one));
  }
  declare("a", Type::kInteger, integer());
  declare("b", Type::kInteger, expressions_.byte());
  declare("s", Type::kText, "tostring(pld:segment(0, 100))");
  declare("t", Type::kBoolean, boolean());
  declare("n", Type::kMaybeInteger, random_.pick({"pkt.dport", "pkt.sport", "pld[3]", "pkt.vlan", "hdr[30]"}));
  if (random_.chance(30))
    declare("pair", Type::kTable, fmt::format("{{{}, a = {}, s = {}}}", integer(), integer(), text()));
  if (random_.chance(30)) inner_function(into);
  if (with_functions_) random_functions_.locals(into);
}

// It may change what is around it.
void Generator::inner_function(std::vector<Statement>& into) {
  const std::string function = name("inner");
  const std::string argument = name("x");
  Statement definition = compound(fmt::format("local function {}({})", function, argument), "end");
  expressions_.in_function = true;
  expressions_.scope().push_back({argument, Type::kInteger, false});
  for (uint64_t i = random_.below(3); i > 0; --i)
    definition.body.push_back(assignment());
  if (random_.chance(30)) {
    Statement early = compound(fmt::format("if {} then", boolean()), "end");
    early.body.push_back(simple("return " + integer()));
    definition.body.push_back(std::move(early));
  }
  definition.body.push_back(simple("return " + integer()));
  definition.body.back().fixed = true;
  expressions_.scope().pop_back();
  expressions_.in_function = false;
  into.push_back(std::move(definition));
  expressions_.scope().push_back({function, Type::kFunction, false});
}

void Generator::block(std::vector<Statement>& into, uint64_t statements, unsigned depth) {
  const size_t outside = expressions_.scope().size();
  for (uint64_t i = 0; i < statements; ++i) {
    if (random_.chance(25)) {
      const std::string variable = name("v");
      into.push_back(simple(fmt::format("local {} = {}", variable, integer())));
      expressions_.scope().push_back({variable, Type::kInteger, true});
    }
    into.push_back(statement(depth));
  }
  expressions_.scope().resize(outside);
}

void Generator::nested(std::vector<Statement>& into, unsigned depth) {
  block(into, 1 + random_.below(3), depth + 1);
}

Statement Generator::statement(unsigned depth) {
  const uint64_t kind = random_.below(10);
  if (kind < 2 && depth < 3) return condition(depth);
  if (kind < 6 && depth < 2 && with_functions_ && random_.chance(35)) {
    return random_functions_.statement([&](std::vector<Statement>& into) {
      const bool was_in_loop = std::exchange(expressions_.in_loop, true);
      nested(into, depth + 1);
      expressions_.in_loop = was_in_loop;
    });
  }
  if (kind < 4 && depth < 2) return random_.chance(25) ? walk(depth) : loop(depth);
  if (kind < 7) return effect();
  return assignment();
}

Statement Generator::condition(unsigned depth) {
  Statement one = compound(fmt::format("if {} then", boolean()), "end");
  if (random_.chance(25)) {
    one.body.push_back(simple("return " + verdict()));
    return one;
  }
  nested(one.body, depth);
  if (random_.chance(40)) nested(one.otherwise, depth);
  if (loops_ > 0 && random_.chance(20)) one.body.push_back(simple("break"));
  return one;
}

Statement Generator::loop(unsigned depth) {
  const std::string i = name("i");
  Statement one;
  switch (random_.below(4)) {
    case 0:
      one = compound(fmt::format("for {} = {}, {} do", i, random_.between(-3, 3), random_.between(0, 12)), "end");
      break;
    case 1:
      one = compound(fmt::format("for {} = 0, ({} & 15){} do", i, integer(), random_.chance(30) ? ", 2" : ""), "end");
      break;
    case 2:
      one = compound(
          fmt::format("for {} = ({} & 7), {}, -{} do", i, integer(), random_.between(-3, 3), 1 + random_.below(3)),
          "end");
      break;
    default:
      one = compound("do", "end");
  }
  const bool plain = one.text == "do";  // a while loop with a counter of its own
  const bool was_in_loop = std::exchange(expressions_.in_loop, true);
  ++loops_;
  expressions_.scope().push_back({i, Type::kInteger, false});
  if (plain) {
    one.body.push_back(simple(fmt::format("local {} = 0", i)));
    Statement inner = compound(fmt::format("while ({} < {}) and {} do", i, 1 + random_.below(12), boolean()), "end");
    inner.body.push_back(simple(fmt::format("{} = {} + 1", i, i)));
    inner.body.back().fixed = true;
    nested(inner.body, depth + 1);
    one.body.push_back(std::move(inner));
  } else {
    nested(one.body, depth);
  }
  if (random_.chance(20)) {  // on with the next iteration
    std::vector<Statement>& body = plain ? one.body.back().body : one.body;
    body.insert(body.begin() + (plain ? 1 : 0), simple(fmt::format("if {} then goto on_{} end", boolean(), i)));
    body.push_back(simple(fmt::format("::on_{}::", i)));
    body.back().fixed = true;
  }
  expressions_.scope().pop_back();
  --loops_;
  expressions_.in_loop = was_in_loop;
  return one;
}

// Over the matches in a text, or over a list.
Statement Generator::walk(unsigned depth) {
  const std::string first = name("k");
  const std::string second = name("w");
  Statement one;
  std::vector<Variable> variables;
  if (!allowed_.patterns || random_.chance(30)) {
    const std::string list =
        declared_.lists.empty() ? std::string("{7, 300, -1}") : random_.pick(std::span(declared_.lists));
    one = compound(fmt::format("for {}, {} in ipairs({}) do", first, second, list), "end");
    variables = {{first, Type::kInteger, false}, {second, Type::kInteger, false}};
  } else if (random_.chance(50)) {
    one = compound(
        fmt::format("for {} in {}:gmatch({}) do", first, text(),
                    random_.pick({"'%w+'", "'.'", "'[^\\r\\n]+'", "'%a%d'", "'()%a+'", "'%f[%w]%w+'", "'x*'"})),
        "end");
    if (one.text.find("'()") != std::string::npos)
      variables = {{first, Type::kInteger, false}};
    else
      variables = {{first, Type::kText, false}};
  } else {
    one = compound(fmt::format("for {}, {} in {}:gmatch({}) do", first, second, text(),
                               random_.pick({"'(%w+)=(%w*)'", "'(%a)(%A)'", "'(.)(.?)'"})),
                   "end");
    variables = {{first, Type::kText, false}, {second, Type::kText, false}};
  }
  const bool was_in_loop = std::exchange(expressions_.in_loop, true);
  ++loops_;
  const size_t outside = expressions_.scope().size();
  for (Variable& variable : variables)
    expressions_.scope().push_back(std::move(variable));
  nested(one.body, depth);
  expressions_.scope().resize(outside);
  --loops_;
  expressions_.in_loop = was_in_loop;
  return one;
}

// Entries with several values under keys of several parts.
Statement Generator::composite() {
  const std::string key = fmt::format("{{{}, ({} & 0x3ff)}}", random_.pick({"pkt.src", "pkt.dst"}), integer());
  switch (random_.below(4)) {
    case 0:
      return simple(fmt::format("m8[{}] = {{({} & 0xffffffff), ({} & 0x7f)}}", key, integer(), integer()));
    case 1:
      return simple(fmt::format("m8[{}] = nil", key));
    case 2:
      return simple(fmt::format("m9:add({{({} & 0xffff), ({} & 0xff)}}, {})", integer(), integer(), integer()));
    default: {
      const std::string entry = name("e");
      Statement both = compound("do", "end");
      both.body.push_back(simple(fmt::format("local {} = m8[{}]", entry, key)));
      both.body.back().fixed = true;
      Statement there = compound(fmt::format("if {} then", entry), "end");
      there.body.push_back(
          simple(fmt::format("{} = ({}[1] + {}[2])", expressions_.variable(Type::kInteger, true), entry, entry)));
      both.body.push_back(std::move(there));
      return both;
    }
  }
}

Statement Generator::assignment() {
  switch (random_.below(10)) {
    case 8:
      if (const std::string table = expressions_.variable(Type::kTable); !table.empty())
        return simple(fmt::format("{}{} = {}", table, random_.pick({".a", "[1]"}), integer()));
      break;
    case 9:
      if (declared_.records.empty()) break;
      if (random_.chance(40)) return simple(fmt::format("{}.on = {}", declared_.records[0], boolean()));
      return simple(fmt::format("{}.n = {}", declared_.records[0], integer()));
    case 0:
      if (const std::string target = expressions_.variable(Type::kText, true); !target.empty() && !expressions_.in_loop)
        return simple(fmt::format("{} = {}", target, text()));
      break;
    case 1:
      if (const std::string target = expressions_.variable(Type::kBoolean, true); !target.empty())
        return simple(fmt::format("{} = {}", target, boolean()));
      break;
    case 2:
      if (const std::string target = expressions_.variable(Type::kMaybeInteger, true); !target.empty()) {
        return simple(fmt::format(
            "{} = {}", target,
            random_.pick({std::string("nil"), std::string("pld[9]"), integer(), std::string("pkt.dport")})));
      }
      break;
    default:
      break;
  }
  return simple(fmt::format("{} = {}", expressions_.variable(Type::kInteger, true), integer()));
}

// Of a constant, of nothing, of a text, of a view that may overlap with where it goes.
Statement Generator::bytes_written() {
  Statement guarded = compound("if #pld > 40 then", "end");
  std::string bytes;
  switch (random_.below(5)) {
    case 0:
      bytes = expressions_.constant_text();
      break;
    case 1:
      bytes = fmt::format("pld:segment({}, {})", random_.below(12), random_.below(9));
      break;
    case 2:
      bytes = fmt::format("hdr:segment({}, {})", random_.below(12), random_.below(9));
      break;
    case 3:
      bytes = fmt::format("({} or '')", expressions_.variable(Type::kText)) + ":sub(1, 8)";
      break;
    default:
      bytes = "''";
  }
  guarded.body.push_back(simple(fmt::format("pld:setstring({}, {})", random_.below(12), bytes)));
  return guarded;
}

// By something made, by part of itself, by nothing; mostly where a payload may become another.
Statement Generator::replaced_payload() {
  const std::string bytes = random_.pick({text(), text(), expressions_.constant_text(), std::string("pld"),
                                          fmt::format("(pld:segment({}) or '')", random_.below(40))});
  Statement replaced = simple(fmt::format("pkt.payload = {}", bytes));
  if (random_.chance(20)) return replaced;
  Statement guarded = compound("if pkt.protocol ~= 6 and pkt.version and not pkt.fragment then", "end");
  guarded.body.push_back(std::move(replaced));
  return guarded;
}

Statement Generator::effect() {
  switch (random_.below(8)) {
    case 0:
      if (allowed_.marks) return simple(fmt::format("pkt.mark = ({} & 0xffffffff)", integer()));
      break;
    case 1:
    case 2:
      if (!allowed_.writes) break;
      switch (random_.below(6)) {
        case 5:
          return replaced_payload();
        case 4:
          return bytes_written();
        case 0:
          return simple(fmt::format("pld[({} & 63)] = {}", integer(), integer()));
        case 1:
          return simple(fmt::format("hdr[{}] = ({} & 0xff)", random_.pick({1, 4, 5, 8}), integer()));
        case 2:
          if (const std::string view = expressions_.variable(Type::kView); !view.empty() && random_.chance(30))
            return simple(fmt::format("{}.f{} = {}", view, random_.between(1, 6), integer()));
          return simple(fmt::format("pld[{}] = {}", random_.below(30), integer()));
        default: {
          Statement guarded = compound("if #pld > 24 then", "end");
          guarded.body.push_back(
              simple(fmt::format("pld:set{}({}, {})", random_.pick({"uint8", "uint16", "uint32", "int64", "int16"}),
                                 random_.below(16), integer())));
          return guarded;
        }
      }
    case 3:
    case 4:
      if (!allowed_.maps) break;
      switch (random_.below(12)) {
        case 10:
          return simple(fmt::format("m4[{}] = {}", expressions_.text_key(1),
                                    random_.chance(20) ? "nil" : fmt::format("({} & 0xffff)", integer())));
        case 11:
          return simple(fmt::format("map.{}(m4, {}, ({} & 0xff))", random_.pick({"set", "add"}),
                                    expressions_.text_key(1), integer()));
        case 5:
        case 6:
          return composite();
        case 7:
          return simple(fmt::format("m6:add(({} & 0xff), {})", integer(), integer()));
        case 8:
          return simple(fmt::format("m7:add({})", integer()));
        case 0:
          return simple(fmt::format("m1[({} & 0xff)] = ({} & 0xffffffff)", integer(), integer()));
        case 1:
          return simple(fmt::format("m2:add(pkt.src, ({} & 0xff))", integer()));
        case 2:
          return simple(fmt::format("m3[({} & 63)] = ({} & 0x7fffffff)", integer(), integer()));
        case 3:
          return simple(fmt::format("m4[{}:sub(1, 8)] = ({} & 0xffff)", text(), integer()));
        case 4:
          return simple(fmt::format("m1[({} & 0xff)] = nil", integer()));
        default:
          return simple(fmt::format("m3:add(({} & 63), {})", integer(), expressions_.literal()));
      }
    case 5:
      if (random_.chance(20)) return simple(fmt::format("log('%d %s', {}, {})", integer(), constant_or_text()));
      break;
    case 6:
      if (allowed_.risk > 0 && random_.chance(30)) {
        Statement guarded = compound(fmt::format("if {} then", boolean()), "end");
        guarded.body.push_back(
            simple(random_.pick({"error('stop')", "assert(pkt.vlan, 'no tag')", "error('here', 0)"})));
        return guarded;
      }
      break;
    default:
      break;
  }
  return assignment();
}

std::string Generator::constant_or_text() {
  return random_.chance(50) ? expressions_.constant_text() : text();
}

std::string Generator::verdict() {
  switch (random_.below(9)) {
    case 0:
      return "nil";
    case 1:
      return "'reject'";
    case 2:
      return random_.pick({"'pass'", "'block'", "true", "false"});
    case 3:
      return fmt::format("({} and 'pass')", boolean());
    case 4:
      return fmt::format("({} or nil)", boolean());
    default:
      return boolean();
  }
}

}  // namespace

std::vector<Statement> random_script(uint64_t seed) {
  return Generator(seed).script();
}

}  // namespace perilune::parity
