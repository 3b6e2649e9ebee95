// What the compiler knows of the functions that scripts find without loading anything. The table is in
// lowering/lowering_library.cpp: a row each.
#pragma once

#include <string_view>

namespace perilune::compiler {

struct LibraryFunction {
  std::string_view name = {};  // "string.byte"
  /// Called on constants it does nothing but compute its results, the same each time: then it is called at load. (Not
  /// string.gmatch: what it returns remembers how far it is, and each path of the program is at a place of its own.)
  bool pure = false;
  bool reads_tables = true;       // arguments that are tables go into its results with what they hold
  std::string_view refusal = {};  // where it is not compiled: the code, and what to write instead
  std::string_view advice = {};
};

/// Null: the function has no row.
[[nodiscard]] const LibraryFunction* find_library_function(std::string_view name);

}  // namespace perilune::compiler
