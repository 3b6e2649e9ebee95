#include "random_functions.h"

#include <utility>

#include <fmt/format.h>

namespace perilune::parity {

std::string RandomFunctions::operation(const std::string& a, const std::string& b) {
  return fmt::format("({} {} {})", a, random_.pick({"+", "-", "*", "~", "|", "&"}), b);
}

std::string RandomFunctions::function(unsigned statements) {
  const std::string x = name("x");
  std::string text = fmt::format("function({}) ", x);
  const bool was_in_function = std::exchange(expressions_.in_function, true);
  expressions_.scope().push_back({x, Type::kInteger, random_.chance(30)});
  for (unsigned i = 0; i < statements; ++i) {
    const std::string target = expressions_.variable(Type::kInteger, true);
    if (!target.empty()) text += fmt::format("{} = {} ", target, expressions_.integer(1));
  }
  text += fmt::format("return {} end", expressions_.integer(1));
  expressions_.scope().pop_back();
  expressions_.in_function = was_in_function;
  return text;
}

// Functions that make functions. They see nothing but their arguments: there is no packet where they are written.
void RandomFunctions::makers(std::vector<Statement>& into) {
  const std::string constant = fmt::format("{}", random_.between(-3, 9));
  if (random_.chance(50)) {  // an object: functions in a table that share a variable
    const std::string maker = name("make");
    Statement definition = compound(fmt::format("local function {}(p, q)", maker), "end");
    definition.body.push_back(simple(fmt::format("local total = {}", operation("p", constant))));
    if (random_.chance(50)) definition.body.push_back(simple("local unused = function() return total end"));
    definition.body.push_back(fixed(
        fmt::format("local object = {{add = function(n) total = {} return total end, get = function() return {} end}}",
                    operation("total", "n"), operation("total", "q"))));
    if (random_.chance(50)) definition.body.push_back(simple(fmt::format("total = {}", operation("total", "q"))));
    if (random_.chance(5)) definition.body.push_back(simple("q = nil"));
    definition.body.push_back(fixed("return object"));
    into.push_back(std::move(definition));
    declared_.makers_of_objects.push_back(maker);
  }
  if (random_.chance(50)) {  // two functions
    const std::string maker = name("two");
    Statement definition = compound(fmt::format("local function {}(p)", maker), "end");
    if (random_.chance(50)) definition.body.push_back(simple(fmt::format("p = {}", operation("p", constant))));
    definition.body.push_back(fixed(fmt::format("return function(n) p = {} return p end, function(n) return {} end, p",
                                                operation("p", "n"), operation("p", "n"))));
    into.push_back(std::move(definition));
    declared_.makers_of_pairs.push_back(maker);
  }
  if (random_.chance(40)) {  // over several levels
    const std::string maker = name("level");
    Statement definition = compound(fmt::format("local function {}(a)", maker), "end");
    Statement second = compound("return function(b)", "end");
    second.fixed = true;
    if (random_.chance(50)) second.body.push_back(simple(fmt::format("a = {}", operation("a", "b"))));
    second.body.push_back(fixed(fmt::format("return function(x) b = {} return {} end", operation("b", constant),
                                            operation("a", operation("b", "x")))));
    definition.body.push_back(std::move(second));
    into.push_back(std::move(definition));
    declared_.makers_of_functions.push_back(maker + "({})({})");
  }
  if (random_.chance(40)) {  // extra arguments that are kept
    const std::string maker = name("pack");
    Statement definition = compound(fmt::format("local function {}(...)", maker), "end");
    definition.body.push_back(fixed("local all, n = {...}, select('#', ...)"));
    definition.body.push_back(fixed("local first, second = ..."));
    if (random_.chance(50)) definition.body.push_back(simple("first = (first or 1) + 1"));
    definition.body.push_back(fixed(
        fmt::format("return function(x) n = n + 1 second = x return ({} + (all[{}] or 7)) end",
                    operation(random_.chance(50) ? "n" : "(first or 0)", random_.chance(50) ? "(second or 3)" : "x"),
                    random_.between(1, 3))));
    into.push_back(std::move(definition));
    declared_.makers_of_functions.push_back(maker + random_.pick({"({}, {})", "({}, {}, nil)", "(nil, {}, {})"}));
  }
  if (random_.chance(40)) {  // an iterator
    const std::string maker = name("each");
    Statement definition = compound(fmt::format("local function {}(first, last)", maker), "end");
    definition.body.push_back(fixed("local i = first - 1"));
    Statement function_body = compound("return function()", "end");
    function_body.fixed = true;
    if (random_.chance(50)) {
      Statement rounds = compound("while i < last do", "end");
      rounds.body.push_back(fixed("i = i + 1"));
      rounds.body.push_back(
          simple(fmt::format("if (i & {}) ~= 0 then return i, {} end", random_.below(4), operation("i", constant))));
      function_body.body.push_back(std::move(rounds));
    } else {
      function_body.body.push_back(fixed("i = i + 1"));
      function_body.body.push_back(fixed(fmt::format("if i <= last then return i, {} end", operation("i", "first"))));
    }
    definition.body.push_back(std::move(function_body));
    into.push_back(std::move(definition));
    declared_.iterators.push_back(maker);
  }
  if (random_.chance(50)) {  // several results
    const std::string several = name("several");
    into.push_back(simple(fmt::format("local function {}(a, b) if a > b then return b end return {}, a{} end", several,
                                      operation("a", "b"), random_.pick({"", ", 7", ", b, nil"}))));
    declared_.several.push_back(several);
  }
}

void RandomFunctions::metatables(std::vector<Statement>& into) {
  if (random_.chance(35)) {  // a class and an object of it, whose fields change
    const std::string type = name("class");
    const std::string object = name("instance");
    into.push_back(
        simple(fmt::format("local {} = {{k = {}, z = {}}}", type, random_.below(9), random_.between(-9, 9))));
    into.push_back(fixed(fmt::format("{}.__index = {}", type, type)));
    into.push_back(fixed(
        fmt::format("function {}.step(self, by) self.n = {} return self.n end", type, operation("self.n", "by"))));
    into.push_back(fixed(fmt::format("function {}:sum(by) return {} end", type, operation("self.n", "(by + self.k)"))));
    into.push_back(simple(fmt::format("local {} = setmetatable({{n = {}}}, {})", object, random_.below(9), type)));
    declared_.instances.push_back(object);
  }
  if (random_.chance(25)) {  // defaults, which a function computes
    const std::string table = name("defaults");
    into.push_back(simple(
        fmt::format("local {} = setmetatable({{a = {}, [2] = 5}}, {{__index = function(t, key) return {} end}})", table,
                    random_.below(9), random_.pick({"#tostring(key)", "type(key) == 'number' and key * 2 or 3"}))));
    declared_.defaults.push_back(table);
  }
  if (random_.chance(25)) {  // defaults in tables
    const std::string table = name("defaults");
    into.push_back(
        simple(fmt::format("local {} = setmetatable({{b = 4}}, {{__index = setmetatable({{a = {}}}, {{__index = {{[2] "
                           "= 1, [3] = {}}}}})}})",
                           table, random_.below(9), random_.between(-5, 300))));
    declared_.plain_defaults.push_back(table);
  }
  if (random_.chance(30)) {  // what can be called
    const std::string table = name("called");
    into.push_back(simple(
        fmt::format("local {} = setmetatable({{k = {}}}, {{__call = function(self, x, ...) return {} end}})", table,
                    random_.below(9), operation("self.k", random_.pick({"x", "(x + select('#', ...))"})))));
    expressions_.scope().push_back({table, Type::kFunction, false});
  }
}

void RandomFunctions::head(std::vector<Statement>& into) {
  makers(into);
  metatables(into);
  if (random_.chance(30)) {
    const std::string global = name("global_");
    into.push_back(fixed(fmt::format("{} = {}", global, random_.between(-2, 5))));
    expressions_.scope().push_back({global, Type::kInteger, true});
  }
}

void RandomFunctions::locals(std::vector<Statement>& into) {
  const auto declare = [&](std::string variable, Type type, const std::string& value, bool assignable) {
    into.push_back(simple(fmt::format("local {} = {}", variable, value)));
    expressions_.scope().push_back({std::move(variable), type, assignable});
  };
  for (const std::string& maker : declared_.makers_of_objects) {
    for (uint64_t i = 1 + random_.below(2); i > 0; --i)
      declare(name("object"), Type::kObject, fmt::format("{}({}, {})", maker, integer(), integer()), true);
  }
  for (const std::string& maker : declared_.makers_of_pairs) {
    const std::string change = name("change");
    const std::string see = name("see");
    into.push_back(simple(fmt::format("local {}, {} = {}({})", change, see, maker, integer())));
    expressions_.scope().push_back({change, Type::kFunction, true});
    expressions_.scope().push_back({see, Type::kFunction, true});
  }
  for (const std::string& maker : declared_.makers_of_functions)
    declare(name("made"), Type::kFunction, fmt::format(fmt::runtime(maker), integer(), integer()), true);
  if (random_.chance(40)) {
    const std::string holder = name("holder");
    declare(holder, Type::kHolder, fmt::format("{{f = {}, g = {}}}", function(0), function(1)), false);
  }
}

// Functions in a list, made in a loop whose rounds are known, and called afterwards.
Statement RandomFunctions::list_of_functions() {
  const std::string list = name("functions");
  const std::string i = name("i");
  const std::string own = name("own");
  const int64_t count = random_.between(1, 4);
  Statement all = compound("do", "end");
  all.body.push_back(fixed(fmt::format("local {} = {{}}", list)));
  Statement rounds = compound(fmt::format("for {} = 1, {} do", i, count), "end");
  const size_t outside = expressions_.scope().size();
  expressions_.scope().push_back({i, Type::kInteger, false});
  rounds.body.push_back(fixed(fmt::format("local {} = {}", own, integer())));
  expressions_.scope().push_back({own, Type::kInteger, true});
  if (random_.chance(30))
    rounds.body.push_back(simple(fmt::format("if {} then goto next_{} end", expressions_.boolean(1), i)));
  rounds.body.push_back(simple(fmt::format("{}[{}] = {}", list, i, function(1))));
  if (random_.chance(30)) rounds.body.push_back(simple(fmt::format("{} = {}", own, integer())));
  rounds.body.push_back(fixed(fmt::format("::next_{}::", i)));
  rounds.fixed = true;
  expressions_.scope().resize(outside);
  all.body.push_back(std::move(rounds));
  const std::string target = expressions_.variable(Type::kInteger, true);
  for (uint64_t n = 1 + random_.below(2); n > 0; --n) {
    const std::string which = fmt::format("{}[{}]", list, random_.between(1, count));
    all.body.push_back(simple(fmt::format("if {} then {} = {}({}) end", which, target, which, integer())));
  }
  if (random_.chance(40)) {
    all.body.push_back(
        simple(fmt::format("for {} = 1, #{} do {} = ({} + {}[{}]({})) end", i, list, target, target, list, i, i)));
  }
  return all;
}

Statement RandomFunctions::iterator(const std::function<void(std::vector<Statement>&)>& body) {
  const std::string i = name("i");
  const std::string value = name("value");
  Statement loop = compound(fmt::format("for {}, {} in {}(({} & 3), ({} & 15)) do", i, value,
                                        random_.pick(std::span(declared_.iterators)), integer(), integer()),
                            "end");
  const size_t outside = expressions_.scope().size();
  expressions_.scope().push_back({i, Type::kInteger, false});
  expressions_.scope().push_back({value, Type::kInteger, true});
  body(loop.body);
  expressions_.scope().resize(outside);
  return loop;
}

// A loop of goto, and one that goes on in the middle.
Statement RandomFunctions::backwards(const std::function<void(std::vector<Statement>&)>& body) {
  const std::string k = name("k");
  Statement all = compound("do", "end");
  all.body.push_back(fixed(fmt::format("local {} = 0", k)));
  all.body.push_back(fixed(fmt::format("::top_{}::", k)));
  Statement scope = compound("do", "end");
  scope.body.push_back(fixed(fmt::format("{} = {} + 1", k, k)));
  expressions_.scope().push_back({k, Type::kInteger, false});
  const std::string own = name("own");
  scope.body.push_back(simple(fmt::format("local {} = {}", own, integer())));
  const size_t outside = expressions_.scope().size();
  expressions_.scope().push_back({own, Type::kInteger, true});
  body(scope.body);
  if (const std::string holder = expressions_.variable(Type::kHolder); !holder.empty() && random_.chance(60))
    scope.body.push_back(simple(fmt::format("{}.{} = {}", holder, random_.pick({"f", "g"}), function(1))));
  scope.body.push_back(fixed(
      fmt::format("if {} < {} and {} then goto top_{} end", k, 1 + random_.below(6), expressions_.boolean(1), k)));
  scope.fixed = true;
  expressions_.scope().resize(outside - 1);
  all.body.push_back(std::move(scope));
  return all;
}

// Functions are put where others are, in a block of their own.
Statement RandomFunctions::keeper() {
  Statement block = compound("do", "end");
  const std::string own = name("own");
  const size_t outside = expressions_.scope().size();
  block.body.push_back(fixed(fmt::format("local {} = {}", own, integer())));
  expressions_.scope().push_back({own, Type::kInteger, true});
  const std::string holder = expressions_.variable(Type::kHolder);
  const std::string variable = expressions_.variable(Type::kFunction, true);
  const std::string object = expressions_.variable(Type::kObject, true);
  switch (random_.below(4)) {
    case 0:
      if (!object.empty()) {
        block.body.push_back(simple(fmt::format("{}.{} = {}", object, random_.pick({"add", "get"}), function(1))));
        break;
      }
      [[fallthrough]];
    case 1:
      if (!variable.empty()) {
        block.body.push_back(simple(fmt::format("{} = {}", variable, function(1))));
        break;
      }
      [[fallthrough]];
    case 2:
      if (const std::string other = expressions_.variable(Type::kObject); !object.empty() && other != object) {
        block.body.push_back(simple(fmt::format("{} = {}", object, other)));
        break;
      }
      [[fallthrough]];
    default:
      if (!holder.empty())
        block.body.push_back(simple(fmt::format("{}.{} = {}", holder, random_.pick({"f", "g"}), function(1))));
  }
  if (random_.chance(50)) block.body.push_back(simple(fmt::format("{} = {}", own, integer())));
  expressions_.scope().resize(outside);
  return block;
}

Statement RandomFunctions::statement(const std::function<void(std::vector<Statement>&)>& body) {
  switch (random_.below(6)) {
    case 0:
      if (!declared_.iterators.empty()) return iterator(body);
      [[fallthrough]];
    case 1:
      return list_of_functions();
    case 2:
      return backwards(body);
    case 3:
      if (!declared_.instances.empty()) {
        return simple(fmt::format("{}.{} = {}", random_.pick(std::span(declared_.instances)), random_.pick({"n", "z"}),
                                  integer()));
      }
      if (!declared_.plain_defaults.empty())
        return simple(fmt::format("{}.{} = {}", random_.pick(std::span(declared_.plain_defaults)),
                                  random_.pick({"a", "b"}), random_.chance(30) ? "nil" : integer()));
      [[fallthrough]];
    default:
      return keeper();
  }
}

}  // namespace perilune::parity
