// A script of the corpus and what its first comments ask for:
//
//   -- refused: CODE LINE    every engine but lua refuses it, with that code at that line
//   -- only: native          what it shows cannot be compared in the kernel (time, numbers, eviction)
//   -- spends its budget     at which line it is spent differs: compiled code counts a loop's rounds, lua instructions
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace perilune::parity {

struct ScriptFile {
  struct Refusal {
    std::string code;
    uint32_t line = 0;
  };
  std::string path;
  std::string name;  // without folder
  std::string text;
  std::optional<Refusal> refused;
  bool only_native = false;
  bool spends_budget = false;
};

[[nodiscard]] Result<ScriptFile> read_script_file(const std::string& path);

}  // namespace perilune::parity
