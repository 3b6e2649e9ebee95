// The command line of `parity`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace perilune::parity {

struct Options {
  std::vector<std::string> scripts;
  std::vector<std::string> captures;
  std::vector<std::string> engines;  // empty: all there are
  unsigned most = 3;
  uint64_t seed = 1;
  unsigned jobs = 1;  // threads
  bool list = false;
  bool progress = false;
  bool print = false;    // the random scripts
  uint64_t random = 0;   // scripts to make up instead
  bool in_turn = false;  // each of them at one of the kernel's hooks
  bool tables = false;   // of the library's edges instead
  bool whole = false;    // not only a sample of each table
};

[[nodiscard]] Result<Options> parse_options(std::span<char*> words);

}  // namespace perilune::parity
