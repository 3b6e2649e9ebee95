// Functions of random scripts: made by functions, kept in tables, lists and variables, sharing and changing what they
// have captured; metatables; several results. What they are made of are idioms with random expressions in them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "random_expressions.h"
#include "script_tree.h"

namespace perilune::parity {

class RandomFunctions {
 public:
  RandomFunctions(RandomSource& random, Expressions& expressions, Declared& declared)
      : random_(random), expressions_(expressions), declared_(declared) {}

  /// What the main chunk declares.
  void head(std::vector<Statement>& into);
  /// Functions and objects that the filter begins with.
  void locals(std::vector<Statement>& into);
  /// One of the idioms. `body` fills a list with statements that may use what is in scope then.
  Statement statement(const std::function<void(std::vector<Statement>&)>& body);

 private:
  static Statement simple(std::string text) { return {std::move(text), {}, {}, {}, false}; }
  static Statement fixed(std::string text) { return {std::move(text), {}, {}, {}, true}; }
  static Statement compound(std::string text, std::string end) {
    return {std::move(text), {}, {}, std::move(end), false};
  }
  std::string integer() { return expressions_.integer(1 + static_cast<unsigned>(random_.below(2))); }
  std::string name(const char* prefix) { return expressions_.name(prefix); }
  std::string operation(const std::string& a, const std::string& b);
  /// "function(x) ... end" with what is in scope; of one integer, gives one.
  std::string function(unsigned statements);
  void makers(std::vector<Statement>& into);
  void metatables(std::vector<Statement>& into);
  Statement list_of_functions();
  Statement iterator(const std::function<void(std::vector<Statement>&)>& body);
  Statement backwards(const std::function<void(std::vector<Statement>&)>& body);
  Statement keeper();

  RandomSource& random_;
  Expressions& expressions_;
  Declared& declared_;
};

}  // namespace perilune::parity
