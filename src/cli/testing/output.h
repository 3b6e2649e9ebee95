// How the results of tests are reported: to people, as TAP (version 13), and as the XML that build servers read
// (JUnit).
#pragma once

#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "cli/testing/result.h"

namespace perilune::cli {

class TestOutput {
 public:
  virtual ~TestOutput() = default;
  virtual void result(const TestResult& result) = 0;
  /// After the last one.
  virtual void end(uint64_t passed, uint64_t failed) = 0;
};

[[nodiscard]] std::unique_ptr<TestOutput> test_text_output();
[[nodiscard]] std::unique_ptr<TestOutput> test_tap_output();
/// Writes an open file, whose path is for messages; the results go in at once, so that it is whole or an error.
[[nodiscard]] Result<void> write_junit(const FileDescriptor& out, const std::string& path,
                                       const std::vector<TestResult>& results);

}  // namespace perilune::cli
