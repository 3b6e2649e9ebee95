#include "table_oracle.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

#include "folder.h"
#include "script/state/text.h"

namespace perilune::parity {
namespace {

const std::string kRunner = PERILUNE_SOURCE_DIR "/tests/parity/tables/run/stock.lua";

}  // namespace

std::string stock_lua_missing() {
  return std::system("command -v lua5.4 >/dev/null 2>&1") == 0 ? "" : "there is no lua5.4 (Debian package lua5.4)";
}

std::string as_logged(std::string_view text) {
  std::string shown = script::printable(text);
  for (size_t at = 0; (at = shown.find('\t', at)) != std::string::npos;)
    shown.replace(at, 1, "\\t");
  return shown;
}

Result<std::vector<TableAnswer>> ask_stock_lua(const std::string& script, const TableFile& table) {
  const Folder folder;
  const std::string records = folder.file("records");
  const std::string answers = folder.file("answers");
  {
    std::ofstream out(records, std::ios::binary);
    for (const TableCase& one : table.cases)
      out << record_of(one);
  }
  std::string kinds;
  for (const bool is_text : table.argument_is_text)
    kinds += !is_text ? 'i' : table.has_views ? 'v' : 't';
  // A case without end, or one that takes all memory, is a fault of its table: it must not take the machine with it.
  const std::string bounds = "ulimit -v 4194304 && timeout 300";
  const std::string command =
      fmt::format("{} lua5.4 '{}' '{}' '{}' '{}' >'{}'", bounds, kRunner, script, records, kinds, answers);
  if (std::system(command.c_str()) != 0) return input_error(fmt::format("{}: lua5.4 cannot run it", table.name));
  std::ifstream in(answers, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  const std::string bytes = content.str();
  std::vector<TableAnswer> all;
  for (size_t at = 0; at + 5 <= bytes.size();) {
    uint32_t length = 0;
    for (size_t n = 1; n <= 4; ++n)
      length = length << 8U | static_cast<unsigned char>(bytes[at + n]);
    TableAnswer answer;
    answer.error = bytes[at] == 'e';
    const std::string_view text = std::string_view(bytes).substr(at + 5, length);
    // A message may be of several lines, a line that is logged shows a line feed as text.
    answer.text = answer.error ? script::printable(text) : as_logged(text);
    all.push_back(std::move(answer));
    at += 5 + size_t{length};
  }
  if (all.size() != table.cases.size())
    return input_error(fmt::format("{}: lua5.4 answered {} of {} cases", table.name, all.size(), table.cases.size()));
  return all;
}

}  // namespace perilune::parity
