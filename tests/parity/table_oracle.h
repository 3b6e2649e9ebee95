// What the stock interpreter says of a table's cases. It is run as a process: nothing of ours is in it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "table_file.h"

namespace perilune::parity {

struct TableAnswer {
  bool error = false;
  std::string text;  // the lines logged, or the message without its place; as our logs show text
  bool operator==(const TableAnswer&) const = default;
};

/// The reason there is no stock interpreter here; empty: there is one.
[[nodiscard]] std::string stock_lua_missing();

/// An answer for each case. `script` is a file that defines the function case().
[[nodiscard]] Result<std::vector<TableAnswer>> ask_stock_lua(const std::string& script, const TableFile& table);

/// `text` as log() of ours shows it.
[[nodiscard]] std::string as_logged(std::string_view text);

}  // namespace perilune::parity
