// A made-up script as statements in statements, so that it can be made smaller piece by piece.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace perilune::parity {

struct Statement {
  std::string text;                  // the first line: the whole of it for a simple statement
  std::vector<Statement> body;       // of a compound one
  std::vector<Statement> otherwise;  // behind else
  std::string end;                   // the last line; empty: a simple statement
  bool fixed = false;                // cannot be left out
};

[[nodiscard]] std::string to_text(const std::vector<Statement>& statements, unsigned depth = 0);

/// Leaves out, unwraps and simplifies while `still` says that what remains is still wanted; at most `attempts` calls.
void shrink(std::vector<Statement>& statements, const std::function<bool(const std::string&)>& still,
            unsigned attempts);

}  // namespace perilune::parity
