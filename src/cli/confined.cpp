#include "cli/confined.h"

#include <cstdio>
#include <string>

#include "cli/stream.h"
#include "cli/terminal.h"
#include "hooks/confinement.h"

namespace perilune::cli {

void confine_to_scripts() {
  const std::string problem = hooks::confine_if_possible(hooks::Work::kScripts);
  if (!problem.empty()) print_to(stderr, "perilune: warning: {}\n", printable(problem));
}

}  // namespace perilune::cli
