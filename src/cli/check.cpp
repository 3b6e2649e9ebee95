#include "cli/command.h"
namespace perilune::cli {
Command add_check(CLI::App& program) {
  CLI::App* app = program.add_subcommand("check", "Find mistakes in scripts without running packets");
  return {app, [] { return 2; }};
}
}  // namespace perilune::cli
