#include "script_file.h"

#include <fstream>
#include <sstream>

namespace perilune::parity {
namespace {

bool take_prefix(std::string_view& line, std::string_view prefix) {
  if (!line.starts_with(prefix)) return false;
  line.remove_prefix(prefix.size());
  return true;
}

}  // namespace

Result<ScriptFile> read_script_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return input_error(fmt::format("{} cannot be read", path));
  std::stringstream text;
  text << in.rdbuf();
  ScriptFile script;
  script.path = path;
  script.name = path.substr(path.rfind('/') + 1);
  script.text = text.str();

  std::istringstream lines(script.text);
  for (std::string line; std::getline(lines, line) && line.starts_with("--");) {
    std::string_view rest = line;
    if (take_prefix(rest, "-- only: native")) {
      script.only_native = true;
    } else if (take_prefix(rest, "-- spends its budget")) {
      script.spends_budget = true;
    } else if (take_prefix(rest, "-- refused: ")) {
      std::istringstream words{std::string(rest)};
      ScriptFile::Refusal refusal;
      if (!(words >> refusal.code >> refusal.line)) {
        return input_error(fmt::format("{}: a refusal has a code and a line: -- refused: CODE LINE", path));
      }
      script.refused = refusal;
    }
  }
  return script;
}

}  // namespace perilune::parity
