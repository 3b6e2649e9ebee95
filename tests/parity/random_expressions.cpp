#include "random_expressions.h"

#include <fmt/format.h>

#include "random_words.h"

namespace perilune::parity {

std::string quoted(std::string_view bytes) {
  std::string text = "'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text + "'";
}

std::string Expressions::variable(Type type, bool to_assign) {
  std::vector<std::string> found;
  for (const Variable& one : scope_) {
    if (one.type == type && (one.assignable || !to_assign)) found.push_back(one.name);
  }
  return found.empty() ? std::string() : found[random_.below(found.size())];
}

std::string Expressions::literal() {
  switch (random_.below(4)) {
    case 0:
      return fmt::format("{}", random_.below(20));
    case 1:
      return fmt::format("{}", random_.below(70000));
    case 2:
      return fmt::format("({})", random_.between(-300, -1));
    default:
      return random_.pick({"0x7fffffff", "0x80000000", "0xffffffff", "0x100000000", "math.maxinteger",
                           "math.mininteger", "(-0x80000000)", "63", "64", "255", "0x123456789abcdef"});
  }
}

std::string Expressions::constant_text() {
  if (random_.chance(10)) return "''";
  std::string bytes = random_.pick(random_.chance(70) ? payload_words() : awkward_words());
  if (random_.chance(30)) bytes += random_.pick(payload_words());
  return quoted(bytes);
}

std::string Expressions::byte() {
  const char* view = random_.chance(60) ? "hdr" : "pld";
  if (view[0] == 'h' && random_.chance(70)) return fmt::format("hdr[{}]", random_.below(20));
  const std::string index = random_.chance(70) ? fmt::format("{}", random_.below(60))
                                               : fmt::format("({} & {})", integer(0), random_.pick({3, 15, 63}));
  if (risky()) return fmt::format("{}[{}]", view, index);
  return fmt::format("({}[{}] or {})", view, index, random_.below(300));
}

std::string Expressions::arithmetic(unsigned depth) {
  const std::string a = integer(depth - 1);
  const std::string b = integer(depth - 1);
  switch (random_.below(14)) {
    case 0:
    case 1:
      return fmt::format("({} + {})", a, b);
    case 2:
      return fmt::format("({} - {})", a, b);
    case 3:
      return fmt::format("({} * {})", a, b);
    case 4:
      return fmt::format("({} & {})", a, b);
    case 5:
      return fmt::format("({} | {})", a, b);
    case 6:
      return fmt::format("({} ~ {})", a, b);
    case 7:
    case 8: {
      const char* op = random_.chance(50) ? "//" : "%";
      if (risky()) return fmt::format("({} {} {})", a, op, b);
      if (random_.chance(50)) return fmt::format("({} {} {})", a, op, random_.pick({2, 3, 7, 16, -1, -5, 100}));
      return fmt::format("({} {} ({} | 1))", a, op, b);
    }
    case 9:
      return fmt::format("({} << {})", a, random_.chance(40) ? b : fmt::format("{}", random_.between(0, 64)));
    case 10:
      return fmt::format("({} >> {})", a, random_.chance(40) ? b : fmt::format("({} & 63)", b));
    case 11:
      return fmt::format("(-{})", a);
    case 12:
      return fmt::format("(~{})", a);
    default:
      return fmt::format("({} and {} or {})", boolean(depth - 1), a, b);
  }
}

std::string Expressions::integer_of_text(unsigned depth) {
  const std::string s = text(depth - 1);
  switch (random_.below(allowed_.patterns ? 6 : 3)) {
    case 0:
      return fmt::format("#{}", s);
    case 1: {
      const std::string at = random_.chance(60) ? fmt::format("{}", random_.between(-6, 12)) : integer(0);
      return risky() ? fmt::format("{}:byte({})", s, at) : fmt::format("({}:byte({}) or 7)", s, at);
    }
    case 2:
      if (declared_.text_tables.empty()) return fmt::format("{}:len()", s);
      return fmt::format("({}[{}] or {})", random_.pick(std::span(declared_.text_tables)), s, random_.below(9));
    case 3:
      return fmt::format("({}:find({}, {}, true) or 0)", s, constant_text(), random_.between(-3, 5));
    case 4: {
      const std::string init = random_.chance(20) ? fmt::format(", {}", random_.between(-5, 9)) : std::string();
      return fmt::format("({}:find({}{}) or 0)", s, pattern(), init);
    }
    default:
      return fmt::format("#({}:match({}) or '')", s, "'%w+'");
  }
}

std::string Expressions::text_key(unsigned depth) {
  // A packet may carry the name of a method.
  return random_.chance(30) ? random_.pick({"'get'", "'set'", "'add'", "''", "'count'"}) : text(depth) + ":sub(1, 8)";
}

std::string Expressions::map_read(unsigned depth) {
  switch (random_.below(11)) {
    case 9:
      return fmt::format("(m4[{}] or 8)", text_key(depth - 1));
    case 10:
      return fmt::format("(map.get(m4, {}) or 9)", text_key(depth - 1));
    case 0:
      return fmt::format("(m1[({} & 0xffff)] or 3)", integer(depth - 1));
    case 1:
      return "(m2[pkt.src] or 0)";
    case 2:
      return fmt::format("m3[({} & 63)]", integer(depth - 1));
    case 3:
      return fmt::format("m1:add(({} & 0xff), ({} & 0xff))", integer(depth - 1), integer(depth - 1));
    case 4:
      return fmt::format("(m5[{}] or 4)", random_.pick({"pkt.src", "pkt.dst"}));
    case 5:
      return "(m5:add(pkt.dst, 1) or 0)";
    case 6:
      return random_.pick({"m7:get()", "(m6:get((hdr[9] & 7)) or 0)"});
    case 7:
      return fmt::format("(m9[{{(pkt.dport or 0), ({} & 0xff)}}] or 6)", integer(depth - 1));
    default:
      return fmt::format("(map.get(m4, {}) or 2)", text(depth - 1));
  }
}

std::string Expressions::of_functions(unsigned depth) {
  switch (random_.below(4)) {
    case 0:
      if (const std::string holder = variable(Type::kHolder); !holder.empty() && !in_function)
        return fmt::format("{}.{}({})", holder, random_.pick({"f", "g"}), integer(depth - 1));
      [[fallthrough]];
    case 1:
      if (const std::string function = variable(Type::kFunction); !function.empty() && !in_function)
        return fmt::format("{}({})", function, integer(depth - 1));
      [[fallthrough]];
    default: {
      const std::string object = variable(Type::kObject);
      if (object.empty() || in_function) return literal();
      if (random_.chance(50)) return object + ".get(1)";
      return fmt::format("{}.add({})", object, integer(depth - 1));
    }
  }
}

std::string Expressions::of_metatables(unsigned depth) {
  switch (random_.below(3)) {
    case 0:
      if (!declared_.instances.empty()) {
        const std::string object = random_.pick(std::span(declared_.instances));
        if (random_.chance(40)) return object + random_.pick({".n", ".k", ".z"});
        return fmt::format("{}:{}({})", object, random_.pick({"step", "sum"}), integer(depth - 1));
      }
      [[fallthrough]];
    case 1:
      if (!declared_.defaults.empty()) {
        const std::string table = random_.pick(std::span(declared_.defaults));
        if (random_.chance(50)) return table + random_.pick({".a", ".missing", "[2]", "[3]", "['two words']"});
        return fmt::format("{}[({} & 3)]", table, integer(depth - 1));
      }
      [[fallthrough]];
    default:
      if (declared_.plain_defaults.empty()) return literal();
      const std::string table = random_.pick(std::span(declared_.plain_defaults));
      if (random_.chance(60)) return fmt::format("({}{} or 1)", table, random_.pick({".a", ".b", ".c", "[2]", "[3]"}));
      return fmt::format("(rawget({}, {}) or {})", table, random_.pick({"'a'", "'b'", "2"}), random_.below(9));
  }
}

// Results whose number is open, of a library function as the last of a list.
std::string Expressions::open_results(unsigned depth) {
  const std::string s = text(depth - 1);
  const std::string bytes = fmt::format("{}:byte({}, {})", s, random_.between(1, 4), random_.between(3, 12));
  const char* pattern = random_.pick({"'(.)(.)'", "'(%w)(.)(%w)'", "'()(.)()'", "'%w'", "'((.)(.))'"});
  switch (random_.below(allowed_.patterns ? 7 : 4)) {
    case 0:
      return fmt::format("select('#', {})", bytes);
    case 1:
      return fmt::format("(select({}, {}) or 5)", random_.between(1, 9), bytes);
    case 2:
      return fmt::format("math.{}(({}), {})", random_.pick({"min", "max"}), literal(), bytes);
    case 3:
      return fmt::format("(function(...) local a, b, c, d, e = ... return select('#', ...) + (e or 0) end)({}, {})",
                         integer(depth - 1), bytes);
    case 4:
      return fmt::format("select('#', {}:find({}))", s, pattern);
    case 5:
      return fmt::format("#tostring((select({}, {}:find({}))))", random_.between(1, 5), s, pattern);
    default:
      return fmt::format("#((function(a, b, c, d) return tostring(d) end)({}, {}:match({})))", integer(depth - 1), s,
                         pattern);
  }
}

std::string Expressions::several(unsigned depth) {
  if (declared_.several.empty() || random_.chance(40)) return open_results(depth);
  const std::string call =
      fmt::format("{}({}, {})", random_.pick(std::span(declared_.several)), integer(depth - 1), integer(depth - 1));
  switch (random_.below(5)) {
    case 0:
      return fmt::format("({})", call);
    case 1:
      return fmt::format("select('#', {})", call);
    case 2:
      return fmt::format("(select({}, {}) or 5)", random_.pick({"1", "2", "-1"}), call);
    case 3:
      return fmt::format("#{{{}}}", call);
    default:
      return fmt::format("(({{{}}})[{}] or 6)", call, random_.between(1, 4));
  }
}

// Numbers as texts of the packet: signs, spaces, digits of any base.
std::string Expressions::number_in_text(unsigned depth) {
  const std::string part =
      fmt::format("{}:sub({}, {})", text(depth - 1), random_.between(-4, 4), random_.between(-3, 8));
  switch (random_.below(6)) {
    case 0:
    case 1:
      return fmt::format("(tonumber({}, {}) or {})", part, random_.pick({"10", "16", "2", "8", "36", "11"}),
                         random_.below(50));
    case 2:
      return fmt::format("(tonumber({}, 10) or {})", random_.chance(50) ? text(depth - 1) : part, random_.below(50));
    case 3: {
      const int64_t first = random_.between(1, 4);
      return fmt::format("select('#', {}:byte({}, {}))", part, first, first + random_.between(-1, 3));
    }
    case 4:
      if (in_loop) return literal();
      return fmt::format("#({}:sub({}, {}):{}() .. {})", text(depth - 1), random_.between(1, 4), random_.between(0, 8),
                         random_.pick({"lower", "upper"}), constant_text());
    default:
      return fmt::format("({}:find({}, {}, true) or 0)", part, quoted(random_.pick(awkward_words())),
                         random_.between(-3, 4));
  }
}

std::string Expressions::edges(unsigned depth) {
  const std::string a = integer(depth - 1);
  switch (random_.below(8)) {
    case 0:
      return fmt::format("({} {} {})", a, random_.pick({"//", "%"}),
                         random_.pick({"math.mininteger", "math.maxinteger", "(-1)", "1", "(-2)", "0x7fffffff"}));
    case 1:
      return fmt::format("({} {} ({} | 1))", random_.pick({"math.mininteger", "math.maxinteger", "(-1)"}),
                         random_.pick({"//", "%"}), a);
    case 2:
      return fmt::format("({} {} {})", a, random_.pick({"<<", ">>"}),
                         random_.pick({"63", "64", "65", "(-1)", "(-63)", "(-64)", "math.mininteger"}));
    case 3:
      return fmt::format("math.abs({})", a);
    case 4:
      return fmt::format("(math.ult({}, {}) and 1 or 2)", a, integer(depth - 1));
    case 5:
      return fmt::format("({} {} {})", a, random_.pick({"+", "-", "*"}),
                         random_.pick({"math.mininteger", "math.maxinteger", "(-1)"}));
    case 6:
      return fmt::format("(math.tointeger({}) or 1)", a);
    default:
      return fmt::format("({} {} {} and 1 or 0)", a, random_.pick({"<", "<=", ">", ">=", "=="}),
                         random_.pick({"math.mininteger", "math.maxinteger", "0.5", "1e15", "(-1)"}));
  }
}

std::string Expressions::integer(unsigned depth) {
  if (depth == 0) {
    const std::string name = variable(Type::kInteger);
    if (!name.empty() && random_.chance(50)) return name;
    return random_.chance(50) ? byte() : literal();
  }
  switch (random_.below(27)) {
    case 14:
    case 15:
      return of_functions(depth);
    case 16:
      return of_metatables(depth);
    case 17:
      return several(depth);
    case 18:
    case 19:
      return number_in_text(depth);
    case 20:
      return edges(depth);
    case 0:
      return byte();
    case 1: {
      const std::string view = variable(Type::kView);
      if (view.empty()) return byte();
      const std::string field = fmt::format("{}.f{}", view, random_.between(1, 6));
      return risky() ? field : fmt::format("({} or {})", field, random_.below(99));
    }
    case 2:
      return random_.pick({"#pld", "#hdr", "pkt.protocol", "pkt.length", "pkt.version", "(pkt.dport or 0)",
                           "(pkt.sport or 1)", "(pkt.vlan or 2)", "(pkt.ethertype or 3)"});
    case 3: {
      const std::string maybe = variable(Type::kMaybeInteger);
      if (maybe.empty()) return literal();
      return risky() ? maybe : fmt::format("({} or {})", maybe, literal());
    }
    case 4:
      if (declared_.functions.empty()) return literal();
      return fmt::format("{}({}, {})", random_.pick(std::span(declared_.functions)), integer(depth - 1),
                         integer(depth - 1));
    case 5:
      if (declared_.number_tables.empty()) return literal();
      return fmt::format("({}[{}] or {})", random_.pick(std::span(declared_.number_tables)),
                         random_.chance(60) ? fmt::format("({} & 31)", integer(depth - 1)) : integer(depth - 1),
                         random_.below(50));
    case 6:
    case 7:
      return integer_of_text(depth);
    case 8:
      return allowed_.maps ? map_read(depth) : literal();
    case 9:
      return allowed_.patterns ? fmt::format("(tonumber({}:match('%x+') or '5', {}) or 0)", text(depth - 1),
                                             random_.pick({10, 16, 8}))
                               : byte();
    case 11: {
      const std::string table = variable(Type::kTable);
      return table.empty() ? literal() : table + random_.pick({".a", "[1]", ".a"});
    }
    case 12: {
      const std::string function = variable(Type::kFunction);
      if (function.empty() || in_function) return byte();
      return fmt::format("{}({})", function, integer(depth - 1));
    }
    case 13:
      if (!declared_.records.empty()) return random_.pick(std::span(declared_.records)) + ".n";
      if (declared_.lists.empty()) return literal();
      return fmt::format("({}[{}] or {})", random_.pick(std::span(declared_.lists)), integer(depth - 1),
                         random_.below(9));
    case 10:
      return fmt::format("math.{}({}, {})", random_.pick({"min", "max"}), integer(depth - 1), integer(depth - 1));
    default:
      return arithmetic(depth);
  }
}

std::string Expressions::text(unsigned depth) {
  const std::string name = variable(Type::kText);
  if (depth == 0 || random_.chance(30)) {
    if (!name.empty() && random_.chance(60)) return name;
    return random_.chance(70) ? "tostring(pld:segment(0, 40))" : "pkt.src";
  }
  switch (random_.below(10)) {
    case 8:
      if (in_loop || !allowed_.addresses) return text(depth - 1);
      return random_.pick({"net.ip(pkt.src)", "net.ip(pkt.dst)", "net.ip((hdr:segment(12, 4) or pkt.src))",
                           "net.mac((hdr:segment(0, 6) or 'abcdef'))", "(net.ip(pkt.src) .. '-')"});
    case 0:
      if (const std::string table = variable(Type::kTable); !table.empty()) return table + ".s";
      return fmt::format("tostring(pld:segment(0, {}))", random_.pick({"8", "20", "100", "255"}));
    case 1: {
      const std::string segment = fmt::format("{}:segment({}, {})", random_.chance(50) ? "pld" : "hdr",
                                              random_.chance(60) ? fmt::format("{}", random_.below(24)) : integer(0),
                                              random_.chance(60) ? fmt::format("{}", random_.below(20)) : integer(0));
      if (risky()) return fmt::format("tostring({})", segment);
      return fmt::format("tostring(({} or pld))", segment);
    }
    case 2:
      return "tostring(pld)";
    case 3:
    case 4: {
      const std::string from = random_.chance(60) ? fmt::format("{}", random_.between(-6, 9)) : integer(0);
      const std::string to = random_.chance(60) ? fmt::format("{}", random_.between(-6, 30)) : integer(0);
      return fmt::format("{}:sub({}, {})", text(depth - 1), from, to);
    }
    case 5:
      if (in_loop) return text(depth - 1);
      return fmt::format("{}:{}()", text(depth - 1), random_.pick({"lower", "upper"}));
    case 6:
      if (!allowed_.patterns) return text(depth - 1);
      return fmt::format("tostring(({}:match({}) or {}))", text(depth - 1), pattern(), constant_text());
    case 7:
      if (in_loop) return text(depth - 1);
      if (random_.chance(30)) {
        return fmt::format("string.format({}, {})", random_.pick({"'%d'", "'%x'", "'%02X'", "'<%s>'", "'%c'", "'%s'"}),
                           integer(depth - 1));
      }
      if (random_.chance(20)) {
        return fmt::format("('{}'):format({}:sub(1, {}), {})", random_.pick({"%s %d", "%s=%08x", "%s%%%s"}),
                           text(depth - 1), random_.between(0, 40), integer(depth - 1));
      }
      return fmt::format("tostring({})", integer(depth - 1));
    default:
      return fmt::format("({} and {} or {})", boolean(depth - 1), text(depth - 1),
                         random_.chance(50) ? constant_text() : text(0));
  }
}

std::string Expressions::comparison(unsigned depth) {
  const char* op = random_.pick({"<", "<=", ">", ">=", "==", "~="});
  switch (random_.below(6)) {
    case 0: {
      std::string a = text(depth - 1);
      if (random_.chance(40)) a += fmt::format(":sub({}, {})", random_.between(-4, 3), random_.between(-2, 4));
      return fmt::format("({} {} {})", a, op, random_.chance(70) ? constant_text() : text(depth - 1));
    }
    case 1: {
      const std::string maybe = variable(Type::kMaybeInteger);
      if (maybe.empty()) return "pkt.fragment";
      if (risky()) return fmt::format("({} {} {})", maybe, op, literal());
      return fmt::format("({} {} nil)", maybe, random_.pick({"==", "~="}));
    }
    case 2:
      return fmt::format("({} {} {})", integer(depth - 1), op, literal());
    default:
      return fmt::format("({} {} {})", integer(depth - 1), op, integer(depth - 1));
  }
}

std::string Expressions::boolean(unsigned depth) {
  if (depth == 0) {
    const std::string name = variable(Type::kBoolean);
    if (!name.empty() && random_.chance(60)) return name;
    return random_.pick({"pkt.fragment", "true", "false", "(pkt.protocol == 6)", "(pkt.version == 4)"});
  }
  switch (random_.below(8)) {
    case 0:
      return fmt::format("(not {})", boolean(depth - 1));
    case 1:
      return fmt::format("({} and {})", boolean(depth - 1), boolean(depth - 1));
    case 2:
      return fmt::format("({} or {})", boolean(depth - 1), boolean(depth - 1));
    case 3:
      if (!allowed_.patterns) return comparison(depth);
      return fmt::format("({}:{}({}) ~= nil)", text(depth - 1), random_.pick({"find", "match"}), pattern());
    case 4:
      if (!allowed_.patterns) return comparison(depth);
      return fmt::format("({}:match({}) == {})", text(depth - 1), pattern(), constant_text());
    default:
      return comparison(depth);
  }
}

std::string Expressions::pattern_item() {
  std::string item;
  switch (random_.below(5)) {
    case 0: {
      const std::string& word = random_.pick(payload_words());
      for (const char c : word) {
        if (std::ispunct(static_cast<unsigned char>(c)) != 0) item += '%';
        item += c;
      }
      break;
    }
    case 1:
      item = random_.pick({"%a", "%d", "%s", "%w", "%p", "%x", "%u", "%l", "%c", "%g", "%A", "%D", "%S", "%W"});
      break;
    case 2:
      item = ".";
      break;
    case 3:
      item = random_.pick({"[%w%-]", "[^%s]", "[a-z]", "[0-9.]", "[^\r\n]", "[%a_]", "[]%-]", "[^%w]"});
      break;
    default:
      item = random_.pick({"a", "e", "0", " ", "/", "S", "%-", "%."});
  }
  const char* quantifier = random_.pick({"", "", "", "*", "+", "-", "?"});
  return item + quantifier;
}

std::string Expressions::pattern() {
  std::string text = random_.chance(25) ? "^" : "";
  const uint64_t items = 1 + random_.below(4);
  bool open = false;
  unsigned captures = 0;
  for (uint64_t i = 0; i < items; ++i) {
    if (random_.chance(6)) text += random_.pick({"%f[%w]", "%f[%s]", "%f[%z]"});
    if (!open && captures < 3 && random_.chance(20)) {
      text += '(';
      open = true;
      ++captures;
    }
    text += pattern_item();
    if (open && random_.chance(50)) {
      text += ')';
      open = false;
    }
  }
  if (open) text += ')';
  if (random_.chance(10)) text += '$';
  return quoted(text);
}

}  // namespace perilune::parity
