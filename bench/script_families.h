// Families of scripts that grow: the same kind of line again and again, with other numbers. What it costs to compile
// and to verify them must grow as they do.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace perilune::bench {

struct Family {
  std::string name;
  std::string (*text)(size_t lines);  // about that many lines in `filter`
  size_t most_lines = 4000;           // a limit of the language or of the manual ends it there
  bool writes = false;                // to the packet: not at netfilter
};

[[nodiscard]] const std::vector<Family>& families();

}  // namespace perilune::bench
