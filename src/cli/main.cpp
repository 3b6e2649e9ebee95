#include "cli/command.h"
#include "cli/shortage.h"

namespace {

// Objects that are made before main() need memory, too.
[[gnu::constructor(101)]] void begin() {
  perilune::cli::explain_shortage_at_termination();
}

}  // namespace

int main(int argc, char** argv) {
  return perilune::cli::run_program(argc, argv);
}
