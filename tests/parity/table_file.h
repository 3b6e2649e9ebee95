// A table of the library's edges: a function and what it is asked, exhaustively over small sets of awkward values.
//
//   -- arguments: text 3, near          case(a, i) for every text of up to three awkward bytes, every integer near 0
//   -- arguments: view words         case(v) for views on these texts; all texts of the file are views then
//   -- each K: bases                    the file once for each value of that set, written where it says @K
//   -- may be refused                   what the compiler refuses with a reason is no difference
//   -- only: lua                        what does not compile: only our lua engine is held against the stock one
//   function case(a, i)
//     tell(a:sub(i, @K))
//   end
//
// A case has up to two texts (a, b) and up to two integers (i, j). tell() shows up to three values with their types.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace perilune::parity {

struct TableCase {
  std::vector<std::string> texts;
  std::vector<int64_t> integers;
};

/// One script of a table: all its @K replaced.
struct TableScript {
  std::string constants;  // "K = 16"; empty: none
  std::string text;
};

struct TableFile {
  std::string name;
  bool only_lua = false;
  bool may_be_refused = false;
  bool has_views = false;
  std::vector<bool> argument_is_text;  // in order
  std::vector<TableScript> scripts;
  std::vector<TableCase> cases;
};

/// `whole`: everything the file asks for; else a sample of it, another one for each seed.
[[nodiscard]] Result<TableFile> read_table_file(const std::string& path, bool whole, uint64_t seed);

/// As a packet carries it and the stock interpreter reads it: two integers, little endian as view:getint64() reads
/// them, two lengths, two texts.
[[nodiscard]] std::string record_of(const TableCase& one);

/// "('+5', 10)", for messages.
[[nodiscard]] std::string shown_case(const TableCase& one, const std::vector<bool>& argument_is_text);

}  // namespace perilune::parity
