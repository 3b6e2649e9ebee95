// What a case came to: judged, compared with what it expects.
#pragma once

#include <string>
#include <vector>

#include "cli/testing/file.h"

namespace perilune::cli {

struct TestResult {
  std::string file;
  std::string name;
  std::vector<std::string> failures;  // each one or several lines; empty: the case passed
  double seconds = 0;

  [[nodiscard]] bool passed() const { return failures.empty(); }
};

/// Runs the case's script over its packets and compares. Never fails itself: what goes wrong is a failure of the case.
[[nodiscard]] TestResult run_case(TestFile& file, const TestCase& test);

}  // namespace perilune::cli
