// Shrinking is greedy: one pass tries every statement, from the last to the first and from the outside to the inside;
// passes go on until one changes nothing. Expressions are fully parenthesised where they are made, so that a pair of
// parentheses is something that a constant can stand for.
#include "script_tree.h"

#include <array>
#include <cctype>
#include <optional>
#include <utility>

namespace perilune::parity {
namespace {

class Shrinker {
 public:
  Shrinker(std::vector<Statement>& root, const std::function<bool(const std::string&)>& still, unsigned attempts)
      : root_(root), still_(still), left_(attempts) {}

  void run() {
    bool changed = true;
    while (changed && left_ > 0) {
      changed = false;
      changed |= remove_from(root_);
      changed |= simplify_in(root_);
    }
  }

 private:
  bool accepted() {
    if (left_ == 0) return false;
    --left_;
    return still_(to_text(root_));
  }

  bool remove_from(std::vector<Statement>& list) {
    bool changed = false;
    for (size_t i = list.size(); i-- > 0;) {
      if (!list[i].fixed && (without(list, i) || unwrapped(list, i))) {
        changed = true;
        continue;
      }
      changed |= remove_from(list[i].body);
      changed |= remove_from(list[i].otherwise);
    }
    return changed;
  }

  bool without(std::vector<Statement>& list, size_t at) {
    Statement kept = std::move(list[at]);
    list.erase(list.begin() + static_cast<ptrdiff_t>(at));
    if (accepted()) return true;
    list.insert(list.begin() + static_cast<ptrdiff_t>(at), std::move(kept));
    return false;
  }

  bool unwrapped(std::vector<Statement>& list, size_t at) {
    if (list[at].body.empty()) return false;
    const std::vector<Statement> before = list;
    const std::vector<Statement> body = list[at].body;
    list.erase(list.begin() + static_cast<ptrdiff_t>(at));
    list.insert(list.begin() + static_cast<ptrdiff_t>(at), body.begin(), body.end());
    if (accepted()) return true;
    list = before;
    return false;
  }

  bool simplify_in(std::vector<Statement>& list) {
    bool changed = false;
    for (Statement& statement : list) {
      changed |= simplify(statement);
      changed |= simplify_in(statement.body);
      changed |= simplify_in(statement.otherwise);
    }
    return changed;
  }

  bool simplify(Statement& statement) {
    bool changed = false;
    for (size_t at = 0; at < statement.text.size() && left_ > 0; ++at) {
      if (statement.text[at] != '(') continue;
      if (at > 0 && (std::isalnum(static_cast<unsigned char>(statement.text[at - 1])) != 0)) continue;  // a call
      const size_t end = closing(statement.text, at);
      if (end == std::string::npos) continue;
      changed |= replace_group(statement, at, end);
    }
    return changed;
  }

  bool replace_group(Statement& statement, size_t begin, size_t end) {
    const std::string before = statement.text;
    const std::string inner = before.substr(begin + 1, end - begin - 1);
    if (inner.size() < 2) return false;
    for (const char* simple : {"1", "'a'", "true"}) {
      statement.text = before.substr(0, begin) + simple + before.substr(end + 1);
      if (accepted()) return true;
    }
    statement.text = before;
    return false;
  }

  static size_t closing(const std::string& text, size_t open) {
    int depth = 0;
    char quote = 0;
    for (size_t i = open; i < text.size(); ++i) {
      if (quote != 0) {
        if (text[i] == '\\')
          ++i;
        else if (text[i] == quote)
          quote = 0;
      } else if (text[i] == '\'') {
        quote = text[i];
      } else if (text[i] == '(') {
        ++depth;
      } else if (text[i] == ')' && --depth == 0) {
        return i;
      }
    }
    return std::string::npos;
  }

  std::vector<Statement>& root_;
  const std::function<bool(const std::string&)>& still_;
  unsigned left_;
};

}  // namespace

std::string to_text(const std::vector<Statement>& statements, unsigned depth) {
  std::string text;
  const std::string indent(size_t{2} * depth, ' ');
  for (const Statement& statement : statements) {
    text += indent + statement.text + "\n";
    text += to_text(statement.body, depth + 1);
    if (!statement.otherwise.empty()) text += indent + "else\n" + to_text(statement.otherwise, depth + 1);
    if (!statement.end.empty()) text += indent + statement.end + "\n";
  }
  return text;
}

void shrink(std::vector<Statement>& statements, const std::function<bool(const std::string&)>& still,
            unsigned attempts) {
  Shrinker(statements, still, attempts).run();
}

}  // namespace perilune::parity
