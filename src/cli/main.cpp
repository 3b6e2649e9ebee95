#include "cli/command.h"

int main(int argc, char** argv) {
  return perilune::cli::run_program(argc, argv);
}
