// Random expressions of the compiled subset, as text. Fully parenthesised, so that they can be taken apart again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "random_source.h"

namespace perilune::parity {

/// What a script may use. Chosen per script, so that some fit every hook.
struct Allowed {
  bool marks = true;
  bool writes = true;
  bool maps = true;
  bool patterns = true;
  bool addresses = true;  // as texts, by net
  unsigned risk = 4;      // of expressions that may fail, in per cent
};

enum class Type : uint8_t {
  kInteger,
  kText,
  kBoolean,
  kMaybeInteger,
  kView,
  kTable,     // made by the filter: integers as .a and [1], a text as .s
  kFunction,  // of one integer, made by the filter: it sees and changes the variables around it
  kObject,    // a table with the functions add (of one integer) and get
  kHolder,    // a table with the functions f and g, of one integer, which change
};

struct Variable {
  std::string name;
  Type type = Type::kInteger;
  bool assignable = true;
};

/// Names that the head of the script declares.
struct Declared {
  std::vector<std::string> layouts;        // applied to hdr or pld by views; their fields are f1 ... f6
  std::vector<std::string> number_tables;  // integer to integer
  std::vector<std::string> text_tables;    // text to integer
  std::vector<std::string> functions;      // of two integers
  std::vector<std::string> lists;          // of integers
  std::vector<std::string> records;        // tables with the fields n, an integer, and on, a boolean, that change
  // Of random_functions.h:
  std::vector<std::string> makers_of_objects;    // of two integers: a kObject
  std::vector<std::string> makers_of_pairs;      // of an integer: two kFunction
  std::vector<std::string> makers_of_functions;  // a call with two places for integers: a kFunction
  std::vector<std::string> iterators;            // of two integers
  std::vector<std::string> several;              // of two integers, with one to four results
  std::vector<std::string> instances;            // of classes: fields n, k, z, methods step and sum
  std::vector<std::string> defaults;             // tables with an __index function
  std::vector<std::string> plain_defaults;       // tables with __index tables
};

class Expressions {
 public:
  Expressions(RandomSource& random, const Allowed& allowed, const Declared& declared)
      : random_(random), allowed_(allowed), declared_(declared) {}

  std::string integer(unsigned depth);
  std::string text(unsigned depth);
  std::string boolean(unsigned depth);
  std::string pattern();
  std::string literal();
  std::string constant_text();
  std::string byte();                    // of a view
  std::string text_key(unsigned depth);  // of the map m4

  [[nodiscard]] std::vector<Variable>& scope() { return scope_; }
  /// Empty when there is none of that type.
  [[nodiscard]] std::string variable(Type type, bool to_assign = false);
  std::string name(const char* prefix) { return prefix + std::to_string(++names_); }
  bool in_loop = false;
  bool in_function = false;  // made by the filter: it calls no other

 private:
  bool risky() { return random_.chance(allowed_.risk); }
  std::string arithmetic(unsigned depth);
  std::string integer_of_text(unsigned depth);
  std::string comparison(unsigned depth);
  std::string map_read(unsigned depth);
  std::string pattern_item();
  std::string of_functions(unsigned depth);
  std::string of_metatables(unsigned depth);
  std::string several(unsigned depth);
  std::string open_results(unsigned depth);
  std::string number_in_text(unsigned depth);
  std::string edges(unsigned depth);

  RandomSource& random_;
  const Allowed& allowed_;
  const Declared& declared_;
  std::vector<Variable> scope_;
  unsigned names_ = 0;
};

/// As a Lua literal between single quotes.
[[nodiscard]] std::string quoted(std::string_view bytes);

}  // namespace perilune::parity
