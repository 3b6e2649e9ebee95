#include "cli/command.h"
namespace perilune::cli {
Command add_test(CLI::App& program) {
  CLI::App* app = program.add_subcommand("test", "Run the tests of scripts");
  return {app, [] { return 2; }};
}
}  // namespace perilune::cli
